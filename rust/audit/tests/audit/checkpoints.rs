//! Doctored checkpoints, certificates, anchorings and hash tiles.

use crate::world::World;
use alloy_primitives::B256;
use fallow_audit::{Anchoring, Certified, Expected, Flaw};
use fallow_protocol::{Checkpoint, Code, SetHash};

#[test]
fn a_certified_root_that_is_not_that_of_the_records_is_named() {
    let world = World::honest();
    let honest = world.checkpoint();
    let other = Checkpoint { root: B256::repeat_byte(1), ..honest };
    let written = world.write_under(other, &world.network.certify(&other));
    let want = Flaw::Root { checkpoint: Box::new(other), want: honest.root };
    assert_eq!(world.flaw_of(&written), want);
}

#[test]
fn the_first_of_several_checkpoints_that_differs_is_named() {
    let world = World::honest();
    let part = |size: u64| world.network.checkpoint(size, world.block.1, size, B256::ZERO);
    let certified = |checkpoint: Checkpoint| Certified {
        checkpoint,
        certificate: world.network.certify(&checkpoint).encode().into(),
    };
    let expected =
        Expected { certified: vec![certified(part(600)), certified(part(300))], anchored: vec![] };
    let report = world.report(&world.write(), None, &expected);
    let (flaw, about) = report.flaw.unwrap();
    assert!(matches!(flaw, Flaw::Root { .. }), "{flaw}");
    assert_eq!((about.unwrap().size, report.size), (300, 300));
}

#[test]
fn a_rewritten_record_breaks_the_checkpoint_above_it() {
    // Nothing but the root shows it: what a further writer appended is nobody's signed word.
    let mut world = World::honest();
    let honest = world.checkpoint();
    let index = world.find(100, |record| record.body.kind() == 16);
    let last = world.entries[index].record.len();
    world.entries[index].record.truncate(last.max(39) - 1);
    let rewritten = world.root();
    assert_ne!(rewritten, honest.root);
    let written = world.write_under(honest, &world.network.certify(&honest));
    let want = Flaw::Root { checkpoint: Box::new(honest), want: rewritten };
    assert_eq!(world.flaw_of(&written), want);
}

#[test]
fn a_record_that_was_rewritten_under_honest_tiles_is_named() {
    let mut world = World::honest();
    let honest = world.write();
    let index = world.find(260, |record| record.body.kind() == 16);
    let record = &mut world.entries[index].record;
    let length = record.len();
    record.truncate(length.max(39) - 1);
    let rewritten = world.write();
    for path in ["tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2", "checkpoint"] {
        let bytes = std::fs::read(honest.path().join(path)).unwrap();
        rewritten.tamper(path, |file| *file = bytes);
    }
    let Flaw::Tile { index: got, path, .. } = world.flaw_of(&rewritten) else { panic!("no tile") };
    let bundle = index / 256;
    assert_eq!(got, index as u64);
    assert!(path.starts_with(&format!("tile/0/00{bundle}")), "{path}");
}

#[test]
fn a_hash_tile_that_differs_is_named_with_the_record_below() {
    let world = World::honest();
    for (path, place, index) in [
        ("tile/0/000", 7 * 32, 7),
        ("tile/0/001", 8_191, 511),
        ("tile/0/002.p/188", 5, 512),
        ("tile/1/000.p/2", 32, 256),
    ] {
        let written = world.write();
        written.tamper(path, |bytes| bytes[place] ^= 1);
        let flaw = world.flaw_of(&written);
        assert!(matches!(&flaw, Flaw::Tile { path: named, .. } if named == path), "{flaw}");
        assert_eq!((flaw.record(), flaw.name()), (Some(index), "TileDiffers"));
    }
}

#[test]
fn certificates_that_do_not_hold_are_named_by_their_code() {
    let world = World::honest();
    let honest = world.checkpoint();
    let others = [
        (Checkpoint { network_id: fallow_protocol::NetworkId::ZERO, ..honest }, None),
        (Checkpoint { era: 1, ..honest }, Some(Code::EraMismatch)),
        (Checkpoint { set_number: 2, ..honest }, Some(Code::SetMismatch)),
        (Checkpoint { next_set: SetHash::repeat_byte(1), ..honest }, Some(Code::SetMismatch)),
        (Checkpoint { block_time: u64::MAX, ..honest }, Some(Code::SetExpired)),
    ];
    for (checkpoint, code) in others {
        let written = world.write_under(checkpoint, &world.network.certify(&checkpoint));
        let files = written.files();
        let report = world.audit().run(&files, None, &Expected::default(), &mut |_| ());
        let Some(code) = code else {
            assert!(report.is_err(), "the files are of another network");
            continue;
        };
        let (flaw, about) = report.unwrap().flaw.unwrap();
        assert_eq!((flaw.code(), flaw.name()), (Some(code.number()), code.name()));
        assert_eq!(about, Some(checkpoint));
    }
    let other = Checkpoint { block_hash: B256::ZERO, ..honest };
    let written = world.write_under(honest, &world.network.certify(&other));
    let want = Some(Code::CertificateSignatureInvalid.number());
    assert_eq!(world.flaw_of(&written).code(), want);
}

#[test]
fn a_certificate_without_quorum_or_of_other_bytes_is_named() {
    let world = World::honest();
    let honest = world.checkpoint();
    let bytes = world.network.certify(&honest).encode();
    let with = |change: fn(&mut Vec<u8>)| {
        let mut certificate = bytes.clone();
        change(&mut certificate);
        let certified = Certified { checkpoint: honest, certificate: certificate.into() };
        let expected = Expected { certified: vec![certified], anchored: vec![] };
        world.report(&world.write(), None, &expected).flaw.unwrap().0.code().unwrap()
    };
    // Two bits less: one of four members is left.
    assert_eq!(with(|bytes| bytes[4] = 1), Code::QuorumMissing.number());
    assert_eq!(with(|bytes| bytes[20] ^= 1), Code::CertificateSignatureInvalid.number());
    assert_eq!(with(|bytes| bytes[0] = 2), Code::CertificateMalformed.number());
    assert_eq!(with(Vec::clear), Code::CertificateMalformed.number());
}

#[test]
fn an_anchored_root_that_is_not_that_of_the_records_is_named() {
    let world = World::honest();
    let anchoring = Anchoring {
        sidechain_block: 4,
        size: 333,
        root: B256::repeat_byte(3),
        block: 77,
        transaction: B256::repeat_byte(8),
    };
    let expected = Expected { certified: vec![], anchored: vec![anchoring] };
    let report = world.report(&world.write(), None, &expected);
    let (flaw, _) = report.flaw.unwrap();
    let Flaw::Anchored { block: 77, size: 333, sidechain_block: 4, got, .. } = flaw else {
        panic!("{flaw}")
    };
    assert_eq!((got, report.size), (B256::repeat_byte(3), 333));
}

#[test]
fn a_certified_log_of_nothing_is_not_that_of_a_network() {
    let world = World::honest();
    let empty = Checkpoint { size: 0, root: B256::repeat_byte(1), ..world.checkpoint() };
    let written = world.write_under(empty, &world.network.certify(&empty));
    assert_eq!(world.flaw_of(&written), Flaw::Genesis);
}
