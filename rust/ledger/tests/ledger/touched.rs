//! What a record touched is what it changed.

use crate::common::{
    NOW, WRITER, World, announce, announcement, approver, claim, claim_by, domain, key,
    request_for, withdraw,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use fallow_ledger::{Ledger, Message, Touched};
use fallow_protocol::{Announcement, Record, Request, ResourceId};
use std::collections::{BTreeMap, HashMap};

fn word(value: u64) -> B256 {
    U256::from(value).into()
}

/// The slots of the contract that hold these words.
fn slots(touched: &Touched, ids: &HashMap<u64, ResourceId>) -> BTreeMap<B256, B256> {
    let map = |key: B256, slot: B256| keccak256([key, slot].concat());
    let mut slots = BTreeMap::new();
    if let Some((id, resource, approver)) = &touched.resource {
        slots.insert(map(id.0, word(65)), resource.to_word().into());
        if !approver.is_zero() {
            slots.insert(map(id.0, word(66)), approver.into_word());
        }
    }
    for ((index, number), calendar) in &touched.calendars {
        let of = map(ids[index].0, word(67));
        slots.insert(map(word(*number), of), calendar.to_bytes().into());
    }
    if let Some((requester, seen)) = &touched.requester {
        slots.insert(map(requester.into_word(), word(68)), seen.to_word().into());
    }
    if let Some((number, released)) = &touched.released {
        slots.insert(map(word(*number), word(69)), (*released).into());
    }
    slots
}

/// All slots but those of the log.
fn stored(ledger: &Ledger) -> BTreeMap<B256, B256> {
    ledger.storage().filter(|(slot, _)| *slot > word(64)).collect()
}

#[test]
fn exactly_the_words_that_change_are_touched() {
    let mut world = World::empty();
    let guarded = Announcement { approver: approver().address(), timestamp: 6, ..announcement() };
    let other =
        |sequence| Request { requester: key(9).address(), ..request_for(5, 30, 1, sequence) };
    let tombstone = Announcement { timestamp: 77, ..announcement() };
    let mut ids = HashMap::new();
    let body = Bytes::from_static(b"anything");
    let steps: [&dyn Fn(&World) -> Message; 9] = [
        &|_| announce(announcement()),
        &|_| announce(guarded),
        // 190 slots that begin inside a word.
        &|_| claim(request_for(7, 180, 2, 1)),
        &|_| claim_by(other(1), &key(9)),
        &|world| world.release_by(world.release_of(3, 100), 3, &crate::common::requester()),
        &|world| world.release_by(world.release_of(4, 20), 4, &key(9)),
        &|_| withdraw(guarded),
        &|_| withdraw(tombstone),
        &|_| Message::Append { kind: 16, writer: WRITER, body: body.clone() },
    ];
    ids.insert(1, announcement().id(&domain()));
    ids.insert(2, guarded.id(&domain()));
    for step in steps {
        let before = stored(&world.ledger);
        let message = step(&world);
        let record = world.apply(&message, NOW).unwrap().record;
        let touched = slots(&world.ledger.touched(&record), &ids);
        let mut changed = stored(&world.ledger);
        changed.retain(|slot, word| before.get(slot) != Some(word));
        let unchanged: Vec<_> =
            touched.keys().filter(|slot| !changed.contains_key(*slot)).collect();
        assert!(changed.iter().all(|(slot, word)| touched.get(slot) == Some(word)), "{record:?}");
        // A withdrawal leaves the approver as it is, all else that is touched changes.
        let is_approver = |slot: &&&B256| touched[**slot] == guarded.approver.into_word();
        assert_eq!(unchanged.iter().filter(|slot| !is_approver(slot)).count(), 0, "{record:?}");
    }
}

#[test]
fn words_are_told_as_they_are_now() {
    let mut world = World::new();
    let first = world.accept(&claim(request_for(12, 1, 1, 1)));
    world.accept(&claim(request_for(13, 1, 1, 2)));
    let record = Record::decode(&world.records[first as usize]).unwrap();
    let touched = world.ledger.touched(&record);
    let [((1, 1), calendar)] = &touched.calendars[..] else { panic!("{touched:?}") };
    assert_eq!((calendar.index, calendar.used[0], calendar.used[1]), (3, 1, 1));
    assert_eq!(touched.requester.unwrap().1.highest, 2);
    let genesis = Record::decode(&world.records[0]).unwrap();
    assert_eq!(world.ledger.touched(&genesis), Touched::default());
    assert_ne!(touched.requester.unwrap().0, Address::ZERO);
}
