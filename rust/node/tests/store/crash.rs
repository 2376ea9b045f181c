//! The process is killed at any instant: what was committed is there, whole, and nothing else.
//!
//! `FALLOW_STORE_KILLS` sets how often (default 20).

use crate::messages::{messages, pending};
use crate::world::World;
use alloy_primitives::B256;
use fallow_log::{TileId, TileSource, TiledLog};
use fallow_node::store::types::{Change, Kept};
use fallow_node::store::{DiskStore, NodeStore};
use fallow_protocol::CheckpointFile;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "FALLOW_CRASH_FOLDER";
const KILLS: &str = "FALLOW_STORE_KILLS";
const RECORDS: u64 = 4_000;
const BLOCK_RECORDS: u64 = 150;

/// What the log is after each block.
struct Past {
    kept: Vec<Kept>,
    /// State commitments, by size.
    commitments: BTreeMap<u64, B256>,
    world: World,
}

impl Past {
    fn new() -> Self {
        let mut world = World::new(RECORDS, BLOCK_RECORDS);
        let mut commitments = BTreeMap::new();
        while world.change().is_some() {
            commitments.insert(world.size(), world.ledger().commitment());
        }
        Self { kept: world.kept.clone(), commitments, world }
    }

    /// Checks all of a store that was left behind.
    fn check(&self, folder: &Path) -> u64 {
        let store = self.world.open(folder);
        let size = store.size().unwrap();
        let kept = &self.kept[..size as usize];
        assert_eq!(store.entries(0, usize::MAX).unwrap(), kept);
        for one in kept.iter().filter(|one| !one.id.is_zero()) {
            assert_eq!(store.index_of(one.id).unwrap(), Some(one.index));
        }
        if size > 0 {
            let ledger = store.ledger(self.world.network().config()).unwrap().unwrap();
            assert_eq!(ledger.commitment(), self.commitments[&size]);
        }
        check_published(&store);
        size
    }
}

/// Static files alone.
struct Folder(PathBuf);

impl TileSource for Folder {
    type Error = std::io::Error;

    fn tile(&self, id: TileId) -> Result<Vec<B256>, std::io::Error> {
        let bytes = std::fs::read(self.0.join(id.path()))?;
        Ok(bytes.chunks_exact(32).map(B256::from_slice).collect())
    }
}

/// The checkpoint that is published can be proven from the files beside it.
fn check_published(store: &DiskStore) {
    let Ok(bytes) = std::fs::read(store.tiles().join("checkpoint")) else { return };
    let checkpoint = serde_json::from_slice::<CheckpointFile>(&bytes).unwrap().checkpoint;
    let log = TiledLog::new(checkpoint.size, Folder(store.tiles()));
    assert_eq!(log.root_at(checkpoint.size).unwrap(), checkpoint.root);
}

#[test]
fn a_killed_process_leaves_what_it_had_committed() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return commit_until_killed(&PathBuf::from(folder));
    }
    let kills: u64 = std::env::var(KILLS).map_or(20, |kills| kills.parse().unwrap());
    let past = Past::new();
    let mut folder = tempfile::tempdir().unwrap();
    for number in 0..kills {
        let told = kill_after(folder.path(), number);
        let size = past.check(folder.path());
        assert!(size >= told.size, "kill {number}: {size} records, {} were told", told.size);
        let store = past.world.open(folder.path());
        if let Some(arrival) = told.promised {
            assert_eq!(store.pending().unwrap().len() as u64, arrival, "kill {number}");
        }
        if size == RECORDS {
            folder = tempfile::tempdir().unwrap();
        }
    }
}

/// What the child said to be committed.
#[derive(Default)]
struct Told {
    size: u64,
    promised: Option<u64>,
}

fn kill_after(folder: &Path, number: u64) -> Told {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::a_killed_process_leaves_what_it_had_committed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("ready")).unwrap();
    // Any instant of the next blocks.
    std::thread::sleep(Duration::from_micros(number * 7_919 % 90_000));
    child.kill().unwrap();
    child.wait().unwrap();
    let mut told = Told::default();
    for line in lines {
        let mut words = line.split(' ');
        match (words.next(), words.next().and_then(|number| number.parse().ok())) {
            (Some("size"), Some(size)) => told.size = size,
            (Some("promised"), arrival) => told.promised = arrival,
            _ => {}
        }
    }
    told
}

fn commit_until_killed(folder: &Path) {
    let mut world = World::new(RECORDS, BLOCK_RECORDS);
    let store = world.open(folder);
    let size = store.size().unwrap();
    while world.size() < size {
        world.change().unwrap();
    }
    let mut arrival = store.pending().unwrap().len() as u64;
    let mut out = std::io::stdout();
    writeln!(out, "\nready").unwrap();
    while let Some(change) = world.change() {
        arrival += 1;
        let promised = vec![pending(arrival, messages()[0].clone(), u64::MAX)];
        store.commit(&Change { promised, ..Change::default() }).unwrap();
        writeln!(out, "promised {arrival}").unwrap();
        store.commit(&change).unwrap();
        writeln!(out, "size {}", world.size()).unwrap();
        let checkpoint = world.checkpoint.unwrap();
        store.publish(&checkpoint, &world.network().certify(&checkpoint)).unwrap();
    }
}
