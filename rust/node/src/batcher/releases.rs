//! Releases: packed, sorted by the records that they bring, so that paths lean on each other.

use crate::batcher::gas::{Cell, Cost, Meter, item};
use crate::batcher::plan::{Batch, PathSource, PlanContext, PlanError, Waiting};
use crate::store::types::Pending;
use alloy::sol_types::SolCall as _;
use alloy_primitives::FixedBytes;
use fallow_chain::Registry;
use fallow_ledger::Message;
use fallow_protocol::packed::{PackedRelease, encode_releases, path_nodes, shorten_paths};
use fallow_protocol::{ALLOCATION_BYTES, AllocationBody, Body, Record, Signature, SlotRange};

/// fromTime, timestamp, signature, record, count of nodes.
const ITEM_BYTES: usize = 8 + 8 + 64 + ALLOCATION_BYTES + 1;
const NODE_BYTES: usize = 32;
/// A release whose path may go stale before it is there is sent all the same so many seconds before
/// its promise ends.
pub(crate) const URGENT_SECONDS: u64 = 20;

/// Items of `releasePacked`.
#[derive(Debug)]
pub(crate) struct Releases<'a, P> {
    pub(crate) context: &'a PlanContext<'a, P>,
    /// So many announcements go before.
    pub(crate) announcements: usize,
}

/// A release with the allocation that it gives back.
#[derive(Clone, Debug)]
pub(crate) struct Released {
    packed: PackedRelease,
    index: u64,
    allocation: AllocationBody,
    by_time: u64,
}

/// All of them, in the order of the records that they bring.
pub(crate) fn pick(pending: &[&Pending]) -> Vec<Waiting<Released>> {
    let read = pending
        .iter()
        .filter_map(|pending| Some(Waiting { arrival: pending.arrival, item: read(pending)? }));
    let mut all: Vec<_> = read.collect();
    all.sort_by_key(|waiting| waiting.item.index);
    all
}

/// Whether a path leads to the same peak in a log that has grown.
fn holds(index: u64, size: u64, growth: u64) -> bool {
    path_nodes(size, index, None) == path_nodes(size.saturating_add(growth), index, None)
}

fn read(pending: &Pending) -> Option<Released> {
    let Message::Release { release, signatures, record, .. } = &pending.message else {
        return None;
    };
    let decoded = Record::decode(record);
    let signature = <[u8; 64]>::try_from(signatures.as_ref());
    let (Ok(Record { index, body: Body::Allocation(allocation), .. }), Ok(signature)) =
        (decoded, signature)
    else {
        tracing::error!(arrival = pending.arrival, "a promised release is malformed");
        return None;
    };
    let packed = PackedRelease {
        from_time: release.from_time,
        timestamp: release.timestamp,
        signature: Signature::from(signature),
        record: FixedBytes::<ALLOCATION_BYTES>::try_from(record.as_ref()).ok()?,
        path: Vec::new(),
    };
    let by_time = pending.promise.promise.by_time;
    Some(Released { packed, index, allocation, by_time })
}

impl Released {
    /// The slots that are given back, or all if the times are odd.
    fn slots(&self) -> SlotRange {
        let allocation = &self.allocation;
        let count = u64::from(allocation.slot_count.max(1));
        let last = allocation.first_slot.saturating_add(count).saturating_sub(1);
        let seconds = allocation.end_time.saturating_sub(allocation.start_time);
        let gone = self.packed.from_time.saturating_sub(allocation.start_time);
        // Slots have one length.
        let skipped = gone.saturating_mul(count).checked_div(seconds).unwrap_or(0);
        SlotRange { first: allocation.first_slot.saturating_add(skipped).min(last), last }
    }
}

impl<P: PathSource> Batch<P> for Releases<'_, P> {
    type Item = Released;

    /// A path has to hold until it is there: the log grows by what is on its way, and by what goes
    /// before. One that went stale all the same is refused (207), and the release planned again.
    fn waits(&self, item: &Released, before: usize) -> bool {
        let context = self.context;
        let before = u64::try_from(self.announcements.saturating_add(before)).unwrap_or(u64::MAX);
        let growth = context.in_flight.records.saturating_add(before);
        let is_urgent = context.now.saturating_add(URGENT_SECONDS) >= item.by_time;
        !is_urgent && !holds(item.index, context.ledger.size(), growth)
    }

    fn cost(&self, meter: &Meter<'_>, before: Option<&Released>, item: &Released) -> Cost {
        let size = self.context.ledger.size();
        let before = before.map(|before| before.index);
        let nodes = path_nodes(size, item.index, before).unwrap_or(0);
        let bytes = ITEM_BYTES.saturating_add(nodes.saturating_mul(NODE_BYTES));
        let slots = item.slots();
        let words = slots.word_count();
        let mut cost = item::release(bytes, nodes as u64, words);
        let id = item.allocation.resource_id;
        meter.read(&mut cost, Cell::Resource(id));
        meter.write(&mut cost, Cell::Released(item.index / 256));
        meter.write_words(&mut cost, id, Some(slots));
        cost
    }

    fn data(&self, items: &[Waiting<Released>]) -> Result<Vec<u8>, PlanError<P::Error>> {
        let size = self.context.ledger.size();
        let mut releases = Vec::with_capacity(items.len());
        for Waiting { item, .. } in items {
            let path = self.context.paths.path(item.index, size).map_err(PlanError::Path)?;
            releases.push(PackedRelease { path, ..item.packed.clone() });
        }
        shorten_paths(size, &mut releases);
        let batch = encode_releases(&releases)?.into();
        Ok(Registry::releasePackedCall { batch }.abi_encode())
    }
}
