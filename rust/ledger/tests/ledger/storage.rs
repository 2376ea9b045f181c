//! Section 5: the slots that the contract must have.

use crate::common::{
    NOW, WRITER, World, announce, announcement, approver, claim, domain, empty, request_for,
    requester, resource_id, withdraw,
};
use alloy_primitives::{B256, U256, keccak256};
use fallow_protocol::Announcement;
use std::collections::HashMap;

fn word(value: u64) -> B256 {
    U256::from(value).into()
}

/// `keccak(key || slot)`.
fn map(key: B256, slot: B256) -> B256 {
    keccak256([key, slot].concat())
}

fn slots(world: &World) -> HashMap<B256, B256> {
    let all: Vec<_> = world.ledger.storage().collect();
    let slots: HashMap<_, _> = all.iter().copied().collect();
    assert_eq!(slots.len(), all.len(), "a slot twice");
    assert!(slots.values().all(|value| !value.is_zero()), "a slot that is zero");
    slots
}

#[test]
fn a_fresh_registry_has_a_size_a_peak_and_writers() {
    let slots: HashMap<_, _> = empty().storage().collect();
    let want = [
        (word(0), word(1)),
        (word(1), empty().root()),
        (map(word(16), word(70)), WRITER.into_word()),
    ];
    assert_eq!(slots, want.into_iter().collect());
}

#[test]
fn every_word_stands_where_solidity_puts_it() {
    let mut world = World::new();
    let guarded = Announcement { approver: approver().address(), ..announcement() };
    world.accept(&announce(guarded));
    let index = world.accept(&claim(request_for(35, 2, 3, 1)));
    let gone = Announcement { timestamp: 9, ..announcement() };
    world.accept(&withdraw(gone));
    world.apply(&world.release(index), NOW).unwrap();
    assert_eq!(world.ledger.size(), 6);
    let (id, guarded_id) = (resource_id(), guarded.id(&domain()));
    let (own, peaks) = (&world.ledger, world.ledger.frontier().peaks());
    let resource = |id| B256::from(own.resource(id).unwrap().to_word());
    let calendar = |number| B256::from(own.word(id, number).to_bytes());
    let calendars = map(id.0, word(67));
    let who = requester().address();
    let want = [
        (word(0), word(6)),
        (word(2), peaks[1]),
        (word(3), peaks[2]),
        (map(id.0, word(65)), resource(id)),
        (map(guarded_id.0, word(65)), resource(guarded_id)),
        (map(gone.id(&domain()).0, word(65)), word(2)),
        (map(guarded_id.0, word(66)), approver().address().into_word()),
        (map(word(2), calendars), calendar(2)),
        (map(word(3), calendars), calendar(3)),
        (map(who.into_word(), word(68)), own.requester(who).to_word().into()),
        (map(word(0), word(69)), word(1 << index)),
        (map(word(16), word(70)), WRITER.into_word()),
    ];
    assert_eq!(slots(&world), want.into_iter().collect());
}
