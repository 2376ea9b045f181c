//! Section 4.6: batches are their items one by one, and what paths lead into.

use crate::common::{
    NOW, World, announce, announcement, claim, domain, key, lazily, request_for, requester,
    resource_id, signed, withdraw,
};
use alloy_primitives::B256;
use fallow_ledger::{Applied, ApplyError, Message};
use fallow_protocol::{Code, Release, SlotRange};

/// A world where the requester holds one unit of 30 slots, by the records 2 to 31.
fn world() -> World {
    holding(30)
}

fn holding(allocations: u64) -> World {
    let mut world = World::new();
    for sequence in 1..=allocations {
        world.accept(&claim(request_for(40 + sequence, 1, 1, sequence)));
    }
    assert_eq!(world.ledger.size(), 2 + allocations);
    world
}

/// What became of each item: the index of its record, or the code.
fn verdicts(results: &[Result<Applied, ApplyError>]) -> Vec<Result<u64, Code>> {
    let verdict = |result: &Result<Applied, ApplyError>| match result {
        Ok(applied) => Ok(applied.record.index),
        Err(error) => Err(error.refusal().unwrap().code),
    };
    results.iter().map(verdict).collect()
}

fn apply(world: &mut World, items: &[Message]) -> Vec<Result<u64, Code>> {
    let results = world.ledger.apply_batch(items, NOW);
    world.note(results.iter().flatten());
    verdicts(&results)
}

/// A release whose path is cut to where it meets that of another record.
fn leaning(world: &World, index: u64, on: u64) -> Message {
    let Message::Release { release, signatures, record, mut path } = world.release(index) else {
        unreachable!("it is one");
    };
    path.truncate((index ^ on).ilog2() as usize);
    Message::Release { release, signatures, record, path }
}

/// The same item, refused for another reason than its path.
fn refused_otherwise(message: Message) -> Message {
    let Message::Release { release, record, path, .. } = message else {
        unreachable!("it is one");
    };
    let release = Release { timestamp: 0, ..release };
    let signatures = signed(&requester(), release.id(&domain()));
    Message::Release { release, signatures, record, path }
}

#[test]
fn a_batch_of_every_kind_is_its_items_one_by_one() {
    let other = fallow_protocol::Announcement { timestamp: 6, ..announcement() };
    let ask =
        fallow_protocol::Request { resource_id: other.id(&domain()), ..request_for(70, 2, 3, 31) };
    let mut batch = world();
    let items = [
        batch.release(2),
        lazily(other, ask),
        claim(request_for(41, 1, 10, 32)),
        claim(request_for(41, 1, 1, 33)),
        withdraw(other),
        announce(other),
        lazily(other, fallow_protocol::Request { sequence: 34, ..ask }),
        withdraw(announcement()),
        claim(request_for(41, 1, 1, 34)),
        batch.release(3),
        batch.release(2),
    ];
    let mut one_by_one = world();
    let got = apply(&mut batch, &items);
    let want = [
        Ok(32),
        Ok(34),
        Ok(35),
        Err(Code::CapacityExceeded),
        Ok(36),
        Err(Code::ResourceAlreadyRecorded),
        Err(Code::ResourceWithdrawn),
        Ok(37),
        Err(Code::ResourceWithdrawn),
        Ok(38),
        Err(Code::AllocationAlreadyReleased),
    ];
    assert_eq!(got, want);
    for item in &items {
        // The log grows as the items come, so each path is built when it is needed.
        let item = match item {
            Message::Release { record, .. } => {
                let index = u64::from_be_bytes(record[22..30].try_into().unwrap());
                one_by_one.release(index)
            }
            other => other.clone(),
        };
        match one_by_one.apply(&item, NOW) {
            Ok(_) => {}
            Err(error) => assert!(error.refusal().is_some()),
        }
    }
    assert_eq!(one_by_one.records, batch.records);
    assert_eq!(one_by_one.ledger, batch.ledger);
}

/// Gossiped, withdrawn and brought in one batch, in both orders.
#[test]
fn tombstone_and_lazy_announcement_meet_in_one_batch() {
    let (bury, bring) =
        (withdraw(announcement()), lazily(announcement(), request_for(12, 1, 1, 1)));
    let mut world = World::empty();
    let got = apply(&mut world, &[bury.clone(), bring.clone()]);
    assert_eq!(got, [Ok(1), Err(Code::ResourceWithdrawn)]);
    assert_eq!(world.ledger.resource(resource_id()).map(|word| word.index), Some(0));
    let mut world = World::empty();
    let again = lazily(announcement(), request_for(12, 1, 1, 2));
    assert_eq!(
        apply(&mut world, &[bring, bury, again]),
        [Ok(2), Ok(3), Err(Code::ResourceWithdrawn)]
    );
    let word = world.ledger.resource(resource_id()).unwrap();
    assert!(word.withdrawn && word.index == 1);
}

#[test]
fn the_same_announcement_twice_in_a_batch_is_recorded_once() {
    let bring = |sequence| lazily(announcement(), request_for(12, 1, 1, sequence));
    let mut world = World::empty();
    let items = [bring(1), announce(announcement()), bring(2), bring(1)];
    assert_eq!(
        apply(&mut world, &items),
        [Ok(2), Err(Code::ResourceAlreadyRecorded), Ok(3), Err(Code::SequenceAlreadyUsed)]
    );
    assert_eq!(world.ledger.used(resource_id(), SlotRange { first: 12, last: 12 }), [2]);
}

