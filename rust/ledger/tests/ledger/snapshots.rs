//! Section 5.1: the state saved, loaded and compared.

use crate::common::{
    GENESIS, NETWORK, NOW, REGISTRY, World, announce, announcement, approver, claim, claim_by,
    config, domain, empty, key, lazily, request_for, requester, resource_id, signed, withdraw,
};
use alloy_primitives::{Address, B256, keccak256};
use fallow_ledger::{Fault, GenesisParent, Ledger, LedgerConfig, List, Message, SnapshotError};
use fallow_protocol::{Announcement, CalendarWord, NetworkId, Request, ResourceWord};

/// A world with everything in it: two resources, one of them with an approver, a tombstone, two
/// requesters, calendar words of two resources, two released words.
fn world() -> World {
    let mut world = World::new();
    let guarded = Announcement { approver: approver().address(), ..announcement() };
    world.accept(&announce(guarded));
    let ask = Request { resource_id: guarded.id(&domain()), ..request_for(30, 1, 2, 1) };
    let digest = ask.id(&domain()).0;
    let signatures = [signed(&requester(), digest), signed(&approver(), digest)].concat().into();
    world.accept(&Message::Request { request: ask, signatures });
    for sequence in 2..280 {
        let first = 30 + sequence;
        world.accept(&claim(request_for(first, 1, 1, sequence)));
    }
    let other = Request { requester: key(9).address(), ..request_for(40, 20, 3, 1) };
    let other = world.accept(&claim_by(other, &key(9)));
    world.accept(&withdraw(Announcement { timestamp: 6, ..announcement() }));
    world.accept(&world.release(100));
    let release = world.release_of(other, 4);
    world.accept(&world.release_by(release, other, &key(9)));
    world
}

fn saved(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = Vec::new();
    ledger.save(&mut bytes).unwrap();
    bytes
}

fn load(bytes: &[u8]) -> Result<Ledger, SnapshotError> {
    Ledger::load(config(), bytes)
}

#[test]
fn a_ledger_is_loaded_as_it_was_saved() {
    for ledger in [empty(), World::new().ledger, world().ledger] {
        let bytes = saved(&ledger);
        let mut loaded = load(&bytes).unwrap();
        assert_eq!(loaded, ledger);
        assert_eq!(saved(&loaded), bytes);
        assert_eq!(ledger.commitment(), keccak256(&bytes));
        assert_eq!((loaded.size(), loaded.root()), (ledger.size(), ledger.root()));
        // It goes on like the other.
        let (mut ledger, next) =
            (ledger, announce(Announcement { timestamp: 8, ..announcement() }));
        assert_eq!(loaded.apply(&next, NOW), ledger.apply(&next, NOW));
        assert_eq!(loaded.commitment(), ledger.commitment());
    }
}

/// The bytes of a small state, put together by hand.
#[test]
fn a_snapshot_has_the_layout_of_the_specification() {
    let mut world = World::empty();
    world.accept(&lazily(announcement(), request_for(12, 1, 4, 1)));
    world.accept(&world.release(2));
    let word = ResourceWord::of(&announcement(), 1).to_word();
    let calendar = CalendarWord { index: 3, used: [0; 12] };
    let peaks = world.ledger.frontier().peaks();
    let want = [
        &b"FLWS\x01"[..],
        NETWORK.as_slice(),
        REGISTRY.as_slice(),
        &4_u64.to_be_bytes(),
        peaks[2].as_slice(),
        &1_u64.to_be_bytes(),
        &resource_id().0.0,
        &word.to_be_bytes::<32>(),
        &1_u64.to_be_bytes(),
        &1_u64.to_be_bytes(),
        &1_u64.to_be_bytes(),
        &calendar.to_bytes(),
        &1_u64.to_be_bytes(),
        &requester().address().0.0,
        &world.ledger.requester(requester().address()).to_word().to_be_bytes::<32>(),
        &1_u64.to_be_bytes(),
        &0_u64.to_be_bytes(),
        &B256::from(alloy_primitives::U256::from(4)).0,
    ];
    assert_eq!(saved(&world.ledger), want.concat());
}

