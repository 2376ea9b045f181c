//! An audit goes on where a snapshot was taken.

use crate::world::{OPTIONS, World};
use alloy_primitives::B256;
use fallow_audit::{Anchoring, AuditError, Expected, Flaw, load_snapshot, save_snapshot};
use fallow_history::{History, HistoryOptions};
use fallow_ledger::Ledger;

/// The honest ledger after so many records.
fn ledger(world: &World, size: usize) -> Ledger {
    let (mut ledger, _) = Ledger::new(world.network.config(), world.network.start());
    let find = |index: u64| world.entries.get(usize::try_from(index).unwrap()).cloned();
    for entry in &world.entries[1..size] {
        ledger.replay(entry, find).unwrap();
    }
    ledger
}

#[test]
fn from_any_size_an_audit_ends_as_from_genesis() {
    let world = World::honest();
    let written = world.write();
    let whole = world.report(&written, None, &Expected::default());
    for size in [1, 255, 256, 257, 512, 699, 700] {
        let from = ledger(&world, size);
        let commitment = from.commitment();
        let report = world.report(&written, Some(from), &Expected::default());
        assert!(report.is_honest(), "from {size}: {:?}", report.flaw);
        assert_eq!((report.from, report.size), (size as u64, 700));
        assert_eq!(report.started_with, Some(commitment));
        assert_eq!((report.commitment, report.root), (whole.commitment, whole.root));
        assert_eq!(report.checkpoints, 1, "from {size}");
    }
}

#[test]
fn what_comes_after_the_snapshot_is_judged() {
    let mut world = World::honest();
    let from = ledger(&world, 300);
    let index = world.allocation(500);
    world.entries[index].evidence[9] ^= 1;
    let report = world.report(&world.write(), Some(from), &Expected::default());
    assert_eq!(report.flaw.unwrap().0.record(), Some(index as u64));
}

#[test]
fn anchorings_from_before_the_snapshot_are_compared() {
    let world = World::honest();
    let mut part = World::honest();
    part.entries.truncate(100);
    let honest = Anchoring {
        sidechain_block: 1,
        size: 100,
        root: part.root(),
        block: 1,
        transaction: B256::ZERO,
    };
    let other = Anchoring { root: B256::ZERO, ..honest };
    let from = |anchored| {
        let expected = Expected { certified: vec![], anchored: vec![anchored] };
        world.report(&world.write(), Some(ledger(&world, 300)), &expected)
    };
    assert_eq!((from(honest).is_honest(), from(honest).anchored), (true, 1));
    assert!(matches!(from(other).flaw, Some((Flaw::Anchored { size: 100, .. }, _))));
}

#[test]
fn a_snapshot_of_another_history_is_refused() {
    let world = World::honest();
    let written = world.write();
    let mut changed = World::honest();
    let index = changed.find(100, |record| record.body.kind() == 16);
    changed.entries[index].record.push(1);
    let audit = world.audit();
    let run = |from| audit.run(&written.files(), Some(from), &Expected::default(), &mut |_| ());
    let error = run(ledger(&changed, index + 1)).unwrap_err();
    assert!(matches!(error, AuditError::StateRoot { .. }), "{error}");
    let mut longer = History::new(HistoryOptions { records: 701, ..OPTIONS });
    longer.by_ref().for_each(drop);
    let error = run(longer.ledger().clone()).unwrap_err();
    assert!(matches!(error, AuditError::StateAhead { state: 701, source_size: 700 }), "{error}");
}

#[test]
fn a_snapshot_is_kept_in_a_file() {
    let world = World::honest();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let audit = world.audit();
    assert_eq!(load_snapshot(&path, audit.config()).unwrap(), None);
    let from = ledger(&world, 300);
    save_snapshot(&path, &from).unwrap();
    save_snapshot(&path, &from).unwrap();
    assert_eq!(load_snapshot(&path, audit.config()).unwrap(), Some(from));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.pop();
    std::fs::write(&path, bytes).unwrap();
    let error = load_snapshot(&path, audit.config()).unwrap_err();
    assert!(matches!(error, AuditError::Snapshot { .. }), "{error}");
    let error = save_snapshot(&dir.path().join("no/such/folder"), &ledger(&world, 1)).unwrap_err();
    assert!(matches!(error, AuditError::State { .. }), "{error}");
}
