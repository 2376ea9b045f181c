//! Cases that a code alone does not name: what a schedule has to contain.

use crate::verdict::Result;
use crate::world::World;
use alloy_primitives::B256;
use fallow_ledger::Message;
use fallow_protocol::{AllocationBody, Body, Code, Record, Refusal, SEQUENCE_WINDOW};

/// One of these cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notable {
    /// A release was refused because its path is of an earlier log.
    StalePath,
    /// A path that leads to no peak was taken, as it leads to a node that was proven before.
    LeaningPath,
    /// A withdrawal barred an announcement that was never recorded.
    Tombstone,
    /// An announcement was recorded when it was first used.
    BroughtAnnouncement,
    /// A request lacked its approver's signature.
    ApprovalMissing,
    /// A request brought an approval that nobody asked for.
    ApprovalSurplus,
    /// An approved request was recorded.
    Approved,
    /// A sequence above the next one was taken.
    SequenceJump,
    /// A sequence below the highest was taken.
    SequenceLate,
    /// A sequence 128 above the highest was taken.
    WindowEdgeAhead,
    /// A sequence 128 below the highest was taken.
    WindowEdgeBehind,
    /// A sequence 129 above the highest was refused.
    BeyondWindowAhead,
    /// A sequence 129 below the highest was refused.
    BeyondWindowBehind,
    /// A request or release signed exactly 300 seconds away was recorded.
    DriftEdge,
    /// One signed 301 seconds away was refused.
    BeyondDrift,
    /// A request over 16 calendar words was recorded.
    WidestRequest,
    /// Only the later slots of an allocation were given back.
    PartialRelease,
}

impl Notable {
    /// All cases.
    pub const ALL: [Self; 17] = [
        Self::StalePath,
        Self::LeaningPath,
        Self::Tombstone,
        Self::BroughtAnnouncement,
        Self::ApprovalMissing,
        Self::ApprovalSurplus,
        Self::Approved,
        Self::SequenceJump,
        Self::SequenceLate,
        Self::WindowEdgeAhead,
        Self::WindowEdgeBehind,
        Self::BeyondWindowAhead,
        Self::BeyondWindowBehind,
        Self::DriftEdge,
        Self::BeyondDrift,
        Self::WidestRequest,
        Self::PartialRelease,
    ];
}

/// Seconds between the times of signing and of the block that are still taken.
const MAX_DRIFT: u64 = 300;

/// What one message of a call shows; `size` is that of the log before the call.
pub(crate) fn notable(
    world: &World,
    size: u64,
    message: &Message,
    result: &Result,
) -> Vec<Notable> {
    match result {
        Ok(applied) => {
            let mut found = recorded(&applied.record);
            found.extend(applied.announced.is_some().then_some(Notable::BroughtAnnouncement));
            found.extend(
                path_of(message)
                    .filter(|(record, path)| {
                        index_of(record).is_some_and(|index| path.len() < peak_height(index, size))
                    })
                    .map(|_| Notable::LeaningPath),
            );
            found.extend(is_approved(message).then_some(Notable::Approved));
            found
        }
        Err(error) => {
            let refusal = error.refusal();
            let stale = refusal.filter(|refusal| refusal.code == Code::AllocationUnproven);
            let stale = stale.and_then(|_| path_of(message));
            let stale = stale.filter(|(record, path)| is_stale(world, size, record, path));
            let stale = stale.map(|_| Notable::StalePath);
            stale.into_iter().chain(refusal.and_then(refused)).collect()
        }
    }
}

fn recorded(record: &Record) -> Vec<Notable> {
    let drift = |timestamp: u64| timestamp.abs_diff(record.block_time) == MAX_DRIFT;
    match &record.body {
        Body::Allocation(body) => {
            let mut found = sequence(body);
            found.extend(drift(body.timestamp).then_some(Notable::DriftEdge));
            let words =
                (body.first_slot + u64::from(body.slot_count) - 1) / 12 - body.first_slot / 12;
            found.extend((words == 15).then_some(Notable::WidestRequest));
            found
        }
        Body::Release(body) => {
            let partial = (body.from_time > body.start_time).then_some(Notable::PartialRelease);
            partial.into_iter().chain(drift(body.timestamp).then_some(Notable::DriftEdge)).collect()
        }
        Body::Withdrawal(body) if body.resource_index == 0 => vec![Notable::Tombstone],
        _ => Vec::new(),
    }
}

/// Bit `d - 1` of the bitmap is the lowest that is set after the highest sequence rose by `d`.
fn sequence(body: &AllocationBody) -> Vec<Notable> {
    // A ledger that is wrong shall be found by what it answers, not here.
    let behind = body.highest_after.abs_diff(body.sequence);
    let ahead = u64::from(body.bitmap_after.trailing_zeros()) + 1;
    match (behind, ahead) {
        (0, SEQUENCE_WINDOW) => vec![Notable::SequenceJump, Notable::WindowEdgeAhead],
        (0, 2..) => vec![Notable::SequenceJump],
        (0, _) => Vec::new(),
        (SEQUENCE_WINDOW, _) => vec![Notable::SequenceLate, Notable::WindowEdgeBehind],
        _ => vec![Notable::SequenceLate],
    }
}

fn refused(refusal: &Refusal) -> Option<Notable> {
    let [got, want] = [refusal.got, refusal.want];
    let distance = got.abs_diff(want);
    match refusal.code {
        Code::SignatureCountInvalid if got < want => Some(Notable::ApprovalMissing),
        Code::SignatureCountInvalid => Some(Notable::ApprovalSurplus),
        Code::SequenceOutsideWindow if distance != SEQUENCE_WINDOW + 1 => None,
        Code::SequenceOutsideWindow if got > want => Some(Notable::BeyondWindowAhead),
        Code::SequenceOutsideWindow => Some(Notable::BeyondWindowBehind),
        Code::TimestampOutsideDrift if distance == MAX_DRIFT + 1 => Some(Notable::BeyondDrift),
        _ => None,
    }
}

fn is_approved(message: &Message) -> bool {
    match message {
        Message::Request { signatures, .. } => signatures.len() == 128,
        Message::AnnounceAndRequest { signatures, .. } => signatures.len() == 192,
        _ => false,
    }
}

const fn path_of(message: &Message) -> Option<(&alloy_primitives::Bytes, &Vec<B256>)> {
    match message {
        Message::Release { record, path, .. } => Some((record, path)),
        _ => None,
    }
}

/// Index in a record's header.
fn index_of(record: &[u8]) -> Option<u64> {
    let bytes = record.get(22..)?.first_chunk()?;
    Some(u64::from_be_bytes(*bytes))
}

/// Whether record and path were right when the log was smaller.
fn is_stale(world: &World, size: u64, record: &[u8], path: &[B256]) -> bool {
    let Some(index) = index_of(record).filter(|index| *index < size) else {
        return false;
    };
    let is_recorded = world.tree.leaf(index) == Some(fallow_log::leaf_hash(record));
    let whole = world.tree.prove_inclusion(index, size).unwrap_or_default();
    is_recorded && path.len() < peak_height(index, size) && whole.starts_with(path)
}

/// Height of the peak that a record stands under (`docs/protocol.md` section 4.4).
pub(crate) const fn peak_height(index: u64, size: u64) -> usize {
    (index ^ size).ilog2() as usize
}
