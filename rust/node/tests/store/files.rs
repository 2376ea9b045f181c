//! The static files are those of section 18, and a backup is a store.

use crate::records::check;
use crate::world::World;
use alloy_primitives::B256;
use fallow_log::{BundleId, TileId};
use fallow_node::store::types::Change;
use fallow_node::store::{NodeStore, NodeStoreError};
use fallow_protocol::{CheckpointFile, NetworkFile, Set};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// All files below a folder, by path.
pub fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

/// The paths that a log of this size has.
fn paths(size: u64) -> BTreeSet<PathBuf> {
    let tiles = (0..8).flat_map(|level| TileId::of_level(level, size)).map(|id| id.path());
    let bundles = BundleId::all(size).map(|id| id.path());
    tiles.chain(bundles).map(PathBuf::from).collect()
}

#[test]
fn what_is_published_is_byte_for_byte_what_the_history_writes_itself() {
    let (folder, plain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut world = World::new(1_234, 1_233);
    let store = world.build(folder.path());
    let checkpoint = world.checkpoint.unwrap();
    store.publish(&checkpoint, &world.network().certify(&checkpoint)).unwrap();
    store.publish_network(world.network().set()).unwrap();
    let options = fallow_history::HistoryOptions {
        block_records: 1_233,
        ..fallow_history::HistoryOptions::new(11, 1_234)
    };
    let mut history = fallow_history::History::new(options);
    fallow_history::write(&mut history, plain.path()).unwrap();
    let published = files(&store.tiles());
    assert_eq!(published, files(plain.path()));
    for path in published {
        let got = std::fs::read(store.tiles().join(&path)).unwrap();
        assert_eq!(got, std::fs::read(plain.path().join(&path)).unwrap(), "{}", path.display());
    }
}

#[test]
fn the_published_files_follow_the_log_and_old_partial_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(1_000, 90);
    let store = world.open(folder.path());
    store.publish_network(world.network().set()).unwrap();
    let mut before = 0;
    while let Some(change) = world.change() {
        store.commit(&change).unwrap();
        let checkpoint = world.checkpoint.unwrap();
        store.publish(&checkpoint, &world.network().certify(&checkpoint)).unwrap();
        let found = files(&store.tiles());
        let mut want = paths(checkpoint.size);
        want.extend(paths(before));
        want.extend(["checkpoint", "network.json"].map(PathBuf::from));
        want.insert(world.network().file().set_file_name().into());
        assert_eq!(found, want, "size {}", checkpoint.size);
        before = checkpoint.size;
    }
    let read = |path: &str| std::fs::read(store.tiles().join(path)).unwrap();
    let file: CheckpointFile = serde_json::from_slice(&read("checkpoint")).unwrap();
    assert_eq!(Some(file.checkpoint), world.checkpoint);
    assert_eq!(&NetworkFile::read(&read("network.json")).unwrap(), world.network().file());
    let set = Set::decode(&read(&world.network().file().set_file_name())).unwrap();
    assert_eq!(&set, world.network().set());
}

#[test]
fn a_checkpoint_that_is_not_of_the_log_is_not_published() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(300, 100);
    let store = world.build(folder.path());
    let checkpoint = world.checkpoint.unwrap();
    let certificate = world.network().certify(&checkpoint);
    let mut other = checkpoint;
    other.root = B256::ZERO;
    assert!(matches!(store.publish(&other, &certificate), Err(NodeStoreError::Corrupt(_))));
    let mut longer = checkpoint;
    longer.size += 1;
    assert!(matches!(store.publish(&longer, &certificate), Err(NodeStoreError::Unfit(_))));
    assert!(!store.tiles().join("checkpoint").exists());
}

#[test]
fn a_backup_made_while_the_log_grows_is_the_store_of_that_moment() {
    let (folder, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let to = backups.path().join("monday");
    let mut world = World::new(1_200, 300);
    let store = world.open(folder.path());
    store.commit(&world.change().unwrap()).unwrap();
    store.commit(&world.change().unwrap()).unwrap();
    store.commit(&world.change().unwrap()).unwrap();
    store.backup(&to).unwrap();
    let copy = world.open(&to);
    check(&copy, &world);
    // Both go on, each for itself.
    let change = world.change().unwrap();
    store.commit(&change).unwrap();
    assert!(copy.size().unwrap() < store.size().unwrap());
    copy.commit(&change).unwrap();
    check(&copy, &world);
    check(&store, &world);
    assert!(store.backup(&to).is_err(), "never over something else");
}

#[test]
fn files_that_a_crash_left_beyond_the_log_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(600, 150);
    let store = world.open(folder.path());
    store.commit(&world.change().unwrap()).unwrap();
    store.commit(&Change::default()).unwrap();
    let tiles = store.tiles();
    drop(store);
    for path in ["tile/0/000", "tile/0/001", "tile/entries/000"] {
        std::fs::create_dir_all(tiles.join(path).parent().unwrap()).unwrap();
        std::fs::write(tiles.join(path), b"of another history").unwrap();
    }
    std::fs::write(folder.path().join("staging/7"), b"unfinished").unwrap();
    let store = world.open(folder.path());
    assert_eq!(files(&tiles), BTreeSet::new());
    assert_eq!(files(&folder.path().join("staging")), BTreeSet::new());
    while let Some(change) = world.change() {
        store.commit(&change).unwrap();
    }
    check(&store, &world);
}
