//! What is honest passes, and the report says how far.

use crate::world::{OPTIONS, World};
use alloy_primitives::B256;
use fallow_audit::{Anchoring, Certified, Expected};
use fallow_history::{History, HistoryOptions};

#[test]
fn an_honest_history_passes_with_its_root_and_commitment() {
    let world = World::honest();
    let written = world.write();
    let mut sizes = Vec::new();
    let files = written.files();
    let report = world
        .audit()
        .run(&files, None, &Expected::default(), &mut |progress| {
            assert_eq!(progress.size, 700);
            sizes.push(progress.ledger.size());
        })
        .unwrap();
    assert!(report.is_honest(), "{:?}", report.flaw);
    assert_eq!((report.from, report.size, report.root), (0, 700, Some(written.checkpoint.root)));
    assert_eq!((report.checkpoints, report.anchored, report.anchored_beyond), (1, 0, 0));
    let mut history = History::new(OPTIONS);
    history.by_ref().for_each(drop);
    assert_eq!(report.commitment, Some(history.ledger().commitment()));
    assert_eq!(sizes, [700], "one chunk");
}

#[test]
fn a_log_of_many_chunks_passes() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = History::new(HistoryOptions::new(5, 5_000));
    let checkpoint = fallow_history::write(&mut history, dir.path()).unwrap();
    let files = fallow_audit::Files::new(fallow_audit::Folder::new(dir.path()));
    let network = files.network().unwrap();
    let audit = fallow_audit::Audit::new(&network, files.set(&network).unwrap()).unwrap();
    let mut done = 0;
    let report = audit
        .run(&files, None, &Expected::default(), &mut |progress| {
            assert!(progress.ledger.size() > done, "it goes on");
            done = progress.ledger.size();
        })
        .unwrap();
    assert!(report.is_honest(), "{:?}", report.flaw);
    assert_eq!((done, report.root), (5_000, Some(checkpoint.root)));
}

#[test]
fn a_log_of_the_genesis_record_alone_passes() {
    let mut world = World::honest();
    world.entries.truncate(1);
    let report = world.report(&world.write(), None, &Expected::default());
    assert!(report.is_honest(), "{:?}", report.flaw);
    assert_eq!(report.size, 1);
}

#[test]
fn earlier_checkpoints_and_anchorings_are_compared_at_their_sizes() {
    let world = World::honest();
    let written = world.write();
    let earlier = |size: usize| {
        let mut part = World::honest();
        part.entries.truncate(size);
        let time = part.record(size - 1).block_time;
        let checkpoint = part.network.checkpoint(size as u64, time, size as u64, part.root());
        let certificate = part.network.certify(&checkpoint).encode().into();
        Certified { checkpoint, certificate }
    };
    let (one, two) = (earlier(256), earlier(301));
    let anchoring = |checkpoint: &fallow_protocol::Checkpoint| Anchoring {
        sidechain_block: checkpoint.block_number,
        size: checkpoint.size,
        root: checkpoint.root,
        block: 9,
        transaction: B256::repeat_byte(9),
    };
    let beyond = Anchoring { size: 701, ..anchoring(&one.checkpoint) };
    let expected = Expected {
        anchored: vec![anchoring(&one.checkpoint), anchoring(&written.checkpoint), beyond],
        certified: vec![one, two],
    };
    let report = world.report(&written, None, &expected);
    assert!(report.is_honest(), "{:?}", report.flaw);
    assert_eq!((report.checkpoints, report.anchored, report.anchored_beyond), (3, 2, 1));
}

#[test]
fn a_report_is_json_for_programs() {
    let mut world = World::honest();
    let written = world.write();
    let honest = serde_json::to_value(world.report(&written, None, &Expected::default()).file());
    let honest = honest.unwrap();
    assert_eq!(honest["verdict"], "honest");
    assert_eq!((&honest["from"], &honest["size"]), (&"0".into(), &"700".into()));
    assert_eq!(honest["flaw"], serde_json::Value::Null);
    world.change(400, |record| record.index = 401);
    let flawed = world.report(&world.write(), None, &Expected::default()).file();
    let flawed = serde_json::to_value(flawed).unwrap();
    assert_eq!(flawed["verdict"], "flawed");
    assert_eq!((&flawed["size"], &flawed["commitment"]), (&"400".into(), &().into()));
    assert_eq!(flawed["flaw"]["check"], "IndexWrong");
    assert_eq!(flawed["flaw"]["record"], "400");
    assert_eq!(flawed["flaw"]["code"], serde_json::Value::Null);
    assert_eq!(flawed["flaw"]["checkpoint"]["size"], "700");
    assert_eq!(flawed["root"], serde_json::Value::Null);
}
