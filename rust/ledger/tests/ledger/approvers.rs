//! Section 4.2, check 1 for resources with an approver: an approval is of one request, and only
//! where it is asked for.

use crate::common::{
    NOW, World, announce, announcement, approver, domain, key, refused, request_for, requester,
    signed,
};
use alloy_primitives::{Address, Bytes};
use fallow_ledger::Message;
use fallow_protocol::{Announcement, Code, Domain, Evidence, NetworkId, Refusal, Request};

/// The usual offer, where the approver has a say.
fn guarded() -> Announcement {
    Announcement { approver: approver().address(), ..announcement() }
}

fn world() -> World {
    let mut world = World::empty();
    world.accept(&announce(guarded()));
    world
}

fn request(sequence: u64) -> Request {
    Request { resource_id: guarded().id(&domain()), ..request_for(12, 1, 1, sequence) }
}

/// A request signed by these accounts, in this order.
fn signed_by(request: Request, signers: &[u8]) -> Message {
    let id = request.id(&domain()).0;
    let signatures: Vec<u8> =
        signers.iter().flat_map(|seed| signed(&key(*seed), id).to_vec()).collect();
    Message::Request { request, signatures: signatures.into() }
}

#[test]
fn a_resource_with_an_approver_takes_approved_requests() {
    let mut world = world();
    let record = world.apply(&signed_by(request(1), &[2, 3]), NOW).unwrap().record;
    let signatures = match signed_by(request(1), &[2, 3]) {
        Message::Request { signatures, .. } => signatures,
        other => panic!("not a request: {other:?}"),
    };
    assert_eq!(signatures.len(), 128);
    let evidence = Evidence::from_signatures(&signatures).unwrap();
    assert_eq!(record.body.evidence(), Some(evidence.hash()));
    assert_eq!(evidence.encode().len(), 129);
}

#[test]
fn a_missing_approval_is_102() {
    assert_eq!(
        refused(&world().ledger, &signed_by(request(1), &[2]), NOW),
        Refusal::new(Code::SignatureCountInvalid, 1_u64, 2_u64)
    );
}

#[test]
fn an_approval_that_nobody_needs_is_102() {
    let open = signed_by(request_for(12, 1, 1, 1), &[2, 3]);
    assert_eq!(
        refused(&World::new().ledger, &open, NOW),
        Refusal::new(Code::SignatureCountInvalid, 2_u64, 1_u64)
    );
}

#[test]
fn an_approval_by_somebody_else_is_103() {
    for forger in [2, 9] {
        let (got, want) = (key(forger).address(), approver().address());
        assert_eq!(
            refused(&world().ledger, &signed_by(request(1), &[2, forger]), NOW),
            Refusal::new(Code::ApproverSignatureInvalid, got, want)
        );
    }
    let mut nobodys = signed(&requester(), request(1).id(&domain()).0).to_vec();
    nobodys.extend([0; 64]);
    let nobodys = Message::Request { request: request(1), signatures: nobodys.into() };
    assert_eq!(
        refused(&world().ledger, &nobodys, NOW),
        Refusal::new(Code::ApproverSignatureInvalid, Address::ZERO, approver().address())
    );
}

#[test]
fn the_requesters_signature_comes_first() {
    for signers in [&[3, 2][..], &[3, 3], &[3]] {
        let refusal = refused(&world().ledger, &signed_by(request(1), signers), NOW);
        assert_eq!(
            refusal,
            Refusal::new(
                Code::RequesterSignatureInvalid,
                approver().address(),
                requester().address()
            )
        );
    }
}

/// Attack: what was approved once is used again.
#[test]
fn an_approval_does_not_cover_another_request() {
    let mut world = world();
    world.accept(&signed_by(request(1), &[2, 3]));
    let approval = signed(&approver(), request(1).id(&domain()).0);
    let changes: [fn(&mut Request); 5] = [
        |request| request.sequence = 2,
        |request| request.volume += 1,
        |request| request.end_time += 600,
        |request| request.timestamp += 1,
        |request| request.start_time -= 600,
    ];
    for change in changes {
        let mut other = request(1);
        change(&mut other);
        let own = signed(&requester(), other.id(&domain()).0);
        let signatures: Bytes = [&own[..], &approval].concat().into();
        let message = Message::Request { request: other, signatures };
        assert_eq!(refused(&world.ledger, &message, NOW).code, Code::ApproverSignatureInvalid);
    }
}

/// Attack: an approval for the same registry address on another network.
#[test]
fn an_approval_does_not_cover_another_network() {
    let other = Domain::new(domain().registry, NetworkId::repeat_byte(0xdd));
    let own = signed(&requester(), request(1).id(&domain()).0);
    let approval = signed(&approver(), request(1).id(&other).0);
    let signatures: Bytes = [own, approval].concat().into();
    let message = Message::Request { request: request(1), signatures };
    assert_eq!(refused(&world().ledger, &message, NOW).code, Code::ApproverSignatureInvalid);
}

/// The rest of the section is looked at only after both signatures.
#[test]
fn a_withdrawn_resource_still_asks_for_the_approval_first() {
    let mut world = world();
    world.accept(&crate::common::withdraw(guarded()));
    let code = |signers: &[u8]| refused(&world.ledger, &signed_by(request(1), signers), NOW).code;
    assert_eq!(code(&[2]), Code::SignatureCountInvalid);
    assert_eq!(code(&[2, 9]), Code::ApproverSignatureInvalid);
    assert_eq!(code(&[2, 3]), Code::ResourceWithdrawn);
}

/// Attack: an announcement that names nobody's key as approver locks its resource, nothing else.
#[test]
fn an_approver_whose_key_nobody_has_approves_nothing() {
    let locked = Announcement { approver: Address::repeat_byte(1), ..announcement() };
    let mut world = World::empty();
    world.accept(&announce(locked));
    let request = Request { resource_id: locked.id(&domain()), ..request(1) };
    for signers in [&[2, 2][..], &[2, 3]] {
        let refusal = refused(&world.ledger, &signed_by(request, signers), NOW);
        assert_eq!(refusal.code, Code::ApproverSignatureInvalid);
    }
}
