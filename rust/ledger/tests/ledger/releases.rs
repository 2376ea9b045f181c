//! Section 4.4: each rule of releases, its code, what was found and what was wanted.

use crate::common::{
    NOW, REGISTRY, SLOT, START, World, announce, announcement, claim, claim_by, domain, key,
    no_request, refused, refused_code, request_for, requester, resource_id, signed, withdraw,
};
use alloy_primitives::{B256, Bytes, U256, hex, keccak256};
use fallow_ledger::{Ledger, Message};
use fallow_log::leaf_hash;
use fallow_protocol::{
    Announcement, Body, CalendarWord, Code, Domain, NetworkId, Record, Refusal, Release, Request,
    SlotRange,
};

/// First slot of the usual allocation, long after the notice.
const FIRST: u64 = 20;
/// How many slots it has: over two words.
const COUNT: u64 = 8;
/// Units in each.
const VOLUME: u16 = 3;
/// Where its record stands.
const INDEX: u64 = 2;

/// A world where the requester holds slots 20 to 27.
fn world() -> World {
    let mut world = World::new();
    assert_eq!(world.accept(&claim(request_for(FIRST, COUNT, VOLUME, 1))), INDEX);
    world
}

fn time(slot: u64) -> u64 {
    START + slot * SLOT
}

/// The usual release with something changed, signed again.
fn changed(world: &World, change: impl FnOnce(&mut Release)) -> Message {
    let mut release = world.release_of(INDEX, 0);
    change(&mut release);
    world.release_by(release, INDEX, &requester())
}

/// The usual release with its parts changed after it was signed.
fn altered(world: &World, change: impl FnOnce(&mut Parts)) -> Message {
    let Message::Release { release, signatures, record, path } = world.release(INDEX) else {
        unreachable!("it is one");
    };
    let mut parts = Parts { signatures: signatures.to_vec(), record: record.to_vec(), path };
    change(&mut parts);
    let Parts { signatures, record, path } = parts;
    Message::Release { release, signatures: signatures.into(), record: record.into(), path }
}

struct Parts {
    signatures: Vec<u8>,
    record: Vec<u8>,
    path: Vec<B256>,
}

fn used(ledger: &Ledger, first: u64, last: u64) -> Vec<u16> {
    ledger.used(resource_id(), SlotRange { first, last })
}

