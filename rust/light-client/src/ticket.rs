//! Tickets: the checks of section 12, in its order.

use crate::{Trust, Verifier};
use alloy_primitives::{B256, keccak256};
use fallow_log::{ProofError, leaf_hash, verify_inclusion};
use fallow_protocol::{Checkpoint, Code, Refusal, SetHash, Ticket};

/// What was compared, check by check. Together with the ticket it is all that there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketReport {
    /// The verifier's clock, unix seconds; not after the set's `notAfter`.
    pub clock: u64,
    /// The set's last second.
    pub not_after: u64,
    /// The set that signed, the trusted one.
    pub set_hash: SetHash,
    /// Digest of the checkpoint.
    pub digest: B256,
    /// Weight that signed it: more than two thirds of `total_weight`.
    pub signed_weight: u64,
    /// Weight of the whole set.
    pub total_weight: u64,
    /// Whether the certificate had been verified with an earlier ticket.
    pub known_checkpoint: bool,
    /// Hash of the evidence, which the record commits to; `None` for kinds without evidence.
    pub evidence: Option<B256>,
    /// Hash of the record as a leaf of the log; its path leads to the checkpoint's root.
    pub leaf: B256,
}

/// All of section 12 but the decoding.
pub(crate) fn verify(
    verifier: &mut Verifier,
    ticket: &Ticket,
    now: u64,
) -> Result<TicketReport, Refusal> {
    check_trust(verifier.trust(), &ticket.checkpoint, now)?;
    let mut report = certified(verifier, ticket, now)?;
    report.evidence = check_evidence(ticket)?;
    report.leaf = check_inclusion(ticket)?;
    Ok(report)
}

/// Network, era and set are the verifier's own, and the set has not expired.
fn check_trust(trust: &Trust, checkpoint: &Checkpoint, now: u64) -> Result<(), Refusal> {
    let (got, want) = (checkpoint.network_id, trust.network_id());
    if got != want {
        return Err(Refusal::new(Code::NetworkMismatch, got, want));
    }
    let (got, want) = (checkpoint.era, trust.era());
    if got != want {
        return Err(Refusal::new(Code::EraMismatch, got, want));
    }
    let set = trust.set();
    if now > set.not_after() {
        return Err(Refusal::new(Code::SetExpired, now, set.not_after()));
    }
    if checkpoint.set_number != set.number() {
        let (got, want) = (checkpoint.set_number, set.number());
        return Err(Refusal::new(Code::SetMismatch, got, want));
    }
    // Networks of this version have one set for ever: section 8 refuses every handover.
    if !checkpoint.next_set.is_zero() {
        return Err(Refusal::new(Code::SetMismatch, checkpoint.next_set, 0_u64));
    }
    Ok(())
}

/// A quorum signed the checkpoint. What is checked later is still empty in the report.
fn certified(verifier: &mut Verifier, ticket: &Ticket, now: u64) -> Result<TicketReport, Refusal> {
    let checkpoint = &ticket.checkpoint;
    let earlier = verifier.known(checkpoint).copied();
    let known = match earlier {
        Some(known) => known,
        None => {
            let digest = checkpoint.digest();
            let weight = ticket.certificate.verify(verifier.trust().set(), digest)?;
            verifier.remember(*checkpoint, digest, weight)
        }
    };
    let set = verifier.trust().set();
    Ok(TicketReport {
        clock: now,
        not_after: set.not_after(),
        set_hash: set.hash(),
        digest: known.digest,
        signed_weight: known.weight,
        total_weight: set.total(),
        known_checkpoint: earlier.is_some(),
        evidence: None,
        leaf: B256::ZERO,
    })
}

/// The evidence is what the record commits to; a kind without evidence has none in its ticket.
fn check_evidence(ticket: &Ticket) -> Result<Option<B256>, Refusal> {
    let want = ticket.record.body.evidence();
    if want.is_none() && ticket.evidence.is_empty() {
        return Ok(None);
    }
    let got = keccak256(&ticket.evidence);
    if want == Some(got) {
        return Ok(want);
    }
    let want = want.unwrap_or(B256::ZERO);
    Err(Refusal::new(Code::EvidenceMismatch, got, want))
}

/// The path leads from the record to the certified root.
fn check_inclusion(ticket: &Ticket) -> Result<B256, Refusal> {
    let leaf = leaf_hash(&ticket.record.encode());
    let Checkpoint { size, root, .. } = ticket.checkpoint;
    match verify_inclusion(leaf, ticket.record.index, size, &ticket.path, root) {
        Ok(()) => Ok(leaf),
        Err(ProofError::RootMismatch { got, want }) => {
            Err(Refusal::new(Code::InclusionRootMismatch, got, want))
        }
        Err(ProofError::PathTooShort { got, want } | ProofError::PathTooLong { got, want }) => {
            Err(Refusal::new(Code::InclusionPathInvalid, got, want))
        }
        // The index is not below the size: no path leads there.
        Err(_) => Err(Refusal::new(Code::InclusionPathInvalid, ticket.path.len(), 0_u64)),
    }
}
