//! Section 4.1: announcements.

use super::{length_invalid, single, volume_and_window};
use crate::state::State;
use fallow_protocol::{Announcement, Code, Evidence, Refusal, ResourceId};

/// Times have 40 bits in the resource word.
const MAX_END_TIME: u64 = (1 << 40) - 1;

/// The whole section.
pub(crate) fn announcement(
    state: &State,
    id: ResourceId,
    announcement: &Announcement,
    signatures: &[u8],
) -> Result<Evidence, Refusal> {
    let evidence = provider(state, id, announcement, signatures)?;
    unrecorded(state, id)?;
    offer(announcement)?;
    Ok(evidence)
}

/// Rule 1: the provider signed.
fn provider(
    state: &State,
    id: ResourceId,
    announcement: &Announcement,
    signatures: &[u8],
) -> Result<Evidence, Refusal> {
    let signature = single(signatures)?;
    let want = announcement.provider;
    let signed = state.recoverer.signed_by(&signature, id.0, want);
    signed.map_err(|got| Refusal::new(Code::ProviderSignatureInvalid, got, want))?;
    Ok(Evidence::of(signature))
}

/// Rule 2: neither recorded nor barred.
fn unrecorded(state: &State, id: ResourceId) -> Result<(), Refusal> {
    match state.resource(id).map(|resource| resource.index) {
        None => Ok(()),
        Some(0) => Err(Refusal::new(Code::ResourceWithdrawn, id, 0_u64)),
        Some(index) => Err(Refusal::new(Code::ResourceAlreadyRecorded, id, index)),
    }
}

/// Rule 3: there is something to allocate, in whole slots.
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

/// The provider's signature of an item that brings its announcement, and those of its request
/// (section 4.3).
pub(crate) fn split(signatures: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    /// The provider's and the requester's.
    const AT_LEAST: usize = 128;
    /// The approver's too.
    const AT_MOST: usize = 192;
    match signatures.len() {
        AT_LEAST | AT_MOST => Ok(signatures.split_at(super::SIGNATURE_BYTES)),
        _ => Err(length_invalid(signatures, AT_LEAST)),
    }
}

/// Section 4.3, rule 1: the announcement is the one that the request asks.
pub(crate) fn brought(id: ResourceId, asked: ResourceId) -> Result<(), Refusal> {
    super::announced(id.0, asked.0)
}
