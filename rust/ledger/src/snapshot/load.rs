//! Loading: every byte is hostile. What is loaded is saved as the very same bytes.

use super::{Fault, List, MAGIC, SnapshotError, VERSION};
use crate::state::State;
use crate::{Ledger, LedgerConfig};
use alloy_primitives::{Address, B256, U256};
use fallow_log::{Frontier, MAX_SIZE};
use fallow_protocol::{
    CalendarWord, Domain, LANES, RequesterWord, ResourceId, ResourceWord, SlotRange,
};
use std::collections::HashMap;
use std::hash::Hash;
use std::io::{BufReader, ErrorKind, Read};
use std::sync::Arc;

/// Half of what a log can have: a ledger that was loaded never finds it full.
const MAX_RECORDS: u64 = MAX_SIZE / 2;

impl Ledger {
    /// Reads a snapshot. The parent of `config` is not looked at: it stands in the log.
    ///
    /// Shows that the bytes are the one encoding of a state that does not contradict itself, not that
    /// the network has ever been in it: for that, compare the commitment.
    ///
    /// # Errors
    /// When the bytes are no snapshot of this network's ledger, or the reader fails.
    pub fn load(config: LedgerConfig, reader: impl Read) -> Result<Self, SnapshotError> {
        let domain = Domain::new(config.registry, config.network_id);
        let mut input = Input { reader: BufReader::new(reader) };
        input.head(&domain)?;
        let mut state = State { log: input.log()?, ..State::new(config.writers) };
        let recorded = input.resources(&mut state)?;
        input.calendars(&mut state, &recorded)?;
        input.requesters(&mut state)?;
        input.released(&mut state)?;
        input.finish()?;
        Ok(Self { domain, state: Arc::new(state) })
    }
}

/// Recorded resources by the index of their records.
type Recorded = HashMap<u64, ResourceWord>;

struct Input<R> {
    reader: BufReader<R>,
}

impl<R: Read> Input<R> {
    fn take<const N: usize, T: From<[u8; N]>>(&mut self) -> Result<T, SnapshotError> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => SnapshotError::Truncated,
            _ => SnapshotError::Read(error),
        })?;
        Ok(bytes.into())
    }

    fn number(&mut self) -> Result<u64, SnapshotError> {
        Ok(u64::from_be_bytes(self.take()?))
    }

    fn head(&mut self, want: &Domain) -> Result<(), SnapshotError> {
        if self.take::<4, [u8; 4]>()? != *MAGIC {
            return Err(SnapshotError::Magic);
        }
        match self.take::<1, [u8; 1]>()? {
            [VERSION] => {}
            [got] => return Err(SnapshotError::Version { got, want: VERSION }),
        }
        let (got, want_network) = (self.take()?, want.network_id);
        if got != want_network {
            return Err(SnapshotError::Network { got, want: want_network });
        }
        let (got, want) = (self.take()?, want.registry);
        if got != want {
            return Err(SnapshotError::Registry { got, want });
        }
        Ok(())
    }

    fn log(&mut self) -> Result<Frontier, SnapshotError> {
        let size = self.number()?;
        if size == 0 || size > MAX_RECORDS {
            return Err(SnapshotError::Size(size));
        }
        let mut peaks = [B256::ZERO; 64];
        for height in (0_u32..64).rev().filter(|height| size.wrapping_shr(*height) & 1 == 1) {
            peaks[height as usize] = self.take()?;
        }
        Frontier::from_parts(size, &peaks).map_err(|_| SnapshotError::Size(size))
    }

    fn resources(&mut self, state: &mut State) -> Result<Recorded, SnapshotError> {
        let (mut ids, mut recorded) = (Ascending::new(List::Resources), Recorded::new());
        for _ in 0..self.number()? {
            let id: ResourceId = self.take()?;
            ids.next(id)?;
            let bytes: B256 = self.take()?;
            let word = resource_word(bytes, state.log.size())?;
            let fault = |fault| SnapshotError::Word { list: List::Resources, word: bytes, fault };
            if word.index != 0 && recorded.insert(word.index, word).is_some() {
                return Err(fault(Fault::IndexTaken));
            }
            state.resources.insert(id, word);
            if word.has_approver {
                let approver: Address = self.take()?;
                if approver.is_zero() {
                    return Err(fault(Fault::Approver));
                }
                state.approvers.insert(id, approver);
            }
        }
        Ok(recorded)
    }

    fn calendars(&mut self, state: &mut State, recorded: &Recorded) -> Result<(), SnapshotError> {
        let mut keys = Ascending::new(List::Calendars);
        for _ in 0..self.number()? {
            let key = (self.number()?, self.number()?);
            keys.next(key)?;
            let bytes: B256 = self.take()?;
            let word = CalendarWord::from_bytes(bytes.0);
            let resource = recorded.get(&key.0).ok_or(Fault::ResourceUnknown);
            resource
                .and_then(|resource| calendar_word(resource, key.1, &word, state.log.size()))
                .map_err(|fault| SnapshotError::Word { list: List::Calendars, word: bytes, fault })?;
            state.calendars.insert(key, word);
        }
        Ok(())
    }

    fn requesters(&mut self, state: &mut State) -> Result<(), SnapshotError> {
        let mut keys = Ascending::new(List::Requesters);
        for _ in 0..self.number()? {
            let requester: Address = self.take()?;
            keys.next(requester)?;
            let word: B256 = self.take()?;
            requester_word(&RequesterWord::from_word(word.into()), state.log.size())
                .map_err(|fault| SnapshotError::Word { list: List::Requesters, word, fault })?;
            state.requesters.insert(requester, word);
        }
        Ok(())
    }

    fn released(&mut self, state: &mut State) -> Result<(), SnapshotError> {
        let mut keys = Ascending::new(List::Released);
        for _ in 0..self.number()? {
            let number = self.number()?;
            keys.next(number)?;
            let bytes: B256 = self.take()?;
            let word = bytes.into();
            released_word(number, word, state.log.size()).map_err(|fault| SnapshotError::Word {
                list: List::Released,
                word: bytes,
                fault,
            })?;
            state.released.insert(number, word);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), SnapshotError> {
        match self.take::<1, [u8; 1]>() {
            Err(SnapshotError::Truncated) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(SnapshotError::Trailing),
        }
    }
}

