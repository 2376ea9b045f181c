//! Section 4.3: a request that brings its announcement.

use crate::common::{
    NOW, SLOT, START, World, announce, announcement, approver, claim, domain, key, lazily, refused,
    refused_code, request, request_for, requester, signed, withdraw,
};
use alloy_primitives::{Address, Bytes};
use fallow_ledger::Message;
use fallow_protocol::{Announcement, Body, Code, Refusal, Request, ResourceWord};

/// Signatures over an announcement and a request, by these.
fn brought(announcement: Announcement, request: Request, signers: [u8; 2]) -> Message {
    let announced = signed(&key(signers[0]), announcement.id(&domain()).0);
    let requested = signed(&key(signers[1]), request.id(&domain()).0);
    let signatures = [announced, requested].concat().into();
    Message::AnnounceAndRequest { announcement, request, signatures }
}

#[test]
fn the_first_to_bring_it_records_the_announcement_too() {
    let mut world = World::empty();
    let applied = world.apply(&lazily(announcement(), request()), NOW).unwrap();
    let announced = applied.announced.unwrap();
    assert_eq!((announced.index, applied.record.index), (1, 2));
    assert_eq!((announced.body.kind(), applied.record.body.kind()), (1, 2));
    // The same two records as if they had come one by one.
    let mut one_by_one = World::empty();
    one_by_one.accept(&announce(announcement()));
    one_by_one.accept(&claim(request()));
    assert_eq!(one_by_one.records, world.records);
    assert_eq!(one_by_one.ledger, world.ledger);
}

#[test]
fn a_recorded_announcement_is_not_looked_at() {
    let mut world = World::new();
    let mut own = signed(&requester(), request().id(&domain()).0).to_vec();
    let mut signatures = vec![0xff; 64];
    signatures.append(&mut own);
    let message = Message::AnnounceAndRequest {
        announcement: announcement(),
        request: request(),
        signatures: signatures.into(),
    };
    let applied = world.apply(&message, NOW).unwrap();
    assert_eq!((applied.announced, applied.record.index), (None, 2));
    assert_eq!(world.records[2], {
        let mut alone = World::new();
        alone.accept(&claim(request()));
        alone.records.remove(2)
    });
}

#[test]
fn signatures_of_another_length_are_001() {
    for length in [0, 64, 127, 129, 191, 193, 256] {
        let message = Message::AnnounceAndRequest {
            announcement: Announcement { volume: 0, ..announcement() },
            request: request(),
            signatures: Bytes::from(vec![1; length]),
        };
        for world in [World::empty(), World::new()] {
            assert_eq!(
                refused(&world.ledger, &message, NOW),
                Refusal::new(Code::SignaturesLengthInvalid, length, 128_u64)
            );
        }
    }
}

#[test]
fn another_announcement_than_the_requests_is_205() {
    let other = Announcement { timestamp: 6, ..announcement() };
    for world in [World::empty(), World::new()] {
        assert_eq!(
            refused(&world.ledger, &brought(other, request(), [9, 9]), NOW),
            Refusal::new(Code::AnnouncementMismatch, other.id(&domain()), request().resource_id)
        );
    }
}

/// Neither is recorded if one is refused.
#[test]
fn both_or_none() {
    let world = World::empty();
    let stranger = brought(announcement(), request(), [9, 2]);
    assert_eq!(refused_code(&world.ledger, &stranger, NOW), Code::ProviderSignatureInvalid);
    let bad = Announcement { volume: 0, ..announcement() };
    let asks_bad = Request { resource_id: bad.id(&domain()), ..request() };
    assert_eq!(refused_code(&world.ledger, &lazily(bad, asks_bad), NOW), Code::VolumeTooSmall);
    let stranger = brought(announcement(), request(), [1, 9]);
    assert_eq!(refused_code(&world.ledger, &stranger, NOW), Code::RequesterSignatureInvalid);
    let too_much = lazily(announcement(), request_for(12, 1, 11, 1));
    assert_eq!(
        refused(&world.ledger, &too_much, NOW),
        Refusal::new(Code::CapacityExceeded, 11_u64, 10_u64)
    );
    let late = lazily(announcement(), Request { timestamp: 0, ..request() });
    assert_eq!(refused_code(&world.ledger, &late, NOW), Code::TimestampOutsideDrift);
    assert_eq!(world.ledger.size(), 1);
}

