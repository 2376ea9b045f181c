//! Histories are valid, complete, and the same every time.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, missing_docs)]

use fallow_history::{Block, Folder, History, HistoryOptions, Made, write};
use fallow_ledger::{Ledger, ReplayError};
use fallow_log::{BundleId, TileId};
use fallow_protocol::{Body, CheckpointFile, Code, Entry, NetworkFile, Record, Set, decode_bundle};
use std::collections::BTreeSet;
use std::fs;

const OPTIONS: HistoryOptions =
    HistoryOptions { seed: 3, records: 1_500, requesters: 60, block_records: 40 };

fn all(options: HistoryOptions) -> Vec<Made> {
    History::new(options).flat_map(|block| block.records).collect()
}

#[test]
fn a_history_is_what_another_ledger_records_from_its_entries() {
    let mut history = History::new(OPTIONS);
    let made: Vec<Made> = history.by_ref().flat_map(|block| block.records).collect();
    assert_eq!(made.len(), 1_500);
    let (mut ledger, genesis) = Ledger::new(history.network().config(), made[0].record.block_time);
    assert_eq!(genesis, made[0].record);
    let find = |index: u64| made.get(usize::try_from(index).unwrap()).map(|m| m.entry.clone());
    for made in &made[1..] {
        assert_eq!(ledger.replay(&made.entry, find).unwrap().record, made.record);
    }
    assert_eq!(ledger.commitment(), history.ledger().commitment());
}

#[test]
fn every_kind_occurs_with_approvals_and_tombstones() {
    let made = all(OPTIONS);
    let kinds: BTreeSet<u8> = made.iter().map(|made| made.record.body.kind()).collect();
    assert_eq!(kinds, BTreeSet::from([0, 1, 2, 3, 4, 16]));
    assert!(made.iter().any(|made| made.entry.evidence.len() == 129), "an approval");
    assert!(made.iter().any(|made| made.entry.announcement.is_some()), "a tombstone");
    let partly =
        |body: &Body| matches!(body, Body::Release(body) if body.from_time > body.start_time);
    assert!(made.iter().any(|made| partly(&made.record.body)), "a release of later slots");
}

#[test]
fn a_seed_means_one_history() {
    let options = HistoryOptions::new(9, 120);
    assert_eq!(all(options), all(options));
    assert_ne!(all(options), all(HistoryOptions { seed: 10, ..options }));
}

#[test]
fn blocks_follow_each_other_in_number_and_time() {
    let blocks: Vec<Block> = History::new(OPTIONS).collect();
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].number, pair[0].number + 1);
        assert!(pair[1].time > pair[0].time);
    }
    for block in &blocks {
        assert!((1..=41).contains(&block.records.len()));
        assert!(block.records.iter().all(|made| made.record.block_time == block.time));
    }
}

#[test]
fn the_folder_holds_the_log_and_its_certified_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = write(&mut History::new(OPTIONS), dir.path()).unwrap();
    let read = |path: &str| fs::read(dir.path().join(path)).unwrap();
    let network = NetworkFile::read(&read("network.json")).unwrap();
    let set = Set::decode(&read(&network.set_file_name())).unwrap();
    assert_eq!((network.trust.set_hash, checkpoint.size), (set.hash(), 1_500));
    let file: CheckpointFile = serde_json::from_slice(&read("checkpoint")).unwrap();
    assert_eq!(file.checkpoint, checkpoint);
    let certificate = fallow_protocol::Certificate::decode(&file.certificate).unwrap();
    certificate.verify(&set, checkpoint.digest()).unwrap();
    let entries: Vec<Entry> = BundleId::all(checkpoint.size)
        .flat_map(|id| decode_bundle(&read(&id.path()), id.width).unwrap())
        .collect();
    for (index, entry) in (0..).zip(&entries) {
        assert_eq!(Record::decode(&entry.record).unwrap().index, index);
    }
    for id in (0..2).flat_map(|level| TileId::of_level(level, checkpoint.size)) {
        assert_eq!(read(&id.path()).len(), usize::from(id.width) * 32, "{}", id.path());
    }
}

#[test]
fn a_folder_counts_what_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(dir.path()).unwrap();
    let mut history = History::new(HistoryOptions::new(1, 30));
    history.by_ref().for_each(|block| folder.append(&block).unwrap());
    assert_eq!((folder.size(), folder.root()), (30, history.ledger().root()));
}

#[test]
fn an_overallocation_is_right_but_for_the_volume() {
    let mut history = History::new(OPTIONS);
    let made: Vec<Made> = history.by_ref().take(30).flat_map(|block| block.records).collect();
    let find = |index: u64| made.get(usize::try_from(index).unwrap()).map(|m| m.entry.clone());
    let entry = history.overallocated().unwrap();
    let error = history.ledger().clone().replay(&entry, find).unwrap_err();
    let ReplayError::Refused { index, error } = error else { panic!("{error}") };
    assert_eq!(index, made.len() as u64);
    assert_eq!(error.refusal().unwrap().code, Code::CapacityExceeded);
}
