//! What the store costs: `store [records] [records of a block] [folder]`, in release.
//!
//! Commits a made-up history block by block, then opens the store again as a node would at its start.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code)]

#[path = "../tests/store/world.rs"]
mod world;

use fallow_log::{TiledLog, leaf_hash, verify_inclusion};
use fallow_node::store::{DiskSettings, DiskStore, NodeStore};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use world::World;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (records, block_records) = (number(1_000_000), number(7_000));
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let root = commit(records, block_records, &folder);
    open(records, block_records, &folder, root);
}

fn open_as_usual(world: &World, folder: &Path) -> DiskStore {
    let settings = DiskSettings::default();
    DiskStore::open_with(folder, world.network().file(), world::ACCOUNT, settings).unwrap()
}

fn commit(records: u64, block_records: u64, folder: &Path) -> alloy_primitives::B256 {
    let mut world = World::new(records, block_records);
    let store = open_as_usual(&world, folder);
    let mut times: Vec<Duration> = Vec::new();
    while let Some(change) = world.change() {
        world.kept.clear();
        let start = Instant::now();
        store.commit(&change).unwrap();
        times.push(start.elapsed());
        if times.len().is_multiple_of(20) {
            let words = &change.words;
            let words = words.resources.len()
                + words.calendars.len()
                + words.requesters.len()
                + words.released.len();
            eprintln!(
                "{} records, {words} words: {:?}",
                change.records.len(),
                times.last().unwrap()
            );
        }
    }
    let total: Duration = times.iter().sum();
    times.sort_unstable();
    let quantile = |part: usize| times[times.len() * part / 100];
    println!("commits {} total {total:?}", times.len());
    println!("commit p50 {:?} p90 {:?} p99 {:?}", quantile(50), quantile(90), quantile(99));
    world.ledger().root()
}

fn open(records: u64, block_records: u64, folder: &Path, root: alloy_primitives::B256) {
    let world = World::new(1, block_records);
    let before = resident();
    let start = Instant::now();
    let store = open_as_usual(&world, folder);
    let opened = start.elapsed();
    let rss = resident();
    let ledger = store.ledger(world.network().config()).unwrap().unwrap();
    println!("open {opened:?}, with ledger {:?}", start.elapsed());
    println!("resident: open {} KiB, ledger {} KiB", rss - before, resident() - rss);
    assert_eq!((ledger.size(), ledger.root()), (records, root));
    println!("disk: {:.1} byte a record", disk(folder) as f64 / records as f64);
    println!("  database {:.1}", disk(&folder.join("store.redb")) as f64 / records as f64);
    let log = TiledLog::new(records, &store);
    let start = Instant::now();
    let reads = 2_000;
    for number in 0..reads {
        let index = number * 7_919 % records;
        let kept = store.entry(index).unwrap().unwrap();
        let path = log.prove_inclusion(index, records).unwrap();
        verify_inclusion(leaf_hash(&kept.entry.record), index, records, &path, root).unwrap();
        assert_eq!(store.index_of(kept.id).unwrap(), (!kept.id.is_zero()).then_some(index));
    }
    println!("a record by id with its proof: {:?}", start.elapsed() / reads as u32);
    println!("resident after reading: {} KiB", resident() - before);
}

/// Bytes on the disk.
fn disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let here = std::fs::symlink_metadata(path).unwrap();
    let below = if here.is_dir() {
        std::fs::read_dir(path).unwrap().map(|entry| disk(&entry.unwrap().path())).sum()
    } else {
        0
    };
    here.blocks() * 512 + below
}

/// Resident memory, KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
