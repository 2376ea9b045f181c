//! The rules, one function for each check, in the order of `docs/protocol.md` section 4. `apply`
//! stops at the first that fails, `check` shows them all: nothing judges twice.

pub(crate) mod announcement;
pub(crate) mod release;
pub(crate) mod request;
pub(crate) mod withdrawal;

use alloy_primitives::B256;
use fallow_protocol::{Code, Refusal, ResourceWord, Signature};

/// Seconds that clocks of requesters may be off; an older message has lapsed.
const MAX_DRIFT: u64 = 300;
/// Bytes of one signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// The only signature of an item that has one.
fn single(signatures: &[u8]) -> Result<Signature, Refusal> {
    let bytes: [u8; SIGNATURE_BYTES] =
        signatures.try_into().map_err(|_| length_invalid(signatures, SIGNATURE_BYTES))?;
    Ok(bytes.into())
}

fn length_invalid(signatures: &[u8], want: usize) -> Refusal {
    Refusal::new(Code::SignaturesLengthInvalid, signatures.len(), want)
}

/// What is brought is that which the message names.
fn announced(brought: B256, named: B256) -> Result<(), Refusal> {
    if brought == named {
        Ok(())
    } else {
        Err(Refusal::new(Code::AnnouncementMismatch, brought, named))
    }
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

/// Number of the slot that begins at `time`, which is not before the resource's start.
fn slot_at(resource: &ResourceWord, time: u64) -> Result<u64, Refusal> {
    let slot_seconds = u64::from(resource.slot_seconds);
    let offset = time.saturating_sub(resource.start_time);
    let beyond = offset.checked_rem(slot_seconds).unwrap_or(0);
    if beyond != 0 {
        let boundary = time.saturating_sub(beyond);
        return Err(Refusal::new(Code::SlotsNotAligned, time, boundary));
    }
    Ok(offset.checked_div(slot_seconds).unwrap_or(0))
}

/// Signed just now.
fn drift(timestamp: u64, now: u64) -> Result<(), Refusal> {
    if timestamp.abs_diff(now) > MAX_DRIFT {
        return Err(Refusal::new(Code::TimestampOutsideDrift, timestamp, now));
    }
    Ok(())
}
