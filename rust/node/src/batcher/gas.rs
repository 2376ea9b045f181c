//! Gas of one transaction, bounded from what the ledger knows instead of asked from a node: an
//! estimate would be made against a state without the transactions that are on their way.
//!
//! Storage is counted cell by cell (EIP-2929), calldata byte by byte (EIP-2028, EIP-7623). What the
//! registry computes was measured (`docs/performance.md`) and has some margin here; the tests hold
//! the bounds against a real chain.

use alloy_primitives::Address;
use fallow_ledger::Ledger;
use fallow_protocol::{CalendarWord, MAX_WORDS, RequesterWord, ResourceId, SlotRange};
use std::collections::HashSet;

/// Base of every transaction.
const BASE: u64 = 21_000;
/// Four tokens for a byte that is not zero, one for a zero; this much for each token.
const TOKEN: u64 = 4;
/// At least this much for each token (EIP-7623).
const FLOOR_TOKEN: u64 = 10;
/// For each byte while a transaction grows; what it is sent with is counted exactly.
const BYTE: u64 = 16;
/// A cold read (EIP-2929).
const READ: u64 = 2_100;
/// A cold cell that holds something is read and written.
const CHANGE: u64 = 5_000;
/// A cold cell that holds nothing is read and written.
const FILL: u64 = 22_100;
/// A cell that the transaction has written is read and written again.
const AGAIN: u64 = 200;
/// Calling, decoding, opening the log and its event.
const OPEN: u64 = 12_000;
/// One signature recovered, with the call of the precompile.
const RECOVER: u64 = 3_300;
/// One leaf pushed, with as many node hashes as records follow each other.
const PUSH: u64 = 700;
/// A byte of an event.
const EVENT_BYTE: u64 = 8;
/// An event with three topics.
const EVENT: u64 = 1_600;

/// Allocations in one released word.
const RELEASED_BITS: u64 = 256;

/// A storage cell of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cell {
    Resource(ResourceId),
    Approver(ResourceId),
    Word(ResourceId, u64),
    Requester(Address),
    Released(u64),
}

/// What an item adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Gas without calldata.
    pub(crate) gas: u64,
    /// Bytes of calldata.
    pub(crate) bytes: usize,
    /// Records that it appends at most.
    records: u64,
    /// Cells that are warm afterwards.
    cells: Vec<Cell>,
}

impl Cost {
    pub(crate) fn new(gas: u64, bytes: usize, records: u64) -> Self {
        let pushes = PUSH.saturating_mul(records);
        Self { gas: gas.saturating_add(pushes), bytes, records, cells: Vec::new() }
    }

    pub(crate) const fn add(&mut self, gas: u64) {
        self.gas = self.gas.saturating_add(gas);
    }

    /// Adds what comes with the item.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.add(other.gas);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.records = self.records.saturating_add(other.records);
        self.cells.extend(&other.cells);
    }
}

/// One transaction while it grows.
#[derive(Clone, Debug)]
pub(crate) struct Meter<'a> {
    ledger: &'a Ledger,
    /// Cells that earlier items have read or written.
    warm: HashSet<Cell>,
    gas: u64,
    bytes: usize,
    records: u64,
}

