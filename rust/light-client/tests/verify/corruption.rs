//! No single bit of a ticket, a grant or a signature can change unnoticed.

use crate::common::{NOW, Network, Pass};
use fallow_light_client::Verifier;
use fallow_protocol::Ticket;

/// Whether the bytes decode to a ticket that opens the door with this pass.
fn opens(verifier: &Verifier, bytes: &[u8], pass: &Pass) -> bool {
    Ticket::decode(bytes).is_ok_and(|ticket| {
        let mut verifier = verifier.clone();
        verifier.verify_access(&ticket, &pass.access(), NOW).is_ok()
    })
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn every_single_bit_of_a_ticket_counts() {
    let network = Network::of(4);
    let (bytes, pass) = (network.ticket(7).encode(), network.valid_pass());
    let verifier = network.verifier();
    assert!(opens(&verifier, &bytes, &pass));
    for bit in 0..bytes.len() * 8 {
        assert!(!opens(&verifier, &flipped(&bytes, bit), &pass), "bit {bit}");
    }
}

/// Behind a known checkpoint the certificate is not looked at, everything else is.
#[test]
fn every_single_bit_but_the_certificates_counts_behind_a_known_checkpoint() {
    let network = Network::of(4);
    let (ticket, pass) = (network.ticket(7), network.valid_pass());
    let bytes = ticket.encode();
    let mut verifier = network.verifier();
    verifier.verify_ticket(&ticket, NOW).unwrap();
    let certificate = bytes.len() - ticket.certificate.encode().len();
    for bit in 0..certificate * 8 {
        assert!(!opens(&verifier, &flipped(&bytes, bit), &pass), "bit {bit}");
    }
}

#[test]
fn a_ticket_cut_short_or_with_more_behind_it_is_none() {
    let network = Network::of(4);
    let bytes = network.ticket(7).encode();
    for length in 0..bytes.len() {
        assert!(Ticket::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(Ticket::decode(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn every_single_bit_of_a_grant_and_its_signature_counts() {
    let network = Network::of(4);
    let (ticket, good) = (network.ticket(7), network.valid_pass());
    let mut verifier = network.verifier();
    verifier.verify_ticket(&ticket, NOW).unwrap();
    let mut refused = |change: &dyn Fn(&mut Pass)| {
        let mut pass = good;
        change(&mut pass);
        verifier.verify_access(&ticket, &pass.access(), NOW).is_err()
    };
    for bit in 0..512 {
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        assert!(refused(&|pass| pass.signature.0[byte] ^= mask), "signature {bit}");
    }
    for bit in 0..256 {
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        assert!(refused(&|pass| pass.grant.request_id.0[byte] ^= mask), "request {bit}");
        assert!(refused(&|pass| pass.grant.nonce[byte] ^= mask), "nonce {bit}");
        assert!(refused(&|pass| pass.grant.session_key[byte] ^= mask), "session {bit}");
        assert!(refused(&|pass| pass.announcement.offer[byte] ^= mask), "offer {bit}");
    }
    for bit in 0..160 {
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        assert!(refused(&|pass| pass.grant.provider[byte] ^= mask), "provider {bit}");
    }
    for bit in 0..64 {
        assert!(refused(&|pass| pass.grant.expires_at ^= 1 << bit), "expiry {bit}");
    }
}
