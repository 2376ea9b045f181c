//! Records, indexes, words and proofs are what was committed.

use crate::world::World;
use alloy_primitives::{Address, B256};
use fallow_log::{TiledLog, Tree, leaf_hash};
use fallow_node::store::types::{Change, Kept, Place};
use fallow_node::store::{DiskStore, NodeStore, NodeStoreError};
use fallow_protocol::{Body, Record};
use std::collections::BTreeMap;

fn body(kept: &Kept) -> Body {
    Record::decode(&kept.entry.record).unwrap().body
}

/// Compares everything that follows from the records.
#[track_caller]
pub fn check(store: &DiskStore, world: &World) {
    assert_eq!(store.size().unwrap(), world.size());
    assert_eq!(store.entries(0, usize::MAX).unwrap(), world.kept);
    for kept in &world.kept {
        let found = store.index_of(kept.id).unwrap();
        assert_eq!(found, (!kept.id.is_zero()).then_some(kept.index), "id of {}", kept.index);
    }
    check_indexes(store, world);
    let ledger = store.ledger(world.network().config()).unwrap().unwrap();
    assert_eq!(ledger.commitment(), world.ledger().commitment());
    assert_eq!(ledger.root(), world.ledger().root());
}

fn check_indexes(store: &DiskStore, world: &World) {
    let mut lists: BTreeMap<Option<Address>, Vec<u64>> = BTreeMap::new();
    let mut claimed: BTreeMap<Address, Vec<u64>> = BTreeMap::new();
    let mut booked: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut all = Vec::new();
    for kept in &world.kept {
        match body(kept) {
            Body::Announcement(body) => {
                lists.entry(Some(body.provider)).or_default().push(kept.index);
                lists.entry(None).or_default().push(kept.index);
            }
            Body::Allocation(body) => {
                claimed.entry(body.requester).or_default().push(kept.index);
                booked.entry(body.resource_index).or_default().push(kept.index);
                all.push(kept.index);
            }
            Body::Release(body) => {
                assert_eq!(store.release_of(body.request_index).unwrap(), Some(kept.index));
            }
            _ => {}
        }
    }
    for (provider, want) in lists {
        assert_eq!(store.resources(provider, None, usize::MAX).unwrap(), want);
    }
    let lists = claimed.into_iter().map(|(requester, list)| (Place::Requester(requester), list));
    let lists = lists.chain(booked.into_iter().map(|(index, list)| (Place::Resource(index), list)));
    for (of, want) in lists.chain([(Place::Everywhere, all)]) {
        assert_eq!(store.allocations(of, None, usize::MAX).unwrap(), want, "{of:?}");
        let middle = want[want.len() / 2];
        let above: Vec<u64> = want.into_iter().filter(|index| *index > middle).take(3).collect();
        assert_eq!(store.allocations(of, Some(middle), 3).unwrap(), above, "page of {of:?}");
    }
}

#[test]
fn a_history_is_there_as_it_was_committed_also_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(1_500, 97);
    let store = world.build(folder.path());
    check(&store, &world);
    drop(store);
    check(&world.open(folder.path()), &world);
}

#[test]
fn blocks_of_every_size_around_a_bundle_fit_together() {
    for block_records in [1, 255, 256, 257, 700] {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::new(if block_records == 1 { 300 } else { 1_100 }, block_records);
        let mut store = world.open(folder.path());
        let mut blocks = 0;
        while let Some(change) = world.change() {
            store.commit(&change).unwrap();
            blocks += 1;
            if blocks % 50 == 3 {
                drop(store);
                store = world.open(folder.path());
            }
        }
        check(&store, &world);
    }
}