#[test]
fn peaks_stand_highest_first() {
    let world = world();
    let size = world.ledger.size();
    assert!(size.count_ones() > 1);
    let bytes = saved(&world.ledger);
    let heights = (0..64).rev().filter(|height| size >> height & 1 == 1);
    for (place, height) in heights.enumerate() {
        let at = 65 + 32 * place;
        assert_eq!(bytes[at..at + 32], world.ledger.frontier().peaks()[height].0, "{height}");
    }
}

/// States that came to be in another order, in another process, are equal.
#[test]
fn a_commitment_does_not_depend_on_the_order_of_the_maps() {
    let commitment = world().ledger.commitment();
    // Each map has a hasher with keys of its own, so that its order differs every time.
    for _ in 0..5 {
        assert_eq!(world().ledger.commitment(), commitment);
    }
}

#[test]
fn every_message_changes_the_commitment() {
    let mut world = World::empty();
    let mut seen = vec![world.ledger.commitment()];
    let claims = [claim(request_for(30, 1, 1, 1)), claim(request_for(30, 1, 1, 2))];
    for message in [announce(announcement())].into_iter().chain(claims) {
        world.accept(&message);
        seen.push(world.ledger.commitment());
    }
    world.accept(&world.release(2));
    seen.push(world.ledger.commitment());
    world.accept(&withdraw(announcement()));
    seen.push(world.ledger.commitment());
    let mut distinct = seen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), seen.len());
    let (other, _) = Ledger::new(LedgerConfig { registry: Address::ZERO, ..config() }, GENESIS);
    assert_ne!(other.commitment(), empty().commitment());
}

/// Whatever is loaded is saved as the very same bytes, so a changed byte is either refused or seen.
#[test]
fn a_changed_byte_is_refused_or_changes_the_commitment() {
    let ledger = world().ledger;
    let (bytes, commitment) = (saved(&ledger), ledger.commitment());
    let (mut refused, mut changed) = (0, 0);
    for place in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[place] ^= flip;
            match load(&bytes) {
                Err(_) => refused += 1,
                Ok(loaded) => {
                    assert_eq!(loaded.commitment(), keccak256(&bytes), "byte {place}");
                    assert_ne!(loaded.commitment(), commitment);
                    changed += 1;
                }
            }
        }
    }
    assert!(refused > 500 && changed > 500, "{refused} refused, {changed} changed");
}

#[test]
fn a_cut_is_truncated_and_a_surplus_is_trailing() {
    let bytes = saved(&world().ledger);
    for length in 0..bytes.len() {
        let error = load(&bytes[..length]).unwrap_err();
        assert!(matches!(error, SnapshotError::Truncated), "{length}: {error}");
    }
    for surplus in [1, 2, 1_000] {
        let bytes = [&bytes[..], &vec![0; surplus]].concat();
        assert!(matches!(load(&bytes).unwrap_err(), SnapshotError::Trailing));
    }
}

/// Attack: a count of 2^64 - 1 with nothing behind it, in each list.
#[test]
fn a_claimed_count_costs_nothing() {
    let bytes = saved(&empty());
    for list in 0..4 {
        let mut bytes = bytes.clone();
        let at = bytes.len() - 8 * (4 - list);
        bytes[at..at + 8].fill(0xff);
        bytes.truncate(at + 8);
        assert!(matches!(load(&bytes).unwrap_err(), SnapshotError::Truncated));
    }
}

#[test]
fn other_files_and_other_networks_are_refused() {
    let bytes = saved(&world().ledger);
    let with = |place: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[place] = byte;
        load(&bytes).unwrap_err()
    };
    assert!(matches!(with(0, b'G'), SnapshotError::Magic));
    assert!(matches!(with(4, 2), SnapshotError::Version { got: 2, want: 1 }));
    assert!(matches!(with(5, 0), SnapshotError::Network { .. }));
    assert!(matches!(with(37, 0), SnapshotError::Registry { .. }));
    let config = |network_id, registry| LedgerConfig {
        network_id,
        registry,
        writers: vec![],
        parent: GenesisParent::default(),
    };
    let other = Ledger::load(config(NetworkId::ZERO, REGISTRY), &bytes[..]).unwrap_err();
    assert!(matches!(other, SnapshotError::Network { got: NETWORK, want: NetworkId::ZERO }));
    let other = Ledger::load(config(NETWORK, Address::ZERO), &bytes[..]).unwrap_err();
    assert!(matches!(other, SnapshotError::Registry { got: REGISTRY, want: Address::ZERO }));
}

