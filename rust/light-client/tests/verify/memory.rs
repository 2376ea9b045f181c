//! What a verifier remembers, and what it does not.

use crate::common::{NOW, Network};
use alloy_primitives::B256;
use fallow_light_client::{MAX_KNOWN_CHECKPOINTS, Verifier};
use fallow_protocol::{Checkpoint, Code, Ticket};

/// A certificate of the right length that vouches for nothing.
fn without_certificate(network: &Network, ticket: &Ticket) -> Ticket {
    Ticket { certificate: network.certify(B256::ZERO, 0..network.keys.len()), ..ticket.clone() }
}

/// Whether the verifier takes the ticket without its certificate.
fn knows(verifier: &Verifier, network: &Network, ticket: &Ticket) -> bool {
    let bare = without_certificate(network, ticket);
    verifier.clone().verify_ticket(&bare, NOW).is_ok()
}

#[test]
fn a_known_checkpoint_needs_no_certificate() {
    let network = Network::of(4);
    let (ticket, mut verifier) = (network.ticket(7), network.verifier());
    assert!(!knows(&verifier, &network, &ticket));
    assert!(!verifier.verify_ticket(&ticket, NOW).unwrap().known_checkpoint);
    assert!(knows(&verifier, &network, &ticket));
    let report = verifier.verify_ticket(&ticket, NOW).unwrap();
    assert!(report.known_checkpoint);
    assert_eq!((report.digest, report.signed_weight), (ticket.checkpoint.digest(), 4));
}

#[test]
fn a_checkpoint_that_differs_in_any_field_is_not_known() {
    let network = Network::of(4);
    let (ticket, mut verifier) = (network.ticket(7), network.verifier());
    verifier.verify_ticket(&ticket, NOW).unwrap();
    let changes: [fn(&mut Checkpoint); 5] = [
        |checkpoint| checkpoint.block_number += 1,
        |checkpoint| checkpoint.block_hash = B256::ZERO,
        |checkpoint| checkpoint.block_time += 1,
        |checkpoint| checkpoint.size += 1,
        |checkpoint| checkpoint.root = B256::ZERO,
    ];
    for change in changes {
        let mut other = ticket.clone();
        change(&mut other.checkpoint);
        let refusal = verifier.verify_ticket(&other, NOW).unwrap_err();
        assert_eq!(refusal.code, Code::CertificateSignatureInvalid, "{:?}", other.checkpoint);
    }
}

#[test]
fn a_refused_checkpoint_is_not_remembered() {
    let network = Network::of(4);
    let (ticket, mut verifier) = (network.ticket(7), network.verifier());
    let bare = without_certificate(&network, &ticket);
    for _ in 0..2 {
        let refusal = verifier.verify_ticket(&bare, NOW).unwrap_err();
        assert_eq!(refusal.code, Code::CertificateSignatureInvalid);
    }
}

/// The certificate is fine, the record is not: what was proven is remembered, no more.
#[test]
fn a_record_is_checked_each_time() {
    let network = Network::of(4);
    let (ticket, mut verifier) = (network.ticket(7), network.verifier());
    let mut forged = ticket.clone();
    forged.record.block_time += 1;
    for _ in 0..2 {
        let refusal = verifier.verify_ticket(&forged, NOW).unwrap_err();
        assert_eq!(refusal.code, Code::InclusionRootMismatch);
    }
    assert!(knows(&verifier, &network, &ticket));
}

#[test]
fn the_oldest_checkpoints_are_forgotten_first() {
    let network = Network::of(1);
    let (ticket, mut verifier) = (network.ticket(7), network.verifier());
    let at = |block_number| {
        let mut ticket = ticket.clone();
        ticket.checkpoint.block_number = block_number;
        ticket.certificate = network.certify_all(&ticket.checkpoint);
        ticket
    };
    let last = u64::try_from(MAX_KNOWN_CHECKPOINTS).unwrap() + 10;
    for block in 10..=last {
        verifier.verify_ticket(&at(block), NOW).unwrap();
    }
    assert!(!knows(&verifier, &network, &at(10)));
    assert!(knows(&verifier, &network, &at(11)));
    // An old ticket is verified all the same, but pushes nothing out.
    assert!(verifier.verify_ticket(&at(9), NOW).is_ok());
    assert!(knows(&verifier, &network, &at(11)) && knows(&verifier, &network, &at(last)));
}

#[test]
fn two_announcements_are_not_taken_for_each_other() {
    let network = Network::of(4);
    let (ticket, mut verifier) = (network.ticket(7), network.verifier());
    let own = network.valid_pass();
    let mut other = own;
    other.announcement.volume += 1;
    for _ in 0..2 {
        assert!(verifier.verify_access(&ticket, &own.access(), NOW).is_ok());
        let refusal = verifier.verify_access(&ticket, &other.access(), NOW).unwrap_err();
        assert_eq!(refusal.code, Code::ResourceMismatch);
    }
}
