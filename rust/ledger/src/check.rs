//! The rules, one function for each check, in the order of `docs/protocol.md` section 4. `apply`
//! stops at the first that fails, `check` shows them all: nothing judges twice.

use crate::state::State;
use alloy_primitives::{Address, B256};
use fallow_protocol::{
    Announcement, Code, Evidence, MAX_WORDS, Refusal, Request, RequestId, RequesterWord,
    ResourceId, ResourceWord, Signature, SlotRange,
};

/// Seconds that clocks of requesters may be off; an older request has lapsed.
const MAX_DRIFT: u64 = 300;
/// Bytes of one signature.
const SIGNATURE_BYTES: usize = 64;
/// Times have 40 bits in the resource word.
const MAX_END_TIME: u64 = (1 << 40) - 1;

/// Section 4.1, whole.
pub(crate) fn announcement(
    state: &State,
    id: ResourceId,
    announcement: &Announcement,
    signatures: &[u8],
) -> Result<Evidence, Refusal> {
    let evidence = provider(id, announcement, signatures)?;
    if let Some(resource) = state.resources.get(&id) {
        return Err(match resource.index {
            0 => Refusal::new(Code::ResourceWithdrawn, id, 0_u64),
            index => Refusal::new(Code::ResourceAlreadyRecorded, id, index),
        });
    }
    offer(announcement)?;
    Ok(evidence)
}

/// Rule 1 of announcements: the provider signed, and names no approver.
fn provider(
    id: ResourceId,
    announcement: &Announcement,
    signatures: &[u8],
) -> Result<Evidence, Refusal> {
    let evidence = Evidence::from_signatures(signatures)
        .ok()
        .filter(|evidence| evidence.approval.is_none())
        .ok_or_else(|| length_invalid(signatures))?;
    signed_by(&evidence.signature, id.0, announcement.provider)
        .map_err(|got| Refusal::new(Code::ProviderSignatureInvalid, got, announcement.provider))?;
    if announcement.approver.is_zero() {
        Ok(evidence)
    } else {
        Err(Refusal::new(Code::ApproverUnsupported, announcement.approver, 0_u64))
    }
}

/// Rule 3 of announcements: there is something to allocate, in whole slots.
fn offer(announcement: &Announcement) -> Result<(), Refusal> {
    let (start, end) = (announcement.start_time, announcement.end_time);
    volume_and_window(announcement.volume, start, end)?;
    let window = end.saturating_sub(start);
    let slot_seconds = announcement.slot_seconds;
    match window.checked_rem(slot_seconds.into()) {
        None => return Err(Refusal::new(Code::SlotTooShort, slot_seconds, 1_u64)),
        Some(0) => {}
        Some(_) => {
            return Err(Refusal::new(Code::WindowNotWholeSlots, window, slot_seconds));
        }
    }
    if end > MAX_END_TIME {
        return Err(Refusal::new(Code::EndTimeTooLate, end, MAX_END_TIME));
    }
    Ok(())
}

/// What announcements and requests have in common.
fn volume_and_window(volume: u16, start: u64, end: u64) -> Result<(), Refusal> {
    if volume == 0 {
        return Err(Refusal::new(Code::VolumeTooSmall, volume, 1_u64));
    }
    if start >= end {
        return Err(Refusal::new(Code::WindowEmpty, start, end));
    }
    Ok(())
}

/// Check 1: the requester signed, and the approver if the resource has one.
pub(crate) fn requester(
    state: &State,
    id: RequestId,
    request: &Request,
    signatures: &[u8],
) -> Result<Evidence, Refusal> {
    let evidence = Evidence::from_signatures(signatures).map_err(|_| length_invalid(signatures))?;
    signed_by(&evidence.signature, id.0, request.requester)
        .map_err(|got| Refusal::new(Code::RequesterSignatureInvalid, got, request.requester))?;
    if let Ok(resource) = recorded(state, request.resource_id) {
        approver(state, id, request, &evidence, &resource)?;
    }
    Ok(evidence)
}

/// The rest of check 1, for a recorded resource.
fn approver(
    state: &State,
    id: RequestId,
    request: &Request,
    evidence: &Evidence,
    resource: &ResourceWord,
) -> Result<(), Refusal> {
    let count = |second: bool| if second { 2_u16 } else { 1 };
    let (got, want) = (count(evidence.approval.is_some()), count(resource.has_approver));
    if got != want {
        return Err(Refusal::new(Code::SignatureCountInvalid, got, want));
    }
    let Some(approval) = &evidence.approval else {
        return Ok(());
    };
    let approver = state.approvers.get(&request.resource_id);
    let approver = approver.copied().unwrap_or(Address::ZERO);
    signed_by(approval, id.0, approver)
        .map_err(|got| Refusal::new(Code::ApproverSignatureInvalid, got, approver))
}

/// Check 2: the resource is recorded, which is when its provider's signature was checked.
pub(crate) fn resource(state: &State, id: ResourceId) -> Result<ResourceWord, Refusal> {
    let resource = recorded(state, id)?;
    if resource.withdrawn {
        return Err(Refusal::new(Code::ResourceWithdrawn, id, 0_u64));
    }
    Ok(resource)
}