#[test]
fn a_release_gives_every_slot_back() {
    let mut world = world();
    world.accept(&claim(request_for(FIRST + 1, 1, 2, 2)));
    assert!(!world.ledger.is_released(INDEX));
    world.accept(&world.release(INDEX));
    assert_eq!(used(&world.ledger, 19, 28), [0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    assert!(world.ledger.is_released(INDEX));
    assert!(!world.ledger.is_released(INDEX + 1) && !world.ledger.is_released(INDEX + 256));
}

#[test]
fn a_release_from_a_later_slot_on_keeps_the_ones_before() {
    let mut world = world();
    let release = changed(&world, |release| release.from_time = time(26));
    let record = world.apply(&release, NOW).unwrap().record;
    assert_eq!(used(&world.ledger, 20, 27), [3, 3, 3, 3, 3, 3, 0, 0]);
    let Body::Release(body) = record.body else { panic!("not a release") };
    assert_eq!((body.first_slot, body.slot_count), (26, 2));
    assert_eq!((body.start_time, body.end_time), (time(20), time(28)));
    // The word that was not touched still names the allocation.
    assert_eq!(world.ledger.word(resource_id(), 1).index, INDEX);
    assert_eq!(world.ledger.word(resource_id(), 2).index, 3);
}

#[test]
fn what_was_freed_is_free_at_once() {
    let mut world = World::new();
    let index = world.accept(&claim(request_for(FIRST, 1, 10, 1)));
    let other = Request { requester: key(9).address(), ..request_for(FIRST, 1, 10, 1) };
    let other = claim_by(other, &key(9));
    assert_eq!(refused_code(&world.ledger, &other, NOW), Code::CapacityExceeded);
    world.accept(&world.release(index));
    world.accept(&other);
    assert_eq!(used(&world.ledger, FIRST, FIRST), [10]);
}

#[test]
fn a_releases_record_has_its_fields_in_order() {
    let mut world = world();
    let release = world.release_of(INDEX, 3);
    let record = world.apply(&world.release_by(release, INDEX, &requester()), NOW + 9).unwrap();
    let signature = signed(&requester(), release.id(&domain()));
    let mut first = CalendarWord { index: INDEX, used: [0; 12] };
    first.used[8..11].fill(3);
    let second = CalendarWord { index: INDEX, used: [0; 12] };
    let words = keccak256([first.to_bytes(), second.to_bytes()].as_flattened());
    let request = request_for(FIRST, COUNT, VOLUME, 1);
    let want = [
        &hex!("0103")[..],
        REGISTRY.as_slice(),
        &3_u64.to_be_bytes(),
        &(NOW + 9).to_be_bytes(),
        &request.id(&domain()).0.0,
        &INDEX.to_be_bytes(),
        &resource_id().0.0,
        &1_u64.to_be_bytes(),
        &requester().address().0.0,
        &VOLUME.to_be_bytes(),
        &time(20).to_be_bytes(),
        &time(28).to_be_bytes(),
        &23_u64.to_be_bytes(),
        &5_u16.to_be_bytes(),
        &time(23).to_be_bytes(),
        &NOW.to_be_bytes(),
        words.as_slice(),
        &keccak256([&[1], &signature[..]].concat()).0,
    ];
    assert_eq!(record.record.encode(), want.concat());
}

#[test]
fn signatures_of_another_length_are_001() {
    let world = world();
    for length in [0, 63, 65, 128] {
        let message = altered(&world, |parts| parts.signatures.resize(length, 1));
        assert_eq!(
            refused(&world.ledger, &message, NOW),
            Refusal::new(Code::SignaturesLengthInvalid, length, 64_u64)
        );
    }
}

#[test]
fn a_record_of_another_length_is_002() {
    let world = world();
    for length in [0, 1, 2, 237, 239, 246] {
        let message = altered(&world, |parts| parts.record.resize(length, 0));
        assert_eq!(
            refused(&world.ledger, &message, NOW),
            Refusal::new(Code::RecordLengthInvalid, length, 238_u64)
        );
    }
}

/// Attack: a record of another kind, or of a version that does not exist.
#[test]
fn a_record_of_another_kind_is_003() {
    let world = world();
    for (version, kind) in [(1, 0), (1, 1), (1, 3), (1, 16), (1, 0xff), (0, 2), (2, 2), (2, 3)] {
        let message = altered(&world, |parts| parts.record[..2].copy_from_slice(&[version, kind]));
        assert_eq!(
            refused(&world.ledger, &message, NOW),
            Refusal::new(
                Code::RecordNotAllocation,
                u16::from_be_bytes([version, kind]),
                0x0102_u16
            )
        );
    }
}

#[test]
fn a_stranger_who_releases_is_101() {
    let world = world();
    let message = world.release_by(world.release_of(INDEX, 0), INDEX, &key(9));
    assert_eq!(
        refused(&world.ledger, &message, NOW),
        Refusal::new(Code::RequesterSignatureInvalid, key(9).address(), requester().address())
    );
}

/// Attack: a release that was signed for a registry of the same address on another network.
#[test]
fn a_release_for_another_network_is_nobodys() {
    let world = world();
    let other = Domain::new(REGISTRY, NetworkId::repeat_byte(0xdd));
    let release = world.release_of(INDEX, 0);
    let signatures = signed(&requester(), release.id(&other));
    let message = altered(&world, |parts| parts.signatures = signatures.to_vec());
    assert_eq!(refused_code(&world.ledger, &message, NOW), Code::RequesterSignatureInvalid);
}

/// Attack: the record of somebody else's allocation with one's own name in it.
#[test]
fn a_record_with_another_requester_is_not_in_the_log() {
    let world = world();
    let mut record = Record::decode(&world.records[INDEX as usize]).unwrap();
    let Body::Allocation(body) = &mut record.body else { panic!("not an allocation") };
    body.requester = key(9).address();
    let release = Release { request_id: body.request_id(&domain()), ..world.release_of(INDEX, 0) };
    let bytes = record.encode();
    let message = Message::Release {
        release,
        signatures: signed(&key(9), release.id(&domain())),
        record: bytes.clone().into(),
        path: world.path(INDEX),
    };
    let refusal = refused(&world.ledger, &message, NOW);
    assert_eq!(refusal.code, Code::AllocationUnproven);
    // A log of three records: the allocation stands alone under the peak of height 0.
    assert_eq!(refusal.got, U256::from_be_bytes(leaf_hash(&bytes).0));
    let want = leaf_hash(&world.records[INDEX as usize]);
    assert_eq!(refusal.want, U256::from_be_bytes(want.0));
}

/// Attack: two requests with one sequence were signed; one is recorded, the other is released.
#[test]
fn the_release_of_another_request_is_206() {
    let world = world();
    let twin = request_for(FIRST, COUNT, VOLUME + 1, 1);
    for request_id in [twin.id(&domain()), no_request()] {
        let message = changed(&world, |release| release.request_id = request_id);
        let own = request_for(FIRST, COUNT, VOLUME, 1).id(&domain());
        assert_eq!(
            refused(&world.ledger, &message, NOW),
            Refusal::new(Code::AllocationMismatch, request_id, own)
        );
    }
}

#[test]
fn a_path_that_leads_elsewhere_is_207() {
    let mut world = world();
    for sequence in 2..7 {
        world.accept(&claim(request_for(40 + sequence, 1, 1, sequence)));
    }
    assert_eq!(world.ledger.size(), 8);
    let peak = world.ledger.frontier().peaks()[3];
    for node in 0..3 {
        let message = altered(&world, |parts| parts.path[node].0[0] ^= 1);
        let refusal = refused(&world.ledger, &message, NOW);
        assert_eq!(refusal.code, Code::AllocationUnproven);
        assert_eq!(refusal.want, U256::from_be_bytes(peak.0));
        assert!(refusal.got != refusal.want && !refusal.got.is_zero());
    }
    for length in [0, 1, 2, 4, 64, 1_000] {
        let message = altered(&world, |parts| parts.path.resize(length, B256::ZERO));
        let want = Refusal::new(Code::AllocationUnproven, 0_u64, peak);
        assert_eq!(refused(&world.ledger, &message, NOW), want, "{length} nodes");
    }
    let mut accepts = world.clone();
    accepts.accept(&world.release(INDEX));
}

/// Attack: a path to an old peak, which the contract still has at an unset height.
#[test]
fn a_path_that_went_stale_is_refused_until_it_is_built_again() {
    let mut world = world();
    let stale = world.release(INDEX);
    world.accept(&claim(request_for(60, 1, 1, 2)));
    assert_eq!(world.ledger.size(), 4);
    assert_eq!(
        refused(&world.ledger, &stale, NOW),
        Refusal::new(Code::AllocationUnproven, 0_u64, world.ledger.root())
    );
    world.accept(&world.release(INDEX));
}

#[test]
fn a_record_beyond_the_log_is_207_with_no_node() {
    let world = world();
    for index in [3_u64, 4, 1 << 62, u64::MAX] {
        let message =
            altered(&world, |parts| parts.record[22..30].copy_from_slice(&index.to_be_bytes()));
        assert_eq!(
            refused(&world.ledger, &message, NOW),
            Refusal::new(Code::AllocationUnproven, 0_u64, 0_u64)
        );
    }
}

/// Attack: once more, with another timestamp, from another slot, in a later block.
#[test]
fn a_second_release_is_304() {
    let mut world = world();
    world.accept(&changed(&world, |release| release.from_time = time(26)));
    for (from, timestamp, now) in [(26, NOW, NOW), (20, NOW + 1, NOW), (27, NOW + 50, NOW + 100)] {
        let message = changed(&world, |release| {
            (release.from_time, release.timestamp) = (time(from), timestamp);
        });
        let id = request_for(FIRST, COUNT, VOLUME, 1).id(&domain());
        assert_eq!(
            refused(&world.ledger, &message, now),
            Refusal::new(Code::AllocationAlreadyReleased, id, INDEX)
        );
    }
    assert_eq!(used(&world.ledger, 20, 27), [3, 3, 3, 3, 3, 3, 0, 0]);
}

#[test]
fn a_time_outside_the_allocation_is_411() {
    let world = world();
    let cases = [
        (0, time(20)),
        (time(20) - 1, time(20)),
        (time(19), time(20)),
        (time(28), time(28)),
        (time(28) + 1, time(28)),
        (u64::MAX, time(28)),
    ];
    for (from_time, want) in cases {
        assert_eq!(
            refused(&world.ledger, &changed(&world, |release| release.from_time = from_time), NOW),
            Refusal::new(Code::ReleaseOutsideAllocation, from_time, want)
        );
    }
}

#[test]
fn a_time_off_the_grid_is_407() {
    let world = world();
    for (from_time, want) in [(time(20) + 1, time(20)), (time(28) - 1, time(27))] {
        assert_eq!(
            refused(&world.ledger, &changed(&world, |release| release.from_time = from_time), NOW),
            Refusal::new(Code::SlotsNotAligned, from_time, want)
        );
    }
}

/// Refused, never clipped to what could still be released.
#[test]
fn a_slot_inside_the_notice_is_412() {
    let mut world = world();
    let notice = u64::from(announcement().notice_seconds);
    let at = |now: u64| {
        let message = changed(&world, |release| {
            (release.from_time, release.timestamp) = (time(22), now);
        });
        (message, now)
    };
    for late in [1, notice, notice + 1, 5 * SLOT] {
        let (message, now) = at(time(22) - notice + late);
        assert_eq!(
            refused(&world.ledger, &message, now),
            Refusal::new(Code::NoticeTooShort, time(22), now + notice)
        );
    }
    let (message, now) = at(time(22) - notice);
    world.apply(&message, now).unwrap();
}

/// Attack: a node sits on a signed release and submits it days later.
#[test]
fn a_timestamp_301_seconds_off_is_410() {
    let world = world();
    for timestamp in [0, NOW - 301, NOW + 301, u64::MAX] {
        let message = changed(&world, |release| release.timestamp = timestamp);
        assert_eq!(
            refused(&world.ledger, &message, NOW),
            Refusal::new(Code::TimestampOutsideDrift, timestamp, NOW)
        );
    }
    for timestamp in [NOW - 300, NOW + 300] {
        let mut world = world.clone();
        world.accept(&changed(&world, |release| release.timestamp = timestamp));
    }
}

#[test]
fn a_withdrawn_resources_allocations_can_be_released() {
    let mut world = world();
    world.accept(&withdraw(announcement()));
    world.accept(&world.release(INDEX));
    assert_eq!(used(&world.ledger, 20, 27), [0; 8]);
}

#[test]
fn two_allocations_of_the_same_slots_are_released_apart() {
    let mut world = world();
    let second = world.accept(&claim(request_for(FIRST, COUNT, 2, 2)));
    world.accept(&world.release(second));
    assert_eq!(used(&world.ledger, 20, 27), [3; 8]);
    world.accept(&world.release(INDEX));
    assert_eq!(used(&world.ledger, 20, 27), [0; 8]);
    assert_eq!(refused_code(&world.ledger, &world.release(second), NOW), {
        Code::AllocationAlreadyReleased
    });
}

/// Everything is wrong at once; what is mended is no longer complained about.
#[test]
fn rules_are_checked_in_the_order_of_the_specification() {
    let mut world = world();
    let mut bad = Release { request_id: no_request(), from_time: time(29) + 1, timestamp: 0 };
    let now = time(21);
    let released = {
        let mut world = world.clone();
        world.accept(&world.release(INDEX));
        world
    };
    let brings = |world: &World, bad: Release, signer: u8, record: Bytes, path: Vec<B256>| {
        let signatures = signed(&key(signer), bad.id(&domain()));
        let message = Message::Release { release: bad, signatures, record, path };
        refused_code(&world.ledger, &message, now)
    };
    let record: Bytes = world.records[INDEX as usize].clone().into();
    let wrong = vec![B256::ZERO; 9];
    let empty = Message::Release {
        release: bad,
        signatures: Bytes::new(),
        record: Bytes::new(),
        path: vec![],
    };
    assert_eq!(refused_code(&world.ledger, &empty, now), Code::SignaturesLengthInvalid);
    let short = Bytes::from_static(&[9, 9]);
    assert_eq!(brings(&world, bad, 9, short, wrong.clone()), Code::RecordLengthInvalid);
    let zeros = Bytes::from(vec![0; 238]);
    assert_eq!(brings(&world, bad, 9, zeros, wrong.clone()), Code::RecordNotAllocation);
    let code = |bad, signer| brings(&released, bad, signer, record.clone(), wrong.clone());
    assert_eq!(code(bad, 9), Code::RequesterSignatureInvalid);
    assert_eq!(code(bad, 2), Code::AllocationMismatch);
    bad.request_id = request_for(FIRST, COUNT, VOLUME, 1).id(&domain());
    assert_eq!(code(bad, 2), Code::AllocationUnproven);
    let path = released.path(INDEX);
    assert_eq!(brings(&released, bad, 2, record.clone(), path), Code::AllocationAlreadyReleased);
    let code = |bad| brings(&world, bad, 2, record.clone(), world.path(INDEX));
    assert_eq!(code(bad), Code::ReleaseOutsideAllocation);
    bad.from_time = time(20) + 1;
    assert_eq!(code(bad), Code::SlotsNotAligned);
    bad.from_time = time(20);
    assert_eq!(code(bad), Code::NoticeTooShort);
    bad.from_time = time(23);
    assert_eq!(code(bad), Code::TimestampOutsideDrift);
    bad.timestamp = now;
    let message = world.release_by(bad, INDEX, &requester());
    world.apply(&message, now).unwrap();
}

#[test]
fn a_notice_longer_than_time_bars_every_release() {
    let mut world = World::empty();
    let strict = Announcement { notice_seconds: u32::MAX, ..announcement() };
    world.accept(&announce(strict));
    let request = Request { resource_id: strict.id(&domain()), ..request_for(900, 1, 1, 1) };
    let index = world.accept(&claim(request));
    assert_eq!(
        refused(&world.ledger, &world.release(index), NOW),
        Refusal::new(Code::NoticeTooShort, time(900), NOW + u64::from(u32::MAX))
    );
}
