//! Names of static files, bundles of entries, and the tiles of some sizes.

use crate::world::{self, START, hex};
use crate::{certificates, records};
use alloy_primitives::keccak256;
use fallow_log::{BundleId, TILE_LEVELS, TileEdge, TileId, Tree, encode_tile, leaf_hash};
use fallow_protocol::{
    Announcement, Body, CheckpointFile, Entry, FILE_VERSION, Record, Withdrawal, WithdrawalBody,
    decode_bundle, encode_bundle,
};
use serde_json::{Value, json};

/// Where tiles and levels begin and end.
const SIZES: [u64; 6] = [1, 255, 256, 257, 700, 65_537];

/// An announcement that was never recorded is barred.
pub(crate) fn tombstone() -> Entry {
    let domain = world::domain();
    let announcement = Announcement { volume: 9, ..world::announcement() };
    let resource_id = announcement.id(&domain);
    let withdrawal = Withdrawal { resource_id, timestamp: START - 100 };
    let key = world::provider();
    let evidence = fallow_protocol::Evidence::of(key.sign(withdrawal.id(&domain)));
    let body = WithdrawalBody {
        resource_id,
        resource_index: 0,
        provider: key.address(),
        timestamp: withdrawal.timestamp,
        evidence: evidence.hash(),
    };
    Entry {
        record: records::record(6, Body::Withdrawal(body)).encode(),
        evidence: evidence.encode(),
        announcement: Some(announcement),
    }
}

/// The example records as entries, and a tombstone.
pub(crate) fn entries() -> Vec<Entry> {
    let entry = |(_, record): (&str, Record)| Entry {
        evidence: records::evidence_of(&record),
        record: record.encode(),
        announcement: None,
    };
    records::all().into_iter().map(entry).chain([tombstone()]).collect()
}

fn paths() -> Vec<Value> {
    let row = |level, index, width| {
        let (tile, bundle) = (TileId { level, index, width }, BundleId { index, width });
        assert_eq!(TileId::parse(&tile.path()), Ok(tile));
        json!({
            "level": level, "index": index.to_string(), "width": width,
            "tile": tile.path(), "bundle": bundle.path(),
        })
    };
    [
        (0, 0, 256),
        (0, 0, 1),
        (0, 5, 255),
        (1, 67, 256),
        (0, 999, 256),
        (0, 1_000, 256),
        (0, 1_234_067, 256),
        (0, 1_234_067, 5),
        (1, 1_000_000_000, 256),
        (7, 0, 128),
        (0, (1 << 55) - 1, 256),
    ]
    .map(|(level, index, width)| row(level, index, width))
    .to_vec()
}

fn invalid_paths() -> Vec<&'static str> {
    let paths = vec![
        "",
        "tile/0",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/67",
        "tile/0/1000",
        "tile/0/x000/067",
        "tile/0/001/067",
        "tile/0/x001/x067",
        "tile/0/x001/067/",
        "tile/0//067",
        "tile/0/+67",
        "tile/0/067.p",
        "tile/0/067.p/0",
        "tile/0/067.p/256",
        "tile/0/067.p/01",
        "tile/00/067",
        "tile/8/000",
        "/tile/0/067",
        "tile/0/../067",
        "tile/7/000.p/129",
        "tile/0/x036/x028/x797/x018/x963/968",
    ];
    paths.iter().for_each(|path| assert!(TileId::parse(path).is_err(), "{path}"));
    paths
}

/// The tree of the log vectors, larger.
fn tree(size: u64) -> Tree {
    let mut tree = Tree::new();
    for index in 0..size {
        tree.push(leaf_hash(format!("record {index}").as_bytes())).unwrap();
    }
    tree
}

fn tiles() -> Vec<Value> {
    let tree = tree(SIZES[SIZES.len() - 1]);
    let row = |size: u64| {
        assert_eq!(TileEdge::resume(size, &tree).unwrap().root(), tree.root_at(size).unwrap());
        let levels = (0..TILE_LEVELS).flat_map(|level| TileId::of_level(level, size));
        // Of a long level the ends are enough.
        let shown = levels.filter(|id| id.index < 3 || id.index > 253);
        let files = shown.map(|id| {
            let file = encode_tile(&tree.tile(id).unwrap());
            json!({ "path": id.path(), "keccak": keccak256(file) })
        });
        json!({
            "size": size.to_string(), "root": tree.root_at(size).unwrap(),
            "files": files.collect::<Vec<_>>(),
        })
    };
    SIZES.map(row).to_vec()
}

fn checkpoint_file() -> CheckpointFile {
    let checkpoint = certificates::example_checkpoint();
    let certificate = certificates::certify(&world::set(), checkpoint.digest(), &[0, 2, 3]);
    let certificate = certificate.encode().into();
    CheckpointFile { version: FILE_VERSION, checkpoint, certificate }
}

fn invalid_bundles(width: u16) -> Vec<Value> {
    let entries = entries();
    let bytes = encode_bundle(&entries).unwrap();
    let first = entries[0].encode().unwrap();
    let of = |entry: &Entry| entry.encode().unwrap();
    let tombstone = of(&tombstone());
    let padded = {
        let mut bytes = tombstone.clone();
        let words = bytes.len() - 288;
        bytes[words] = 1;
        bytes
    };
    let hidden = [&tombstone[..tombstone.len() - 290], &[0, 0]].concat();
    let shown = {
        let withdrawal = of(&entries[4]);
        let words = &tombstone[tombstone.len() - 290..];
        [&withdrawal[..withdrawal.len() - 2], words].concat()
    };
    let bare = [&of(&entries[1])[..178], &[0, 0, 0, 0]].concat();
    let needless = [&first[..144], &[0, 1, 1, 0, 0]].concat();
    let short = [&[0, 37][..], &[1; 37], &[0, 0, 0, 0]].concat();
    let rows = [
        ("empty", 1, vec![]),
        ("an entry missing", width + 1, bytes.clone()),
        ("an entry left over", width - 1, bytes.clone()),
        ("cut short", width, bytes[..bytes.len() - 1].to_vec()),
        ("trailing byte", width, [&bytes[..], &[0]].concat()),
        ("record too short", 1, short),
        ("announcement with padding", 1, padded),
        ("tombstone without its announcement", 1, hidden),
        ("announcement of a recorded resource", 1, shown),
        ("announcement without evidence", 1, bare),
        ("genesis with evidence", 1, needless),
    ];
    let row = |(name, width, bytes): (&str, u16, Vec<u8>)| {
        assert!(decode_bundle(&bytes, width).is_err(), "{name}");
        json!({ "name": name, "width": width, "bundle": hex(bytes) })
    };
    rows.into_iter().map(row).collect()
}

pub(crate) fn tile_vectors() -> Value {
    let entries = entries();
    let bundle = encode_bundle(&entries).unwrap();
    let width = u16::try_from(entries.len()).unwrap();
    assert_eq!(decode_bundle(&bundle, width).unwrap(), entries);
    let row = |entry: &Entry| {
        json!({
            "record": hex(&entry.record), "evidence": hex(&entry.evidence),
            "announcement": entry.announcement, "entry": hex(entry.encode().unwrap()),
        })
    };
    json!({
        "paths": paths(),
        "invalidPaths": invalid_paths(),
        "entries": entries.iter().map(row).collect::<Vec<_>>(),
        "bundle": hex(bundle),
        "invalidBundles": invalid_bundles(width),
        "checkpoint": checkpoint_file(),
        "logs": tiles(),
    })
}
