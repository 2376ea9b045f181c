//! Files that are missing, cut, too long, or other ones the second time.

use crate::world::{OPTIONS, World};
use fallow_audit::{AuditError, Expected, Files, Flaw, Folder, Source, SourceError};
use fallow_history::HistoryOptions;
use fallow_protocol::{Body, Record};
use std::fs;
use std::num::NonZeroUsize;
use std::sync::Mutex;

#[test]
fn a_bundle_that_is_not_there_is_withheld() {
    let world = World::honest();
    let written = world.write();
    fs::remove_file(written.path().join("tile/entries/001")).unwrap();
    let want = Flaw::Withheld { index: 256, path: "tile/entries/001".into() };
    assert_eq!(world.flaw_of(&written), want);
}

#[test]
fn a_tile_that_is_not_there_is_withheld() {
    let world = World::honest();
    for (path, index) in [("tile/0/001", 256), ("tile/0/002.p/188", 512), ("tile/1/000.p/2", 0)] {
        let written = world.write();
        fs::remove_file(written.path().join(path)).unwrap();
        assert_eq!(world.flaw_of(&written), Flaw::Withheld { index, path: path.into() });
    }
}

#[test]
fn a_bundle_that_is_cut_names_the_first_record_that_is_broken() {
    let world = World::honest();
    let written = world.write();
    written.tamper("tile/entries/001", |bytes| bytes.truncate(bytes.len() - 1));
    assert_eq!(world.flaw_of(&written).record(), Some(511));
    let written = world.write();
    let place: usize =
        world.entries[256..300].iter().map(|entry| entry.encode().unwrap().len()).sum();
    written.tamper("tile/entries/001", |bytes| bytes[place] = 0xff);
    let flaw = world.flaw_of(&written);
    assert_eq!((flaw.record(), flaw.name()), (Some(300), "Unreadable"));
    let written = world.write();
    written.tamper("tile/entries/000", |bytes| bytes.push(0));
    assert_eq!(world.flaw_of(&written).record(), Some(255), "after the last one");
}

#[test]
fn a_tile_of_another_length_is_named() {
    let world = World::honest();
    for length in [0, 31, 8_160] {
        let written = world.write();
        written.tamper("tile/0/000", |bytes| bytes.truncate(length));
        let want = Flaw::TileLength { index: 0, path: "tile/0/000".into(), width: 256 };
        assert_eq!(world.flaw_of(&written), want);
    }
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let world = World::honest();
    for (path, length) in
        [("tile/0/000", 8_193), ("tile/entries/000", 300_000), ("checkpoint", 70_000)]
    {
        let written = world.write();
        written.tamper(path, |bytes| bytes.resize(length, b' '));
        let files = written.files();
        let report = world.audit().run(&files, None, &Expected::default(), &mut |_| ());
        let error = report.unwrap_err();
        assert!(matches!(error, AuditError::Source(SourceError::File { .. })), "{error}");
    }
}

#[test]
fn without_a_checkpoint_there_is_nothing_to_compare_with() {
    let world = World::honest();
    let written = world.write();
    fs::remove_file(written.path().join("checkpoint")).unwrap();
    let files = written.files();
    let report = world.audit().run(&files, None, &Expected::default(), &mut |_| ());
    assert!(matches!(report, Err(AuditError::Missing(path)) if path == "checkpoint"));
    for bytes in [&b"{}"[..], b"", b"{\"version\":2}", b"[]"] {
        let written = world.write();
        written.tamper("checkpoint", |file| *file = bytes.to_vec());
        let files = written.files();
        let report = world.audit().run(&files, None, &Expected::default(), &mut |_| ());
        assert!(matches!(report, Err(AuditError::File { .. })), "{bytes:?}");
    }
}

/// Gives another bundle from the second time on.
struct Fickle {
    folder: Folder,
    other: Folder,
    path: &'static str,
    asked: Mutex<u64>,
}

impl Source for Fickle {
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, SourceError> {
        if path == self.path {
            let mut asked = self.asked.lock().unwrap();
            *asked += 1;
            if *asked > 1 {
                return self.other.read(path, limit);
            }
        }
        self.folder.read(path, limit)
    }
}

#[test]
fn an_entry_that_is_another_one_when_it_is_needed_again_is_named() {
    // A withdrawal whose announcement stands a chunk of 2048 records before it, while only one
    // bundle is kept.
    let mut world = World::of(HistoryOptions { records: 2_600, ..OPTIONS });
    let far = |record: &Record| match &record.body {
        Body::Withdrawal(body) => {
            body.resource_index > 0 && record.index >= 2_048 && body.resource_index < 256
        }
        _ => false,
    };
    let index = world.find(0, far);
    let Body::Withdrawal(body) = world.record(index).body else { unreachable!() };
    let honest = world.write();
    world.change(usize::try_from(body.resource_index).unwrap(), |record| match &mut record.body {
        Body::Announcement(body) => body.volume ^= 1,
        _ => panic!("an announcement"),
    });
    let doctored = world.write();
    let files = Files::keeping(
        Fickle {
            folder: Folder::new(honest.path()),
            other: Folder::new(doctored.path()),
            path: "tile/entries/000",
            asked: Mutex::new(0),
        },
        NonZeroUsize::MIN,
    );
    let report = world.audit().run(&files, None, &Expected::default(), &mut |_| ()).unwrap();
    let (flaw, _) = report.flaw.expect("the bundle is another one the second time");
    assert_eq!(flaw, Flaw::Changed { index: body.resource_index });
}
