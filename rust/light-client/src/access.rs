//! Access: the checks of section 13, in its order.

use crate::{TicketReport, Trust, Verifier};
use alloy_primitives::{Address, B256};
use fallow_protocol::{
    AccessGrant, AllocationBody, Announcement, Body, Code, Refusal, RequestId, ResourceId,
    Signature, Ticket,
};

/// What somebody presents at a provider's door, and what the provider knows itself.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The requester's grant.
    pub grant: &'a AccessGrant,
    /// The requester's signature over the grant.
    pub signature: &'a Signature,
    /// The provider's own announcement, from its own files.
    pub announcement: &'a Announcement,
    /// The nonce that the provider issued for this, which has not been spent.
    pub nonce: B256,
}

/// Whom to let in, to what, until when, and what was compared to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessReport {
    /// What was compared of the ticket.
    pub ticket: TicketReport,
    /// The provider's own resource, which the allocation is on.
    pub resource_id: ResourceId,
    /// The provider, whom the grant names.
    pub provider: Address,
    /// The nonce, now to be spent.
    pub nonce: B256,
    /// Until when the grant may be presented, unix seconds.
    pub grant_expires_at: u64,
    /// The request whose allocation this is.
    pub request_id: RequestId,
    /// Who asked, and signed the grant.
    pub requester: Address,
    /// Units allocated in every slot.
    pub volume: u16,
    /// Start of the first slot, unix seconds.
    pub start_time: u64,
    /// End of the last slot, unix seconds: until then the requester may stay.
    pub end_time: u64,
    /// Ed25519 transport key of the session, or zero.
    pub session_key: B256,
}

/// Step 3 of section 13 after the ticket was verified.
pub(crate) fn verify(
    verifier: &mut Verifier,
    ticket: &Ticket,
    access: &Access<'_>,
    now: u64,
    report: TicketReport,
) -> Result<AccessReport, Refusal> {
    let Body::Allocation(allocation) = &ticket.record.body else {
        let kind = u16::from(ticket.record.body.kind());
        return Err(Refusal::new(Code::RecordKindMismatch, kind, 2_u16));
    };
    let resource_id = verifier.resource_id(access.announcement);
    if allocation.resource_id != resource_id {
        let (got, want) = (allocation.resource_id, resource_id);
        return Err(Refusal::new(Code::ResourceMismatch, got, want));
    }
    check_grant(access, now)?;
    let request_id = check_signer(verifier.trust(), allocation, access)?;
    check_time(allocation, now)?;
    Ok(AccessReport {
        ticket: report,
        resource_id,
        provider: access.grant.provider,
        nonce: access.nonce,
        grant_expires_at: access.grant.expires_at,
        request_id,
        requester: allocation.requester,
        volume: allocation.volume,
        start_time: allocation.start_time,
        end_time: allocation.end_time,
        session_key: access.grant.session_key,
    })
}

/// The grant is for this provider, answers its nonce, and has not expired.
fn check_grant(access: &Access<'_>, now: u64) -> Result<(), Refusal> {
    let (grant, own) = (access.grant, access.announcement.provider);
    if grant.provider != own {
        return Err(Refusal::new(Code::ProviderMismatch, grant.provider, own));
    }
    // Nobody issues zero, so whoever presents it presents none.
    if grant.nonce.is_zero() {
        return Err(Refusal::new(Code::NonceSpent, grant.nonce, 0_u64));
    }
    if grant.nonce != access.nonce {
        return Err(Refusal::new(Code::NonceMismatch, grant.nonce, access.nonce));
    }
    if grant.expires_at < now {
        return Err(Refusal::new(Code::GrantExpired, grant.expires_at, now));
    }
    Ok(())
}

/// The grant is for this allocation, and its requester signed it.
fn check_signer(
    trust: &Trust,
    allocation: &AllocationBody,
    access: &Access<'_>,
) -> Result<RequestId, Refusal> {
    let (got, want) = (access.grant.request_id, allocation.request_id(trust.domain()));
    if got != want {
        return Err(Refusal::new(Code::RequestMismatch, got, want));
    }
    let signer = access.signature.recover(access.grant.id(trust.domain()));
    if signer != Ok(allocation.requester) {
        let (got, want) = (signer.unwrap_or(Address::ZERO), allocation.requester);
        return Err(Refusal::new(Code::GrantSignatureInvalid, got, want));
    }
    Ok(want)
}

/// The provider's clock is inside the window.
fn check_time(allocation: &AllocationBody, now: u64) -> Result<(), Refusal> {
    if now < allocation.start_time {
        return Err(Refusal::new(Code::SlotNotStarted, now, allocation.start_time));
    }
    if now >= allocation.end_time {
        return Err(Refusal::new(Code::SlotEnded, now, allocation.end_time));
    }
    Ok(())
}
