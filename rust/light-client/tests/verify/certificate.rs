//! Quorums and forged certificates (section 10), and keys that no set may have (section 9).

use crate::common::{Config, NOW, Network};
use blst::min_sig;
use fallow_protocol::{Certificate, Code, DecodeError, Refusal, Set, SetError, Ticket, bls};

fn verdict(network: &Network, ticket: &Ticket) -> Result<u64, Refusal> {
    let report = network.verifier().verify_ticket(ticket, NOW)?;
    Ok(report.signed_weight)
}

/// The ticket with a certificate of some members only.
fn signed_by(network: &Network, signers: &[usize]) -> Ticket {
    let mut ticket = network.ticket(7);
    let digest = ticket.checkpoint.digest();
    ticket.certificate = network.certify(digest, signers.iter().copied());
    ticket
}

/// The certificate with its bytes changed.
fn altered(ticket: &Ticket, change: impl FnOnce(&mut Vec<u8>)) -> Result<Certificate, DecodeError> {
    let mut bytes = ticket.certificate.encode();
    change(&mut bytes);
    Certificate::decode(&bytes)
}

#[test]
fn two_thirds_are_no_quorum_and_more_are() {
    let cases: [(&[u64], &[usize], bool); 7] = [
        (&[1, 1, 1, 1], &[0, 1, 2], true),
        (&[1, 1, 1, 1], &[0, 3], false),
        (&[1, 1, 1], &[0, 1], false),
        (&[2, 1], &[0], false),
        (&[200, 99], &[0], true),
        (&[200, 100], &[0], false),
        (&[u64::MAX / 3 * 2 + 1, u64::MAX / 3 - 1], &[0], true),
    ];
    for (weights, signers, is_quorum) in cases {
        let network = Network::new(&Config::of(weights.to_vec()));
        let weight: u64 = signers.iter().map(|position| weights[*position]).sum();
        let want = if is_quorum {
            Ok(weight)
        } else {
            Err(Refusal::new(Code::QuorumMissing, weight, network.set.total()))
        };
        assert_eq!(verdict(&network, &signed_by(&network, signers)), want, "{weights:?}");
    }
}

#[test]
fn a_certificate_of_another_number_of_members_is_605() {
    let (network, larger) = (Network::of(4), Network::of(5));
    let mut ticket = network.ticket(7);
    ticket.certificate = larger.certify(ticket.checkpoint.digest(), 0..5);
    assert_eq!(
        verdict(&network, &ticket),
        Err(Refusal::new(Code::CertificateMalformed, 5_u64, 4_u64))
    );
}

#[test]
fn absent_members_are_not_counted() {
    let network = Network::of(4);
    let mut ticket = signed_by(&network, &[0, 1]);
    // Two signed; the bitmap says that a third one did.
    ticket.certificate = altered(&ticket, |bytes| bytes[4] |= 0b100).unwrap();
    let digest = ticket.checkpoint.digest();
    assert_eq!(
        verdict(&network, &ticket),
        Err(Refusal::new(Code::CertificateSignatureInvalid, digest, network.set.hash()))
    );
}

#[test]
fn signers_who_are_not_named_do_not_help() {
    let network = Network::of(4);
    let mut ticket = signed_by(&network, &[0, 1, 2, 3]);
    ticket.certificate = altered(&ticket, |bytes| bytes[4] &= 0b0111).unwrap();
    assert_eq!(verdict(&network, &ticket).unwrap_err().code, Code::CertificateSignatureInvalid);
}

#[test]
fn a_padding_bit_makes_no_certificate() {
    let ticket = Network::of(4).ticket(7);
    let decoded = altered(&ticket, |bytes| bytes[4] |= 1 << 4);
    assert_eq!(decoded, Err(DecodeError::Padding("bitmap")));
}

#[test]
fn a_signature_over_another_checkpoint_is_607() {
    let network = Network::of(4);
    let mut ticket = network.ticket(7);
    ticket.certificate = network.ticket(8).certificate;
    assert_eq!(verdict(&network, &ticket).unwrap_err().code, Code::CertificateSignatureInvalid);
}

#[test]
fn validators_of_another_set_are_607() {
    let network = Network::of(4);
    let other = Network::new(&Config { seed: 2, ..Config::of(vec![1; 4]) });
    let mut ticket = network.ticket(7);
    ticket.certificate = other.certify_all(&ticket.checkpoint);
    assert_eq!(verdict(&network, &ticket).unwrap_err().code, Code::CertificateSignatureInvalid);
}

/// A compressed point of the curve outside the subgroup.
fn stray_signature() -> [u8; 48] {
    let candidates = (1..=u8::MAX).map(|x| {
        let mut bytes = [0; 48];
        (bytes[0], bytes[47]) = (0x80, x);
        bytes
    });
    let is_stray = |bytes: &[u8; 48]| {
        min_sig::Signature::uncompress(bytes).is_ok_and(|point| point.validate(true).is_err())
    };
    candidates.into_iter().find(is_stray).unwrap()
}

#[test]
fn infinity_and_points_outside_the_subgroup_are_no_signature() {
    let network = Network::of(4);
    let mut infinity = [0; 48];
    infinity[0] = 0xc0;
    for signature in [infinity, stray_signature()] {
        let mut ticket = network.ticket(7);
        let position = ticket.certificate.encode().len() - 48;
        ticket.certificate =
            altered(&ticket, |bytes| bytes[position..].copy_from_slice(&signature)).unwrap();
        assert_eq!(verdict(&network, &ticket).unwrap_err().code, Code::CertificateSignatureInvalid);
    }
}

/// A point of G2's curve outside the subgroup, as EIP-2537 encodes it.
fn stray_key() -> [u8; bls::KEY_BYTES] {
    let candidates = (1..=u8::MAX).filter_map(|x| {
        let mut bytes = [0; 96];
        (bytes[0], bytes[95]) = (0x80, x);
        min_sig::PublicKey::uncompress(&bytes).ok()
    });
    let stray = candidates.into_iter().find(|key| key.validate().is_err());
    let elements = stray.unwrap().serialize();
    let mut key = [0; bls::KEY_BYTES];
    // blst writes x.c1 x.c0 y.c1 y.c0.
    for (slot, element) in key.chunks_exact_mut(64).zip([1, 0, 3, 2]) {
        slot[16..].copy_from_slice(&elements[element * 48..][..48]);
    }
    key
}

#[test]
fn a_set_takes_no_key_that_is_none() {
    let set = Network::of(3).set.encode();
    // Header of 58 bytes, then members of 20 + 8 + 256.
    let key = |member: usize| 58 + member * 284 + 28..58 + (member + 1) * 284;
    let replaced = |key_bytes: &[u8]| {
        let mut bytes = set.clone();
        bytes[key(1)].copy_from_slice(key_bytes);
        Set::decode(&bytes)
    };
    let own = &set[key(1)];
    let swapped = [&own[64..128], &own[..64], &own[128..]].concat();
    for bad in [&[0; bls::KEY_BYTES][..], &swapped, &stray_key()] {
        assert_eq!(replaced(bad), Err(SetError::Decode(DecodeError::Point("key"))));
    }
    assert_eq!(replaced(&set[key(0)]), Err(SetError::Key(1)));
    assert!(replaced(own).is_ok());
}