#[test]
fn proofs_of_every_size_are_those_of_the_whole_tree() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(1_000, 61);
    let store = world.build(folder.path());
    let mut tree = Tree::new();
    for kept in &world.kept {
        tree.push(leaf_hash(&kept.entry.record)).unwrap();
    }
    let log = TiledLog::new(store.size().unwrap(), &store);
    for size in (1..=1_000).step_by(13).chain([255, 256, 257, 511, 512, 513, 1_000]) {
        assert_eq!(log.root_at(size).unwrap(), tree.root_at(size).unwrap(), "root at {size}");
        for index in [0, size / 3, size / 2, size - 1] {
            let want = tree.prove_inclusion(index, size).unwrap();
            assert_eq!(log.prove_inclusion(index, size).unwrap(), want, "{index} in {size}");
            let want = tree.prove_consistency(index, size).unwrap();
            assert_eq!(log.prove_consistency(index, size).unwrap(), want, "{index} to {size}");
        }
    }
}

#[test]
fn an_older_log_is_proven_while_the_log_grows() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(800, 200);
    let store = world.open(folder.path());
    store.commit(&world.change().unwrap()).unwrap();
    store.commit(&world.change().unwrap()).unwrap();
    let (size, root) = (store.size().unwrap(), world.ledger().root());
    let log = TiledLog::new(size, &store);
    while let Some(change) = world.change() {
        store.commit(&change).unwrap();
        assert_eq!(log.root_at(size).unwrap(), root);
    }
}

#[test]
fn words_are_those_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(600, 50);
    let store = world.build(folder.path());
    let rows = store.resource_rows(None, usize::MAX).unwrap();
    assert!(rows.len() > 3);
    for row in rows {
        assert_eq!(world.ledger().resource(row.id), Some(row.word));
        assert_eq!(store.resource(row.id).unwrap(), Some(row.word));
        assert_eq!(row.announcement.id(world.ledger().domain()), row.id);
        let want: Vec<_> =
            (0..40).map(|number| world.ledger().calendar_word(row.index, number)).collect();
        assert_eq!(store.calendar(row.index, 0, 39).unwrap(), want);
    }
}

#[test]
fn what_is_not_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(300, 100);
    let store = world.open(folder.path());
    assert_eq!((store.size().unwrap(), store.head().unwrap()), (0, None));
    assert!(store.ledger(world.network().config()).unwrap().is_none());
    while let Some(change) = world.change() {
        store.commit(&change).unwrap();
    }
    let nobody = Address::repeat_byte(0xee);
    assert_eq!(store.entry(300).unwrap(), None);
    assert_eq!(store.entries(u64::MAX, usize::MAX).unwrap(), []);
    assert_eq!(store.index_of(B256::repeat_byte(7)).unwrap(), None);
    assert_eq!(store.index_of(B256::ZERO).unwrap(), None);
    assert_eq!(store.resources(Some(nobody), None, 9).unwrap(), [0; 0]);
    assert_eq!(store.allocations(Place::Requester(nobody), None, 9).unwrap(), [0; 0]);
    assert_eq!(store.allocations(Place::Everywhere, Some(u64::MAX), 9).unwrap(), [0; 0]);
    assert_eq!(store.release_of(0).unwrap(), None);
    assert!(TiledLog::new(301, &store).root_at(301).is_err());
}

#[test]
fn a_change_that_does_not_follow_is_refused_and_the_right_one_still_fits() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(400, 100);
    let store = world.open(folder.path());
    store.commit(&world.change().unwrap()).unwrap();
    let good = world.change().unwrap();
    let wrong: [fn(&mut Change); 6] = [
        |change| drop(change.records.remove(0)),
        |change| change.head = None,
        |change| change.head.as_mut().unwrap().peaks[0] = B256::ZERO,
        |change| change.records[0].id = B256::ZERO,
        |change| change.records[0].entry.evidence[9] ^= 1,
        |change| change.records[0].entry.record[30] ^= 1,
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        let mut change = good.clone();
        wrong(&mut change);
        let error = store.commit(&change).unwrap_err();
        assert!(matches!(error, NodeStoreError::Unfit(_)), "{number}: {error}");
    }
    store.commit(&good).unwrap();
    check(&store, &world);
}

#[test]
fn a_store_of_another_network_or_account_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(1, 1);
    drop(world.open(folder.path()));
    let file = world.network().file();
    let other = DiskStore::open(folder.path(), file, Address::ZERO, 1 << 20);
    assert!(matches!(other.unwrap_err(), NodeStoreError::Store(_)));
}