#[test]
fn paths_lead_into_the_log_before_the_batch() {
    let mut world = holding(29);
    let before = world.release(29);
    let request = claim(request_for(80, 1, 1, 31));
    // One by one, the path goes stale with the request, which joins all peaks; in the batch not.
    let mut one_by_one = world.clone();
    one_by_one.accept(&request);
    let stale = one_by_one.ledger.apply(&before, NOW).unwrap_err();
    assert_eq!(stale.refusal().unwrap().code, Code::AllocationUnproven);
    assert_eq!(apply(&mut world, &[request, before]), [Ok(31), Ok(32)]);
}

/// Attack: what the batch itself allocates cannot be released in it.
#[test]
fn a_record_of_the_same_batch_is_not_in_the_log_yet() {
    let mut ahead = world();
    let request = claim(request_for(80, 1, 1, 31));
    let index = ahead.accept(&request);
    let release = ahead.release(index);
    let mut world = world();
    let results = world.ledger.apply_batch(&[request, release], NOW);
    let refusal = *results[1].as_ref().unwrap_err().refusal().unwrap();
    assert_eq!(refusal.code, Code::AllocationUnproven);
    assert!(refusal.got.is_zero() && refusal.want.is_zero());
}

#[test]
fn adjacent_releases_share_what_they_can() {
    let mut world = world();
    let mut items = vec![world.release(2)];
    items.extend((3..32).map(|index| leaning(&world, index, index - 1)));
    let nodes: usize = items
        .iter()
        .map(|item| match item {
            Message::Release { path, .. } => path.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(nodes, 5 + 26 - 1, "one node for each that is new");
    let want: Vec<_> = (32..62).map(Ok).collect();
    assert_eq!(apply(&mut world, &items), want);
}

#[test]
fn a_leaning_path_needs_the_one_before() {
    let mut world = world();
    let items = [leaning(&world, 5, 4), world.release(6)];
    assert_eq!(apply(&mut world, &items), [Err(Code::AllocationUnproven), Ok(32)]);
    // Alone, nothing was proven before.
    let alone = leaning(&world, 7, 6);
    assert!(world.ledger.apply(&alone, NOW).is_err());
    // A batch does not lean on the one before it either.
    assert_eq!(apply(&mut world, &[alone]), [Err(Code::AllocationUnproven)]);
}

/// A path is proven by itself, whatever else its release is refused for.
#[test]
fn a_refused_release_still_carries_the_path_of_the_next() {
    type Make<'a> = &'a dyn Fn(&World) -> Message;
    let strangers = |world: &World| world.release_by(world.release_of(4, 0), 4, &key(9));
    let another = |world: &World| {
        let release = Release { request_id: crate::common::no_request(), ..world.release_of(4, 0) };
        world.release_by(release, 4, &requester())
    };
    let lapsed = |world: &World| refused_otherwise(world.release(4));
    let cases: [(Make<'_>, Code); 3] = [
        (&strangers, Code::RequesterSignatureInvalid),
        (&another, Code::AllocationMismatch),
        (&lapsed, Code::TimestampOutsideDrift),
    ];
    for (refused, code) in cases {
        let mut world = world();
        let items = [refused(&world), leaning(&world, 5, 4)];
        assert_eq!(apply(&mut world, &items), [Err(code), Ok(32)]);
    }
}

#[test]
fn a_release_that_does_not_decode_carries_nothing() {
    let cut = |message: Message, bytes: usize| {
        let Message::Release { release, signatures, record, path } = message else {
            unreachable!("it is one");
        };
        let record = record.slice(..record.len() - bytes);
        let signatures = signatures.slice(..64 - (1 - bytes));
        Message::Release { release, signatures, record, path }
    };
    for (bytes, code) in [(1, Code::RecordLengthInvalid), (0, Code::SignaturesLengthInvalid)] {
        let mut world = world();
        let items = [cut(world.release(4), bytes), leaning(&world, 5, 4)];
        assert_eq!(apply(&mut world, &items), [Err(code), Err(Code::AllocationUnproven)]);
    }
}

/// Attack: a path that proves nothing is leant on, or takes the place of one that does.
#[test]
fn a_path_that_is_wrong_is_not_leant_on() {
    let wrong = |message: Message| {
        let Message::Release { release, signatures, record, mut path } = message else {
            unreachable!("it is one");
        };
        path[0] = B256::repeat_byte(0xab);
        Message::Release { release, signatures, record, path }
    };
    let mut world = world();
    // Record 6 leans on record 4 across the wrong path of record 9.
    let items =
        [world.release(4), wrong(world.release(9)), leaning(&world, 8, 9), leaning(&world, 6, 4)];
    assert_eq!(
        apply(&mut world, &items),
        [Ok(32), Err(Code::AllocationUnproven), Err(Code::AllocationUnproven), Ok(33)]
    );
}

/// Attack: twice in one batch, with the same or another timestamp.
#[test]
fn an_allocation_is_released_once_in_a_batch() {
    let mut world = world();
    let later = Release { timestamp: NOW + 1, ..world.release_of(4, 0) };
    let items = [
        world.release(4),
        world.release(4),
        world.release_by(later, 4, &requester()),
        claim(request_for(43, 1, 10, 31)),
    ];
    let released = Err(Code::AllocationAlreadyReleased);
    assert_eq!(apply(&mut world, &items), [Ok(32), released, released, Ok(33)]);
    assert_eq!(world.ledger.used(resource_id(), SlotRange { first: 43, last: 43 }), [10]);
}

#[test]
fn an_empty_batch_is_nothing() {
    let mut world = world();
    let before = world.ledger.clone();
    assert!(world.ledger.apply_batch(&[], NOW).is_empty());
    assert_eq!(world.ledger, before);
}
