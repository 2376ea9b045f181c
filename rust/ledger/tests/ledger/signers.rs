//! Good signatures are remembered; no verdict changes by it.

use crate::common::{
    NOW, World, claim, claim_by, domain, empty, key, ledger, request, request_for, requester,
    signed,
};
use alloy_primitives::Bytes;
use fallow_ledger::{Message, Recoverer};
use fallow_protocol::{Code, Request};
use std::num::NonZeroUsize;

fn remembering(capacity: usize) -> Recoverer {
    Recoverer::remembering(NonZeroUsize::new(capacity).unwrap())
}

#[test]
fn a_message_judged_on_a_copy_is_known_to_the_original() {
    let recoverer = remembering(10);
    let mut ledger = ledger().with_recoverer(recoverer.clone());
    let mut copy = ledger.clone();
    copy.apply(&claim(request()), NOW).unwrap();
    assert_eq!(recoverer.len(), 1);
    ledger.apply(&claim(request()), NOW).unwrap();
    assert_eq!(recoverer.len(), 1, "the same signature");
    assert_eq!(ledger, copy);
}

#[test]
fn what_is_remembered_is_no_part_of_the_state() {
    let recoverer = remembering(10);
    let (mut with, mut without) = (ledger().with_recoverer(recoverer.clone()), ledger());
    assert!(recoverer.is_empty());
    with.apply(&claim(request()), NOW).unwrap();
    without.apply(&claim(request()), NOW).unwrap();
    assert!(!recoverer.is_empty());
    assert_eq!((&with, with.commitment()), (&without, without.commitment()));
}

#[test]
fn nothing_is_remembered_unless_told() {
    let recoverer = Recoverer::default();
    let mut ledger = ledger().with_recoverer(recoverer.clone());
    ledger.apply(&claim(request()), NOW).unwrap();
    assert!(recoverer.is_empty());
}

#[test]
fn no_more_is_remembered_than_told() {
    let recoverer = remembering(3);
    let mut ledger = ledger().with_recoverer(recoverer.clone());
    for sequence in 1..=9 {
        ledger.apply(&claim(request_for(12, 1, 1, sequence)), NOW).unwrap();
        assert_eq!(recoverer.len(), usize::try_from(sequence).unwrap().min(3));
    }
}

/// Attack: signatures of strangers, to push the good ones out.
#[test]
fn bad_signatures_are_not_remembered() {
    let recoverer = remembering(3);
    let mut ledger = ledger().with_recoverer(recoverer.clone());
    ledger.apply(&claim(request()), NOW).unwrap();
    for seed in 3..20 {
        assert!(ledger.apply(&claim_by(request(), &key(seed)), NOW).is_err());
    }
    assert_eq!(recoverer.len(), 1);
}

/// Attack: a signature that is known, over something else; another signature over what is known.
#[test]
fn a_known_signature_covers_nothing_else() {
    let mut ledger = ledger().with_recoverer(remembering(100));
    ledger.apply(&claim(request()), NOW).unwrap();
    let known = signed(&requester(), request().id(&domain()).0);
    let other = Request { sequence: 2, ..request() };
    let message = Message::Request { request: other, signatures: known.clone() };
    let code = |ledger: &mut fallow_ledger::Ledger, message: &Message| {
        ledger.apply(message, NOW).unwrap_err().refusal().unwrap().code
    };
    assert_eq!(code(&mut ledger, &message), Code::RequesterSignatureInvalid);
    for bit in 0..512 {
        let mut flipped = known.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let message = Message::Request { request: request(), signatures: Bytes::from(flipped) };
        assert_eq!(code(&mut ledger, &message), Code::RequesterSignatureInvalid, "bit {bit}");
    }
    let again = claim(request());
    assert_eq!(code(&mut ledger, &again), Code::SequenceAlreadyUsed);
}

/// Whoever is named must have signed, also where the signature is known as another's.
#[test]
fn a_known_signature_stays_its_signers() {
    let recoverer = remembering(100);
    let mut world = World::new();
    world.ledger = world.ledger.with_recoverer(recoverer.clone());
    let index = world.accept(&claim(request_for(30, 1, 1, 1)));
    let others = Request { requester: key(9).address(), ..request_for(30, 1, 1, 1) };
    let others = world.accept(&claim_by(others, &key(9)));
    world.accept(&world.release(index));
    let release = world.release_of(others, 0);
    let stolen = world.release_by(release, others, &requester());
    let refusal = *world.ledger.apply(&stolen, NOW).unwrap_err().refusal().unwrap();
    assert_eq!(refusal.code, Code::RequesterSignatureInvalid);
    assert_eq!(format!("{:?}", Recoverer::default()), "Recoverer { len: 0, .. }");
    assert_eq!(empty().with_recoverer(recoverer), empty());
}