#[test]
fn no_log_is_empty_or_full() {
    for size in [0, (1 << 62) + 1, u64::MAX] {
        let mut bytes = saved(&empty());
        bytes[57..65].copy_from_slice(&u64::to_be_bytes(size));
        assert!(matches!(load(&bytes).unwrap_err(), SnapshotError::Size(got) if got == size));
    }
}

/// Where the lists of a snapshot begin, after their counts.
struct Places {
    resources: usize,
    calendars: usize,
    requesters: usize,
    released: usize,
}

/// A small snapshot: two resources with one calendar word each, one requester, one released word.
fn small() -> (Vec<u8>, Places) {
    let mut world = World::new();
    let other = Announcement { timestamp: 6, volume: 9, ..announcement() };
    world.accept(&announce(other));
    world.accept(&claim(request_for(996, 4, 10, 1)));
    let ask = Request { resource_id: other.id(&domain()), ..request_for(12, 1, 9, 2) };
    world.accept(&claim(ask));
    world.accept(&claim_by(
        Request { requester: key(9).address(), ..request_for(31, 1, 1, 1) },
        &key(9),
    ));
    world.accept(&world.release(4));
    let bytes = saved(&world.ledger);
    let peaks = world.ledger.size().count_ones() as usize;
    let resources = 65 + 32 * peaks + 8;
    let calendars = resources + 2 * 64 + 8;
    let requesters = calendars + 3 * 48 + 8;
    let released = requesters + 2 * 52 + 8;
    assert_eq!(bytes.len(), released + 40);
    (bytes, Places { resources, calendars, requesters, released })
}

fn fault(bytes: &[u8]) -> (List, Fault) {
    match load(bytes).unwrap_err() {
        SnapshotError::Word { list, fault, .. } => (list, fault),
        other => panic!("{other}"),
    }
}

/// Puts these bytes there and says what is wrong with the word.
fn faulty(place: usize, patch: &[u8]) -> (List, Fault) {
    let (mut bytes, _) = small();
    bytes[place..place + patch.len()].copy_from_slice(patch);
    fault(&bytes)
}

#[test]
fn disorder_is_refused() {
    let (bytes, places) = small();
    let cases = [
        (places.resources, 64, List::Resources),
        (places.calendars, 48, List::Calendars),
        (places.requesters, 52, List::Requesters),
    ];
    for (place, width, list) in cases {
        let (first, second) = (place..place + width, place + width..place + 2 * width);
        let mut swapped = bytes.clone();
        swapped[first.clone()].copy_from_slice(&bytes[second.clone()]);
        swapped[second.clone()].copy_from_slice(&bytes[first.clone()]);
        assert!(matches!(load(&swapped), Err(SnapshotError::Disorder(got)) if got == list));
        let mut twice = bytes.clone();
        twice[second].copy_from_slice(&bytes[first]);
        assert!(matches!(load(&twice), Err(SnapshotError::Disorder(got)) if got == list));
    }
    let mut twice = [&bytes[..], &bytes[places.released..]].concat();
    twice[places.released - 1] = 2;
    assert!(matches!(load(&twice), Err(SnapshotError::Disorder(List::Released))));
}

#[test]
fn zero_words_are_refused() {
    let (_, places) = small();
    let zero = [0; 32];
    assert_eq!(faulty(places.resources + 32, &zero), (List::Resources, Fault::Zero));
    assert_eq!(faulty(places.calendars + 16, &zero), (List::Calendars, Fault::Zero));
    assert_eq!(faulty(places.requesters + 20, &zero), (List::Requesters, Fault::Zero));
    assert_eq!(faulty(places.released + 8, &zero), (List::Released, Fault::Zero));
}

