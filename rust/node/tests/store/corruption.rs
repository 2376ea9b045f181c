//! Whatever is altered on the disk is an error, never wrong data.

use crate::files::files;
use crate::records::check;
use crate::world::World;
use fallow_log::TiledLog;
use fallow_node::store::{DiskStore, NodeStore, NodeStoreError};
use std::path::{Path, PathBuf};

const RECORDS: u64 = 1_100;

/// A closed store with four full bundles, and what is in it.
fn closed(folder: &Path) -> World {
    let mut world = World::new(RECORDS, 300);
    drop(world.build(folder));
    world
}

#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(result: Result<T, NodeStoreError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, NodeStoreError::Corrupt(_) | NodeStoreError::Store(_)), "{error}");
}

/// Alters a file, looks, and restores it.
fn altered(path: &Path, alter: impl FnOnce(&mut Vec<u8>), look: impl FnOnce()) {
    let good = std::fs::read(path).unwrap();
    let mut bytes = good.clone();
    alter(&mut bytes);
    assert_ne!(bytes, good);
    std::fs::write(path, bytes).unwrap();
    look();
    std::fs::write(path, good).unwrap();
}

/// Every answer is an error or right.
fn never_wrong(store: &DiskStore, world: &World) -> usize {
    let mut errors = 0;
    for kept in &world.kept[..256] {
        match store.entry(kept.index) {
            Ok(found) => assert_eq!(found.as_ref(), Some(kept)),
            Err(NodeStoreError::Corrupt(_)) => errors += 1,
            Err(error) => panic!("{error}"),
        }
    }
    errors
}

#[test]
fn a_flipped_bit_of_a_bundle_is_found_when_its_entry_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let world = closed(folder.path());
    let path = folder.path().join("tiles/tile/entries/000");
    let length = std::fs::metadata(&path).unwrap().len() as usize;
    for place in (0..700).step_by(19).chain((700..length).step_by(length / 20)) {
        altered(
            &path,
            |bytes| bytes[place] ^= 1 << (place % 8),
            || assert!(never_wrong(&world.open(folder.path()), &world) > 0, "byte {place}"),
        );
    }
}

#[test]
fn a_bundle_that_is_cut_longer_swapped_or_gone_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let world = closed(folder.path());
    let path = folder.path().join("tiles/tile/entries/000");
    let other = std::fs::read(folder.path().join("tiles/tile/entries/001")).unwrap();
    let look = |errors| {
        let store = world.open(folder.path());
        assert_eq!(never_wrong(&store, &world), errors);
        assert_corrupt(store.entries(0, 256));
        assert_corrupt(store.entries(200, 100));
    };
    altered(&path, |bytes| bytes.truncate(bytes.len() - 1), || look(1));
    altered(&path, |bytes| bytes.push(0), || look(0));
    altered(&path, |bytes| bytes.resize(100 << 20, 0), || look(256));
    altered(&path, Vec::clear, || look(256));
    altered(&path, |bytes| bytes.clone_from(&other), || look(256));
    std::fs::remove_file(&path).unwrap();
    look(256);
}

#[test]
fn an_altered_tile_is_found_by_the_tile_above() {
    let folder = tempfile::tempdir().unwrap();
    let world = closed(folder.path());
    let path = folder.path().join("tiles/tile/0/000");
    let other = std::fs::read(folder.path().join("tiles/tile/0/001")).unwrap();
    let look = || {
        let store = world.open(folder.path());
        let log = TiledLog::new(RECORDS, &store);
        assert!(log.prove_inclusion(3, RECORDS).is_err());
        assert!(log.prove_consistency(3, RECORDS).is_err());
        assert_corrupt(store.entry(3));
        // The rest of the log does not need it.
        assert!(log.prove_inclusion(300, RECORDS).is_ok());
        assert!(store.entry(300).is_ok());
    };
    altered(&path, |bytes| bytes[4_000] ^= 4, look);
    altered(&path, |bytes| bytes.truncate(8_191), look);
    altered(&path, |bytes| bytes.push(0), look);
    altered(&path, |bytes| bytes.swap_with_slice(&mut other.clone()), look);
    std::fs::remove_file(&path).unwrap();
    look();
}

#[test]
fn a_store_whose_newest_files_are_altered_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let world = closed(folder.path());
    for path in ["tiles/tile/0/003", "tiles/tile/entries/003"] {
        let path = folder.path().join(path);
        let open = || assert_corrupt(world.try_open(folder.path()));
        altered(&path, |bytes| bytes.truncate(5), open);
        std::fs::rename(&path, folder.path().join("away")).unwrap();
        open();
        std::fs::rename(folder.path().join("away"), &path).unwrap();
    }
    drop(world.open(folder.path()));
}

#[test]
fn a_database_that_is_garbage_or_cut_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let world = closed(folder.path());
    let path = folder.path().join("store.redb");
    let open = || assert_corrupt(world.try_open(folder.path()));
    altered(&path, |bytes| bytes.fill(7), open);
    altered(&path, |bytes| bytes.truncate(bytes.len() / 2), open);
    altered(&path, |bytes| bytes.truncate(100), open);
}

#[test]
fn a_database_with_a_flipped_bit_does_not_open_or_tells_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let world = closed(folder.path());
    let path = folder.path().join("store.redb");
    let length = std::fs::metadata(&path).unwrap().len() as usize;
    let mut refused = 0;
    for number in 0..60 {
        let place = (number * 7_919 * 521) % length;
        let good = std::fs::read(&path).unwrap();
        let look = || match world.try_open(folder.path()) {
            Ok(store) => check(&store, &world),
            Err(_) => refused += 1,
        };
        altered(&path, |bytes| bytes[place] ^= 1 << (number % 8), look);
        std::fs::write(&path, good).unwrap();
    }
    assert!(refused > 5, "{refused} of 60");
}

#[test]
fn a_database_of_another_moment_decides_if_its_files_are_there() {
    let (folder, older) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = closed(folder.path());
    let mut past = World::new(RECORDS, 300);
    let store = past.open(older.path());
    for _ in 0..4 {
        store.commit(&past.change().unwrap()).unwrap();
    }
    let size = store.size().unwrap();
    drop(store);
    let databases = [folder.path(), older.path()].map(|folder| folder.join("store.redb"));
    let newest = std::fs::read(&databases[0]).unwrap();
    // The older database beside newer files: those are removed, and come again.
    std::fs::copy(&databases[1], &databases[0]).unwrap();
    let store = world.open(folder.path());
    assert_eq!(store.size().unwrap(), size);
    assert!(!files(&store.tiles()).contains(&PathBuf::from("tile/entries/003")));
    store.commit(&past.change().unwrap()).unwrap();
    check(&store, &past);
    // The other way round, what the database tells of is not there.
    std::fs::write(&databases[1], newest).unwrap();
    assert_corrupt(world.try_open(older.path()));
}
