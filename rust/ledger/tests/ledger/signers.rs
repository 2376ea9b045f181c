//! Good signatures are remembered; no verdict changes by it.

use crate::common::{
    NOW, WRITER, World, announce, announcement, approver, claim, claim_by, domain, empty, key,
    lazily, ledger, provider, request, request_for, requester, signed, withdraw,
};
use alloy_primitives::Bytes;
use fallow_ledger::{Claim, Message, Recoverer};
use fallow_protocol::{Announcement, Code, Request};
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

/// Claims of messages of every kind, with how many each has.
fn everything() -> (World, Vec<(Message, usize)>) {
    let mut world = World::new();
    let guarded = Announcement { approver: approver().address(), ..announcement() };
    let ask = Request { resource_id: guarded.id(&domain()), ..request_for(30, 1, 2, 2) };
    let digest = ask.id(&domain()).0;
    let pair = [signed(&requester(), digest), signed(&approver(), digest)].concat();
    let provided = signed(&provider(), guarded.id(&domain()).0);
    let three = [&provided[..], &pair[..]].concat();
    let index = world.accept(&claim(request()));
    let other = Announcement { timestamp: 8, ..announcement() };
    let lazy = Request { resource_id: other.id(&domain()), ..request_for(35, 1, 1, 5) };
    let messages = vec![
        (announce(guarded), 1),
        (Message::Request { request: ask, signatures: pair.into() }, 2),
        (lazily(other, lazy), 2),
        (world.release(index), 1),
        (withdraw(announcement()), 1),
        (
            Message::AnnounceAndRequest {
                announcement: guarded,
                request: ask,
                signatures: three.into(),
            },
            3,
        ),
        (Message::Append { kind: 16, writer: WRITER, body: Bytes::new() }, 0),
    ];
    (world, messages)
}

#[test]
fn what_messages_claim_is_known_before_they_are_applied() {
    let (world, messages) = everything();
    for (message, count) in messages {
        let claims = message.claims(&domain());
        assert_eq!(claims.len(), count, "{message:?}");
        let recoverer = remembering(100);
        recoverer.warm(&claims);
        assert_eq!(recoverer.len(), count, "{message:?}");
        assert!(claims.iter().all(|claim| recoverer.knows(claim)));
        let mut warmed = world.ledger.clone().with_recoverer(recoverer.clone());
        let result = warmed.apply_proven(&message, NOW);
        assert_eq!(result, world.ledger.clone().apply_proven(&message, NOW));
        assert_eq!(recoverer.len(), count, "nothing new was recovered: {message:?}");
    }
}

#[test]
fn false_claims_are_not_remembered_and_change_no_verdict() {
    let (world, messages) = everything();
    let forged = claim_by(request_for(13, 1, 1, 9), &key(9));
    let recoverer = remembering(100);
    recoverer.warm(&forged.claims(&domain()));
    assert!(recoverer.is_empty());
    let mut ledger = world.ledger.with_recoverer(recoverer.clone());
    assert!(ledger.apply(&forged, NOW).is_err());
    for (message, _) in messages {
        let stranger = message
            .claims(&domain())
            .into_iter()
            .map(|claim| Claim { signer: Some(key(99).address()), ..claim });
        recoverer.warm(&stranger.collect::<Vec<_>>());
        assert!(recoverer.is_empty(), "{message:?}");
    }
}

/// An approver's signature is remembered as whose it is; the ledger knows whose it has to be.
#[test]
fn an_approval_by_somebody_else_stays_refused_when_it_is_known() {
    let mut world = World::new();
    let guarded = Announcement { approver: approver().address(), ..announcement() };
    world.accept(&announce(guarded));
    let ask = Request { resource_id: guarded.id(&domain()), ..request() };
    let digest = ask.id(&domain()).0;
    let signatures = [signed(&requester(), digest), signed(&key(9), digest)].concat().into();
    let message = Message::Request { request: ask, signatures };
    let recoverer = remembering(10);
    recoverer.warm(&message.claims(&domain()));
    assert_eq!(recoverer.len(), 2);
    let error = world.ledger.with_recoverer(recoverer).apply(&message, NOW).unwrap_err();
    assert_eq!(error.refusal().unwrap().code, Code::ApproverSignatureInvalid);
}

#[test]
fn malformed_messages_claim_nothing_that_is_not_there() {
    let (world, messages) = everything();
    for (mut message, _) in messages {
        for length in [0, 1, 63, 65, 127, 129, 191, 193, 10_000] {
            match &mut message {
                Message::Announce { signatures, .. }
                | Message::Request { signatures, .. }
                | Message::AnnounceAndRequest { signatures, .. }
                | Message::Release { signatures, .. }
                | Message::Withdraw { signatures, .. } => {
                    *signatures = Bytes::from(vec![0xff; length]);
                }
                Message::Append { .. } => {}
            }
            let claims = message.claims(&domain());
            assert!(claims.len() <= 3, "{message:?}");
            let recoverer = remembering(10);
            recoverer.warm(&claims);
            assert!(recoverer.is_empty(), "{message:?}");
        }
    }
    let Message::Release { release, signatures, .. } = world.release(2) else { unreachable!() };
    let record = Bytes::from_static(b"no record");
    let release = Message::Release { release, signatures, record, path: vec![] };
    assert_eq!(release.claims(&domain()), []);
}

#[test]
fn nothing_is_recovered_for_a_recoverer_that_forgets() {
    let recoverer = Recoverer::default();
    recoverer.warm(&claim(request()).claims(&domain()));
    assert!(recoverer.is_empty());
}