impl<'a> Meter<'a> {
    /// A transaction without items.
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, warm: HashSet::new(), gas: 0, bytes: 0, records: 0 }
    }

    /// Adds an item.
    pub(crate) fn take(&mut self, cost: &Cost) {
        self.gas = self.gas.saturating_add(cost.gas);
        self.bytes = self.bytes.saturating_add(cost.bytes);
        self.records = self.records.saturating_add(cost.records);
        self.warm.extend(&cost.cells);
    }

    /// Whether an item before has read or written the cell.
    pub(crate) fn is_warm(&self, cell: &Cell) -> bool {
        self.warm.contains(cell)
    }

    /// Bytes of calldata after one more item.
    pub(crate) const fn bytes_with(&self, cost: &Cost) -> usize {
        self.bytes.saturating_add(cost.bytes)
    }

    /// Gas limit after one more item, before calldata is there.
    pub(crate) fn gas_with(&self, cost: &Cost, caution: u64) -> u64 {
        let bytes = self.bytes_with(cost);
        let gas = self.gas.saturating_add(cost.gas);
        let records = self.records.saturating_add(cost.records);
        let data = BYTE.saturating_mul(as_u64(bytes));
        BASE.saturating_add(data).saturating_add(self.run(gas, bytes, records, caution))
    }

    /// Gas limit with this calldata.
    pub(crate) fn limit(&self, data: &[u8], caution: u64) -> u64 {
        let zeros = as_u64(data.iter().filter(|byte| **byte == 0).count());
        let others = as_u64(data.len()).saturating_sub(zeros);
        let tokens = others.saturating_mul(4).saturating_add(zeros);
        let run = self.run(self.gas, data.len(), self.records, caution);
        let standard = TOKEN.saturating_mul(tokens).saturating_add(run);
        BASE.saturating_add(standard.max(FLOOR_TOKEN.saturating_mul(tokens)))
    }

    /// All that is not calldata, with as much more as caution asks for.
    fn run(&self, items: u64, bytes: usize, records: u64, caution: u64) -> u64 {
        let all = items.saturating_add(OPEN).saturating_add(self.log(records));
        let all = all.saturating_add(memory(bytes));
        all.saturating_mul(caution.max(100)) / 100
    }

    /// Size and peaks of the log. Where others append before, other peaks are read and written: so
    /// this is what any log of about this size may cost. Peaks that were never written are the
    /// dearest, and nobody knows which these are.
    fn log(&self, records: u64) -> u64 {
        let Some(most) = records.checked_ilog2() else { return CHANGE };
        let written = u64::from(most).saturating_add(1);
        let size = self.ledger.size().saturating_add(records);
        let read = u64::from(size.checked_ilog2().unwrap_or(0)).saturating_add(1);
        CHANGE
            .saturating_add(written.saturating_mul(FILL))
            .saturating_add(read.saturating_mul(READ))
    }

    /// Reads a cell.
    pub(crate) fn read(&self, cost: &mut Cost, cell: Cell) {
        let is_warm = self.warm.contains(&cell);
        cost.cells.push(cell);
        cost.add(if is_warm { 100 } else { READ });
    }

    /// Reads and writes a cell.
    pub(crate) fn write(&self, cost: &mut Cost, cell: Cell) {
        let gas = if self.warm.contains(&cell) {
            AGAIN
        } else if self.holds(cell) {
            CHANGE
        } else {
            FILL
        };
        cost.cells.push(cell);
        cost.add(gas);
    }

    /// Reads and writes the calendar words of slots. Without slots, for a resource that nobody
    /// knows yet, as many new ones as a request may touch.
    pub(crate) fn write_words(&self, cost: &mut Cost, id: ResourceId, slots: Option<SlotRange>) {
        match slots.filter(|slots| slots.word_count() <= MAX_WORDS) {
            Some(slots) => slots.words().for_each(|word| self.write(cost, Cell::Word(id, word))),
            None => cost.add(FILL.saturating_mul(MAX_WORDS)),
        }
    }

    fn holds(&self, cell: Cell) -> bool {
        match cell {
            Cell::Resource(id) => self.ledger.resource(id).is_some(),
            Cell::Approver(id) => !self.ledger.approver(id).is_zero(),
            Cell::Word(id, number) => self.ledger.word(id, number) != CalendarWord::default(),
            Cell::Requester(address) => self.ledger.requester(address) != RequesterWord::default(),
            Cell::Released(number) => {
                let first = number.saturating_mul(RELEASED_BITS);
                (first..first.saturating_add(RELEASED_BITS))
                    .any(|index| self.ledger.is_released(index))
            }
        }
    }
}

/// The registry keeps a copy of a packed batch for its event: memory costs linearly, and with the
/// square (Yellow Paper, appendix G).
fn memory(bytes: usize) -> u64 {
    let words = as_u64(bytes).div_ceil(32).saturating_add(200);
    words.saturating_mul(3).saturating_add(words.saturating_mul(words) / 512)
}

/// What the registry computes for each kind of item, storage aside.
pub(crate) mod item {
    use super::{Cost, EVENT, EVENT_BYTE, RECOVER};

    /// An announcement of `announceMany`, or one that a group carries.
    pub(crate) fn announcement(bytes: usize) -> Cost {
        Cost::new(RECOVER + EVENT + 192 * EVENT_BYTE + 3_000, bytes, 1)
    }

    /// A withdrawal of `withdrawMany`.
    pub(crate) fn withdrawal(bytes: usize) -> Cost {
        Cost::new(RECOVER + EVENT + 416 * EVENT_BYTE + 3_500, bytes, 1)
    }

    /// The head of a group of requests.
    pub(crate) const HEAD: u64 = 3_500;

    /// Looking at one slot asked for the fullest.
    pub(crate) const SLOT: u64 = 70;

    /// A request of a group: a refused one has an event of its own, and looks for the slot that
    /// lacks volume.
    pub(crate) fn request(bytes: usize, signatures: u64, (slots, words): (u64, u64)) -> Cost {
        let recovered = RECOVER.saturating_mul(signatures);
        let kept = as_event(bytes).saturating_add(words.saturating_mul(160));
        let refused = (EVENT + 128 * EVENT_BYTE).saturating_add(slots.saturating_mul(90));
        let mut cost = Cost::new(3_200, bytes, 1);
        cost.add(recovered);
        cost.add(kept.max(refused));
        cost
    }

    /// A release with a path of so many nodes.
    pub(crate) fn release(bytes: usize, nodes: u64, words: u64) -> Cost {
        let mut cost = Cost::new(RECOVER + 88 * EVENT_BYTE + 5_500, bytes, 1);
        cost.add(nodes.saturating_mul(220));
        cost.add(words.saturating_mul(250));
        cost
    }

    fn as_event(bytes: usize) -> u64 {
        super::as_u64(bytes).saturating_mul(EVENT_BYTE + 1)
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