/// Everything is wrong at once; what is mended is no longer complained about.
#[test]
fn rules_are_checked_in_the_order_of_the_specification() {
    let world = World::empty();
    let mut offer = Announcement { volume: 0, ..announcement() };
    let mut ask = Request { volume: 0, sequence: 0, timestamp: 0, ..request() };
    let code =
        |offer, ask, signers| refused_code(&world.ledger, &brought(offer, ask, signers), NOW);
    assert_eq!(code(offer, ask, [9, 9]), Code::AnnouncementMismatch);
    ask.resource_id = offer.id(&domain());
    assert_eq!(code(offer, ask, [9, 9]), Code::ProviderSignatureInvalid);
    assert_eq!(code(offer, ask, [1, 9]), Code::VolumeTooSmall);
    offer.volume = 10;
    ask.resource_id = offer.id(&domain());
    assert_eq!(code(offer, ask, [1, 9]), Code::RequesterSignatureInvalid);
    assert_eq!(code(offer, ask, [1, 2]), Code::SequenceOutsideWindow);
    ask.sequence = 1;
    assert_eq!(code(offer, ask, [1, 2]), Code::VolumeTooSmall);
    ask.volume = 11;
    assert_eq!(code(offer, ask, [1, 2]), Code::TimestampOutsideDrift);
    ask.timestamp = NOW;
    assert_eq!(code(offer, ask, [1, 2]), Code::CapacityExceeded);
    ask.volume = 10;
    let mut world = World::empty();
    world.accept(&lazily(offer, ask));
}

#[test]
fn an_announcement_that_is_brought_asks_for_its_approver_at_once() {
    let guarded = Announcement { approver: approver().address(), ..announcement() };
    let ask = Request { resource_id: guarded.id(&domain()), ..request() };
    let mut world = World::empty();
    assert_eq!(
        refused(&world.ledger, &lazily(guarded, ask), NOW),
        Refusal::new(Code::SignatureCountInvalid, 1_u64, 2_u64)
    );
    let approved = |seed: u8| {
        let Message::AnnounceAndRequest { signatures, .. } = lazily(guarded, ask) else {
            unreachable!("it is one");
        };
        let approval = signed(&key(seed), ask.id(&domain()).0);
        let signatures = [signatures, approval].concat().into();
        Message::AnnounceAndRequest { announcement: guarded, request: ask, signatures }
    };
    assert_eq!(
        refused(&world.ledger, &approved(9), NOW),
        Refusal::new(Code::ApproverSignatureInvalid, key(9).address(), approver().address())
    );
    let applied = world.apply(&approved(3), NOW).unwrap();
    assert!(applied.announced.is_some());
    assert_eq!(world.ledger.approver(guarded.id(&domain())), approver().address());
}

/// Attack: gossiped, withdrawn, then brought by somebody.
#[test]
fn a_tombstone_bars_what_is_brought() {
    let mut world = World::empty();
    world.accept(&withdraw(announcement()));
    assert_eq!(
        refused(&world.ledger, &lazily(announcement(), request()), NOW),
        Refusal::new(Code::ResourceWithdrawn, announcement().id(&domain()), 0_u64)
    );
    // Whoever lies about the provider is told so first.
    let forged = brought(announcement(), request(), [9, 2]);
    assert_eq!(refused_code(&world.ledger, &forged, NOW), Code::ProviderSignatureInvalid);
}

#[test]
fn the_records_of_both_chain_as_if_they_had_come_alone() {
    let mut world = World::empty();
    let ask = Request { start_time: START + 12 * SLOT, ..request() };
    world.accept(&lazily(announcement(), ask));
    let allocation = world.allocation(2);
    assert_eq!((allocation.resource_index, allocation.previous_index), (1, 0));
    let word = world.ledger.resource(announcement().id(&domain()));
    assert_eq!(word, Some(ResourceWord::of(&announcement(), 1)));
    assert_eq!(world.ledger.requester(requester().address()).index, 2);
    let lazily_again = lazily(announcement(), request_for(12, 1, 1, 2));
    let applied = world.apply(&lazily_again, NOW).unwrap();
    assert_eq!(applied.announced, None);
    let Body::Allocation(body) = applied.record.body else { panic!("not an allocation") };
    assert_eq!((body.resource_index, body.previous_index), (1, 2));
    assert_eq!(world.ledger.approver(announcement().id(&domain())), Address::ZERO);
}
