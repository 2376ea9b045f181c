//! Section 4.4: releases.

use super::{drift, single, slot_at};
use crate::state::State;
use alloy_primitives::B256;
use fallow_log::PathError;
use fallow_protocol::{
    AllocationBody, Body, Code, Evidence, RECORD_VERSION, Record, Refusal, Release, RequestId,
    ResourceWord, Signature, SlotRange,
};

/// Bytes of an allocation's record.
const RECORD_BYTES: usize = 238;
/// Kind of an allocation's record.
const ALLOCATION: u8 = 2;

/// What a release brings, decoded.
pub(crate) struct Brought {
    signature: Signature,
    /// Position of the allocation, as the record has it.
    pub(crate) index: u64,
    pub(crate) allocation: AllocationBody,
}

/// One signature and the record of an allocation.
pub(crate) fn decode(signatures: &[u8], record: &[u8]) -> Result<Brought, Refusal> {
    let signature = single(signatures)?;
    let &[version, kind, ..] = record else {
        return Err(length_invalid(record));
    };
    if record.len() != RECORD_BYTES {
        return Err(length_invalid(record));
    }
    let not_allocation = || {
        let (got, want) = ([version, kind], [RECORD_VERSION, ALLOCATION]);
        let number = u16::from_be_bytes;
        Refusal::new(Code::RecordNotAllocation, number(got), number(want))
    };
    match Record::decode(record) {
        Ok(Record { index, body: Body::Allocation(allocation), .. }) => {
            Ok(Brought { signature, index, allocation })
        }
        // Nothing else is wrong with a record of this length.
        Ok(_) | Err(_) => Err(not_allocation()),
    }
}

fn length_invalid(record: &[u8]) -> Refusal {
    Refusal::new(Code::RecordLengthInvalid, record.len(), RECORD_BYTES)
}

/// Rule 1: the requester of the allocation signed.
pub(crate) fn requester(state: &State, id: B256, brought: &Brought) -> Result<Evidence, Refusal> {
    let want = brought.allocation.requester;
    let signed = state.recoverer.signed_by(&brought.signature, id, want);
    signed.map_err(|got| Refusal::new(Code::RequesterSignatureInvalid, got, want))?;
    Ok(Evidence::of(brought.signature))
}

/// Rule 2: this very allocation, and it stands in the log.
pub(crate) fn proven(
    release: &Release,
    allocated: RequestId,
    path: Result<(), PathError>,
) -> Result<(), Refusal> {
    if release.request_id != allocated {
        return Err(Refusal::new(Code::AllocationMismatch, release.request_id, allocated));
    }
    path.map_err(|PathError { got, want }| Refusal::new(Code::AllocationUnproven, got, want))
}

/// Rule 3: for the first time.
pub(crate) fn unreleased(state: &State, release: &Release, index: u64) -> Result<(), Refusal> {
    if state.is_released(index) {
        return Err(Refusal::new(Code::AllocationAlreadyReleased, release.request_id, index));
    }
    Ok(())
}

/// Rule 4: from a slot of the allocation on that starts after the notice, signed just now. Answers
/// the slots that are freed.
pub(crate) fn slots(
    resource: &ResourceWord,
    allocation: &AllocationBody,
    release: &Release,
    now: u64,
) -> Result<SlotRange, Refusal> {
    let (from, start, end) = (release.from_time, allocation.start_time, allocation.end_time);
    let outside = |want| Refusal::new(Code::ReleaseOutsideAllocation, from, want);
    if from < start {
        return Err(outside(start));
    }
    if from >= end {
        return Err(outside(end));
    }
    let first = slot_at(resource, from)?;
    let earliest = now.saturating_add(resource.notice_seconds.into());
    if from < earliest {
        return Err(Refusal::new(Code::NoticeTooShort, from, earliest));
    }
    drift(release.timestamp, now)?;
    // The allocation was accepted: its end is on the grid, and after `from`.
    Ok(SlotRange { first, last: slot_at(resource, end)?.saturating_sub(1) })
}
