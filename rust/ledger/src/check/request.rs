//! Section 4.2: the five checks of a request.

use super::{SIGNATURE_BYTES, drift, length_invalid, slot_at, volume_and_window};
use crate::state::{Resource, State};
use fallow_protocol::{
    Code, Evidence, MAX_WORDS, Refusal, Request, RequestId, RequesterWord, ResourceId,
    ResourceWord, SlotRange,
};

/// Check 1: the requester signed, and the approver if the resource has one.
pub(crate) fn requester(
    state: &State,
    id: RequestId,
    request: &Request,
    signatures: &[u8],
    recorded: Option<&Resource>,
) -> Result<Evidence, Refusal> {
    let evidence = Evidence::from_signatures(signatures)
        .map_err(|_| length_invalid(signatures, SIGNATURE_BYTES))?;
    let want = request.requester;
    let signed = state.recoverer.signed_by(&evidence.signature, id.0, want);
    signed.map_err(|got| Refusal::new(Code::RequesterSignatureInvalid, got, want))?;
    if let Some(resource) = recorded {
        approver(state, id, &evidence, resource)?;
    }
    Ok(evidence)
}

/// The rest of check 1, for a recorded resource.
fn approver(
    state: &State,
    id: RequestId,
    evidence: &Evidence,
    resource: &Resource,
) -> Result<(), Refusal> {
    let count = |second: bool| if second { 2_u16 } else { 1 };
    let (got, want) = (count(evidence.approval.is_some()), count(resource.word.has_approver));
    if got != want {
        return Err(Refusal::new(Code::SignatureCountInvalid, got, want));
    }
    let Some(approval) = &evidence.approval else {
        return Ok(());
    };
    let want = resource.approver;
    let signed = state.recoverer.signed_by(approval, id.0, want);
    signed.map_err(|got| Refusal::new(Code::ApproverSignatureInvalid, got, want))
}

/// What can be judged of a request without the ledger, for whoever signs or passes on requests: the
/// requester's signature (001, 101), volume and window (401, 402), timestamp (410), in this order.
/// `now` is the time of the block that would record it, unix seconds.
///
/// # Errors
/// The first rule that it breaks; the ledger refuses it for this or for a rule before it.
pub fn judge_alone(
    id: RequestId,
    request: &Request,
    signatures: &[u8],
    now: u64,
) -> Result<(), Refusal> {
    requester(&State::default(), id, request, signatures, None)?;
    volume_and_window(request.volume, request.start_time, request.end_time)?;
    drift(request.timestamp, now)
}

/// Check 2: the resource is recorded, which is when its provider's signature was checked.
pub(crate) fn resource(
    id: ResourceId,
    recorded: Option<&Resource>,
) -> Result<ResourceWord, Refusal> {
    match recorded {
        None => Err(Refusal::new(Code::ResourceUnknown, id, 0_u64)),
        Some(resource) if resource.word.withdrawn => {
            Err(Refusal::new(Code::ResourceWithdrawn, id, 0_u64))
        }
        Some(resource) => Ok(resource.word),
    }
}

/// Check 3: not recorded before. Answers the requester's word before and after a record at `index`.
pub(crate) fn sequence(
    state: &State,
    request: &Request,
    index: u64,
) -> Result<(RequesterWord, RequesterWord), Refusal> {
    let before = state.requester(request.requester);
    let after = before
        .accept(request.sequence, index)
        .map_err(|code| Refusal::new(code, request.sequence, before.highest))?;
    Ok((before, after))
}

/// Check 4: whole slots inside the window, not too many, not over, asked for just now.
pub(crate) fn window(
    resource: &ResourceWord,
    request: &Request,
    now: u64,
) -> Result<SlotRange, Refusal> {
    volume_and_window(request.volume, request.start_time, request.end_time)?;
    let slots = slots(resource, request)?;
    let first_end = first_slot_end(resource, request);
    if first_end <= now {
        return Err(Refusal::new(Code::FirstSlotEnded, first_end, now));
    }
    drift(request.timestamp, now)?;
    Ok(slots)
}

/// End of the first slot asked. Inside a resource's window, times are below 2^40.
pub(crate) fn first_slot_end(resource: &ResourceWord, request: &Request) -> u64 {
    request.start_time.saturating_add(resource.slot_seconds.into())
}

/// The slots asked, if they are whole, inside the resource's window, and in at most 16 words.
fn slots(resource: &ResourceWord, request: &Request) -> Result<SlotRange, Refusal> {
    let (start, end) = (request.start_time, request.end_time);
    let outside = |got, want| Refusal::new(Code::OutsideResourceWindow, got, want);
    if start < resource.start_time {
        return Err(outside(start, resource.start_time));
    }
    if end > resource.end_time {
        return Err(outside(end, resource.end_time));
    }
    let first = slot_at(resource, start)?;
    // The caller has seen that the window is not empty; aligned ends are then a slot apart.
    let past = slot_at(resource, end)?;
    let slots = SlotRange { first, last: past.saturating_sub(1) };
    match slots.word_count() {
        0..=MAX_WORDS => Ok(slots),
        words => Err(Refusal::new(Code::TooManyWords, words, MAX_WORDS)),
    }
}

/// Check 5: enough is free in every slot. Answers what is free in the fullest one.
pub(crate) fn capacity(
    state: &State,
    resource: &ResourceWord,
    slots: SlotRange,
    volume: u16,
) -> Result<u16, Refusal> {
    let mut least = resource.volume;
    for used in state.used(resource.index, slots) {
        // The free volume is formed, never `used + volume`: that sum could carry.
        let free = resource.volume.saturating_sub(used);
        if volume > free {
            return Err(Refusal::new(Code::CapacityExceeded, volume, free));
        }
        least = least.min(free);
    }
    Ok(least)
}