#[test]
fn resource_words_that_no_announcement_has_are_refused() {
    let (bytes, places) = small();
    let word = places.resources + 32;
    let cases: [(usize, &[u8], Fault); 9] = [
        (0, &[0; 2], Fault::Terms),
        (7, &[0; 5], Fault::Terms),
        (12, &[0; 4], Fault::Terms),
        (12, &[0, 0, 2, 0x59], Fault::Terms),
        (28, &[1], Fault::Terms),
        (31, &[4], Fault::Terms),
        (20, &[0; 8], Fault::Index),
        (20, &[0, 0, 0, 0, 0, 0, 0, 7], Fault::Index),
        (20, &[0xff; 8], Fault::Index),
    ];
    for (place, patch, want) in cases {
        assert_eq!(faulty(word + place, patch), (List::Resources, want), "{place} {patch:?}");
    }
    // A tombstone has nothing but its flag.
    let mut tombstone = [0; 32];
    tombstone[31] = 3;
    assert_eq!(faulty(word, &tombstone).1, Fault::Index);
    let index = bytes[word + 20..word + 28].to_vec();
    assert_eq!(faulty(word + 64 + 20, &index), (List::Resources, Fault::IndexTaken));
    // The flag without an approver behind it: the next twenty bytes are one, unless they are zero.
    let mut no_approver = bytes[..word + 32].to_vec();
    no_approver[word + 31] = 1;
    no_approver.extend([0; 20]);
    no_approver.extend(&bytes[word + 32..]);
    assert_eq!(fault(&no_approver), (List::Resources, Fault::Approver));
}

#[test]
fn calendar_words_that_no_resource_has_are_refused() {
    let (_, places) = small();
    let (first, word) = (places.calendars, places.calendars + 16);
    let number = |value: u64| value.to_be_bytes();
    // Index 0 is no resource's, whatever tombstones there are.
    assert_eq!(faulty(first, &number(0)), (List::Calendars, Fault::ResourceUnknown));
    assert_eq!(faulty(first + 2 * 48, &number(3)), (List::Calendars, Fault::ResourceUnknown));
    for index in [0, 1, 7, u64::MAX] {
        assert_eq!(faulty(word, &number(index)), (List::Calendars, Fault::Index), "{index}");
    }
    // The second is the last word of its calendar, which ends after four of its twelve slots.
    let last = first + 48;
    assert_eq!(faulty(last + 8, &number(84)), (List::Calendars, Fault::Slots));
    assert_eq!(faulty(last + 8, &number(u64::MAX)), (List::Calendars, Fault::Slots));
    assert_eq!(faulty(last + 16 + 8 + 8, &[0, 1]), (List::Calendars, Fault::Slots));
    for used in [[0, 11], [0xff, 0xff]] {
        assert_eq!(faulty(word + 8, &used), (List::Calendars, Fault::Overused));
    }
}

#[test]
fn requester_words_that_nobody_has_are_refused() {
    let (_, places) = small();
    let word = places.requesters + 20;
    for index in [0_u64, 7, u64::MAX] {
        let got = faulty(word + 24, &index.to_be_bytes());
        assert_eq!(got, (List::Requesters, Fault::Index), "{index}");
    }
    assert_eq!(faulty(word, &[0; 8]), (List::Requesters, Fault::Sequence));
    // Highest is 1 or 2, so no bit from 2 on is anybody's.
    assert_eq!(faulty(word + 8 + 15, &[4]), (List::Requesters, Fault::Sequence));
    assert_eq!(faulty(word + 8, &[0x80]), (List::Requesters, Fault::Sequence));
}

#[test]
fn released_words_beyond_the_log_are_refused() {
    let (_, places) = small();
    let cases: [(usize, &[u8]); 4] = [(7, &[1]), (0, &[0xff]), (8 + 31, &[0x80]), (8, &[0x80])];
    for (place, patch) in cases {
        let got = faulty(places.released + place, patch);
        assert_eq!(got, (List::Released, Fault::Released), "{place}");
    }
}

#[test]
fn a_reader_that_fails_is_not_a_truncated_file() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    let error = Ledger::load(config(), Broken).unwrap_err();
    assert!(matches!(error, SnapshotError::Read(_)), "{error}");
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert!(empty().save(Full).is_err());
}
