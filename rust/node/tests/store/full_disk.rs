//! A disk that fails: an error, nothing changed, and the same change fits once there is room.

use crate::records::check;
use crate::world::{ACCOUNT, World};
use fallow_node::store::{DiskSettings, DiskStore, NodeStore, NodeStoreError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the test's child, whose files may not grow beyond a limit.
const FOLDER: &str = "FALLOW_FULL_DISK_FOLDER";

#[test]
fn a_disk_that_is_nearly_full_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(600, 300);
    let (first, second) = (world.change().unwrap(), world.change().unwrap());
    let store = world.open(folder.path());
    store.commit(&first).unwrap();
    drop(store);
    let settings = DiskSettings { reserve_bytes: u64::MAX, ..DiskSettings::default() };
    let file = world.network().file();
    let store = DiskStore::open_with(folder.path(), file, ACCOUNT, settings).unwrap();
    let error = store.commit(&second).unwrap_err();
    assert!(matches!(error, NodeStoreError::Space { want: u64::MAX, .. }), "{error}");
    assert_eq!(store.size().unwrap(), 1);
    drop(store);
    world.open(folder.path()).commit(&second).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_fails_the_change_and_only_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(900, 300);
    let store = world.open(folder.path());
    store.commit(&world.change().unwrap()).unwrap();
    // A folder where a file has to be.
    let blocker = store.tiles().join("tile/entries/000");
    std::fs::create_dir_all(&blocker).unwrap();
    let change = world.change().unwrap();
    for _ in 0..2 {
        let error = store.commit(&change).unwrap_err();
        assert!(matches!(error, NodeStoreError::File { .. }), "{error}");
        assert_eq!(store.size().unwrap(), 1);
        assert_eq!(store.head().unwrap().unwrap().size, 1);
        assert_eq!(store.index_of(change.records[0].id).unwrap(), None);
    }
    std::fs::remove_dir(&blocker).unwrap();
    store.commit(&change).unwrap();
    while let Some(change) = world.change() {
        store.commit(&change).unwrap();
    }
    check(&store, &world);
}

#[test]
fn a_database_that_cannot_grow_recovers_when_it_can_again() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return outgrow(&PathBuf::from(folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "full_disk::a_database_that_cannot_grow_recovers_when_it_can_again";
    // The signal of the limit would end the process; the shell has it ignored.
    let script = format!("trap '' XFSZ; exec \"$0\" --exact {name}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(folder.path().join("recovered").exists());
}

/// Commits until the database would outgrow what it has, then lifts the limit.
fn outgrow(folder: &Path) {
    let mut world = World::new(6_000, 500);
    let store = world.open(folder);
    store.commit(&world.change().unwrap()).unwrap();
    let unlimited = getrlimit(Resource::Fsize);
    let now = std::fs::metadata(folder.join("store.redb")).unwrap().len();
    setrlimit(Resource::Fsize, Rlimit { current: Some(now), ..unlimited }).unwrap();
    let mut failures = 0;
    while let Some(change) = world.change() {
        let Err(error) = store.commit(&change) else { continue };
        failures += 1;
        assert!(matches!(error, NodeStoreError::Store(_)), "{error}");
        let first = change.records[0].index;
        assert_eq!(store.size().unwrap(), first);
        let last = &world.kept[first as usize - 1];
        assert_eq!(store.entry(last.index).unwrap().as_ref(), Some(last));
        assert_eq!(store.index_of(change.records[0].id).unwrap(), None);
        store.commit(&change).unwrap_err();
        setrlimit(Resource::Fsize, unlimited).unwrap();
        store.commit(&change).unwrap();
    }
    assert_eq!(failures, 1);
    check(&store, &world);
    std::fs::write(folder.join("recovered"), []).unwrap();
}