fn recorded(state: &State, id: ResourceId) -> Result<ResourceWord, Refusal> {
    let resource = state.resources.get(&id).copied();
    resource
        .filter(|resource| resource.index != 0)
        .ok_or_else(|| Refusal::new(Code::ResourceUnknown, id, 0_u64))
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
    if request.timestamp.abs_diff(now) > MAX_DRIFT {
        return Err(Refusal::new(Code::TimestampOutsideDrift, request.timestamp, now));
    }
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
    let offset = start
        .checked_sub(resource.start_time)
        .ok_or_else(|| outside(start, resource.start_time))?;
    if end > resource.end_time {
        return Err(outside(end, resource.end_time));
    }
    let first = whole_slots(resource, offset, start)?;
    // The caller has seen that the window is not empty; aligned ends are then a slot apart.
    let past = whole_slots(resource, end.saturating_sub(resource.start_time), end)?;
    let slots = SlotRange { first, last: past.saturating_sub(1) };
    match slots.word_count() {
        0..=MAX_WORDS => Ok(slots),
        words => Err(Refusal::new(Code::TooManyWords, words, MAX_WORDS)),
    }
}

/// How many slots `offset` seconds are; `time` is what they lead to.
fn whole_slots(resource: &ResourceWord, offset: u64, time: u64) -> Result<u64, Refusal> {
    let slot_seconds = u64::from(resource.slot_seconds);
    let beyond = offset.checked_rem(slot_seconds).unwrap_or(0);
    if beyond != 0 {
        let boundary = time.saturating_sub(beyond);
        return Err(Refusal::new(Code::SlotsNotAligned, time, boundary));
    }
    Ok(offset.checked_div(slot_seconds).unwrap_or(0))
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

/// Whether `want` signed; else who did, zero if nobody can have.
fn signed_by(signature: &Signature, digest: B256, want: Address) -> Result<(), Address> {
    match signature.recover(digest) {
        Ok(got) if got == want => Ok(()),
        Ok(got) => Err(got),
        Err(_) => Err(Address::ZERO),
    }
}

fn length_invalid(signatures: &[u8]) -> Refusal {
    Refusal::new(Code::SignaturesLengthInvalid, signatures.len(), SIGNATURE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fallow_protocol::SecretKey;

    const RESOURCE: ResourceId = ResourceId::repeat_byte(1);
    const ID: RequestId = RequestId::repeat_byte(2);

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes([seed; 32]).unwrap()
    }

    /// A resource as later versions of the registry record it.
    fn state(word: ResourceWord) -> State {
        let mut state = State::default();
        state.resources.insert(RESOURCE, word);
        state.approvers.insert(RESOURCE, key(8).address());
        state
    }

    fn request() -> Request {
        Request {
            resource_id: RESOURCE,
            requester: key(7).address(),
            volume: 1,
            start_time: 0,
            end_time: 1,
            timestamp: 0,
            sequence: 1,
        }
    }

    /// The verdict of check 1 when these accounts sign.
    fn verdict(word: ResourceWord, signers: &[u8]) -> Result<(), Refusal> {
        let signatures = signers.iter().flat_map(|seed| key(*seed).sign(ID.0).0);
        let signatures: Vec<u8> = signatures.collect();
        requester(&state(word), ID, &request(), &signatures).map(|_| ())
    }

    #[test]
    fn a_resource_with_an_approver_needs_both_signatures() {
        let word = ResourceWord { index: 1, has_approver: true, ..ResourceWord::default() };
        assert_eq!(verdict(word, &[7, 8]), Ok(()));
        assert_eq!(
            verdict(word, &[7]),
            Err(Refusal::new(Code::SignatureCountInvalid, 1_u64, 2_u64))
        );
        for forger in [7, 9] {
            let (got, want) = (key(forger).address(), key(8).address());
            assert_eq!(
                verdict(word, &[7, forger]),
                Err(Refusal::new(Code::ApproverSignatureInvalid, got, want))
            );
        }
        assert_eq!(
            verdict(word, &[8, 8]).map_err(|refusal| refusal.code),
            Err(Code::RequesterSignatureInvalid)
        );
    }

    #[test]
    fn a_withdrawn_resource_takes_no_requests() {
        let word = ResourceWord { index: 1, withdrawn: true, ..ResourceWord::default() };
        assert_eq!(
            resource(&state(word), RESOURCE),
            Err(Refusal::new(Code::ResourceWithdrawn, RESOURCE, 0_u64))
        );
    }

    #[test]
    fn a_barred_announcement_is_not_recorded() {
        let offer = Announcement {
            provider: key(7).address(),
            approver: Address::ZERO,
            volume: 1,
            start_time: 0,
            end_time: 1,
            slot_seconds: 1,
            notice_seconds: 0,
            timestamp: 0,
            offer: B256::ZERO,
        };
        let tombstone = ResourceWord { withdrawn: true, ..ResourceWord::default() };
        let signature = key(7).sign(RESOURCE.0).0;
        assert_eq!(
            announcement(&state(tombstone), RESOURCE, &offer, signature.as_slice()),
            Err(Refusal::new(Code::ResourceWithdrawn, RESOURCE, 0_u64))
        );
        // To requests it is not there at all.
        assert_eq!(
            resource(&state(tombstone), RESOURCE),
            Err(Refusal::new(Code::ResourceUnknown, RESOURCE, 0_u64))
        );
    }
}