/// Keys of one list, which rise.
struct Ascending<K> {
    list: List,
    last: Option<K>,
}

impl<K: Ord + Hash> Ascending<K> {
    const fn new(list: List) -> Self {
        Self { list, last: None }
    }

    fn next(&mut self, key: K) -> Result<(), SnapshotError> {
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(SnapshotError::Disorder(self.list));
        }
        self.last = Some(key);
        Ok(())
    }
}

/// A tombstone, or what an announcement left in a log of this size.
fn resource_word(bytes: B256, size: u64) -> Result<ResourceWord, SnapshotError> {
    let word = ResourceWord::from_word(bytes.into());
    let tombstone = ResourceWord { withdrawn: true, ..ResourceWord::default() };
    let window = word.end_time.saturating_sub(word.start_time);
    let whole = window.checked_rem(word.slot_seconds.into()) == Some(0) && window > 0;
    let fault = if bytes.is_zero() {
        Fault::Zero
    } else if word.to_word() != U256::from_be_bytes(bytes.0) {
        Fault::Terms
    } else if word == tombstone {
        return Ok(word);
    } else if word.index == 0 || word.index >= size {
        Fault::Index
    } else if word.volume == 0 || !whole {
        Fault::Terms
    } else {
        return Ok(word);
    };
    Err(SnapshotError::Word { list: List::Resources, word: bytes, fault })
}

fn calendar_word(
    resource: &ResourceWord,
    number: u64,
    word: &CalendarWord,
    size: u64,
) -> Result<(), Fault> {
    if *word == CalendarWord::default() {
        return Err(Fault::Zero);
    }
    // Written by a record after the announcement's.
    if word.index <= resource.index || word.index >= size {
        return Err(Fault::Index);
    }
    let window = resource.end_time.saturating_sub(resource.start_time);
    let slots = window.checked_div(resource.slot_seconds.into()).unwrap_or(0);
    let slots = SlotRange { first: 0, last: slots.saturating_sub(1) };
    if number > slots.last / LANES {
        return Err(Fault::Slots);
    }
    let past = slots.lanes(number).end().saturating_add(1);
    if word.used[past..].iter().any(|used| *used != 0) {
        return Err(Fault::Slots);
    }
    if word.used.iter().any(|used| *used > resource.volume) {
        return Err(Fault::Overused);
    }
    Ok(())
}

fn requester_word(word: &RequesterWord, size: u64) -> Result<(), Fault> {
    if *word == RequesterWord::default() {
        return Err(Fault::Zero);
    }
    if word.index == 0 || word.index >= size {
        return Err(Fault::Index);
    }
    // The lowest bit that can be marked is that of sequence 0, with which everybody begins.
    let lowest = u32::try_from(word.highest).unwrap_or(u32::MAX);
    if word.highest == 0 || word.bitmap.checked_shr(lowest).unwrap_or(0) != 0 {
        return Err(Fault::Sequence);
    }
    Ok(())
}

fn released_word(number: u64, word: U256, size: u64) -> Result<(), Fault> {
    if word.is_zero() {
        return Err(Fault::Zero);
    }
    let highest = u64::try_from(word.bit_len().saturating_sub(1)).unwrap_or(u64::MAX);
    let last = number.checked_mul(256).and_then(|first| first.checked_add(highest));
    match last {
        Some(index) if index < size => Ok(()),
        _ => Err(Fault::Released),
    }
}
