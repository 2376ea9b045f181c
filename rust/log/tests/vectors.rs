//! The shared vectors of `test/vectors/log.json` and `tiles.json`.
#![allow(clippy::unwrap_used, missing_docs)]

use alloy_primitives::{B256, keccak256};
use fallow_log::{
    BundleId, EMPTY_ROOT, TileEdge, TileId, Tree, encode_tile, leaf_hash, verify_consistency,
    verify_inclusion,
};
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../../test/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn number(row: &Value, key: &str) -> u64 {
    row[key].as_str().unwrap().parse().unwrap()
}

fn hash(row: &Value, key: &str) -> B256 {
    row[key].as_str().unwrap().parse().unwrap()
}

fn hashes(value: &Value) -> Vec<B256> {
    value.as_array().unwrap().iter().map(|hash| hash.as_str().unwrap().parse().unwrap()).collect()
}

fn inclusion_holds(row: &Value) -> bool {
    let (index, size) = (number(row, "index"), number(row, "size"));
    verify_inclusion(hash(row, "leaf"), index, size, &hashes(&row["path"]), hash(row, "root"))
        .is_ok()
}

fn consistency_holds(row: &Value) -> bool {
    verify_consistency(
        number(row, "oldSize"),
        hash(row, "oldRoot"),
        number(row, "newSize"),
        hash(row, "newRoot"),
        &hashes(&row["path"]),
    )
    .is_ok()
}

/// Checks every row and that there are any.
fn all(rows: &Value, check: impl Fn(&Value) -> bool) {
    let rows = rows.as_array().unwrap();
    assert!(!rows.is_empty());
    rows.iter().for_each(|row| assert!(check(row), "{row}"));
}

#[test]
fn the_tree_gives_the_roots_and_proofs_of_the_vectors() {
    let file = vectors("log");
    let (mut tree, roots) = (Tree::new(), hashes(&file["roots"]));
    assert_eq!(roots[0], EMPTY_ROOT);
    for (leaf, root) in hashes(&file["leaves"]).into_iter().zip(&roots[1..]) {
        tree.push(leaf).unwrap();
        assert_eq!(tree.root(), *root);
    }
    all(&file["inclusion"], |row| {
        let path = tree.prove_inclusion(number(row, "index"), number(row, "size")).unwrap();
        inclusion_holds(row) && path == hashes(&row["path"])
    });
    all(&file["consistency"], |row| {
        let path = tree.prove_consistency(number(row, "oldSize"), number(row, "newSize")).unwrap();
        consistency_holds(row) && path == hashes(&row["path"])
    });
}

#[test]
fn what_must_not_verify_does_not() {
    let file = vectors("log");
    all(&file["invalidInclusion"], |row| !inclusion_holds(row));
    all(&file["invalidConsistency"], |row| !consistency_holds(row));
}

#[test]
fn static_files_have_their_names_and_no_other() {
    let file = vectors("tiles");
    all(&file["paths"], |row| {
        let (index, width) = (number(row, "index"), row["width"].as_u64().unwrap());
        let (level, width) = (row["level"].as_u64().unwrap(), u16::try_from(width).unwrap());
        let tile = TileId { level: u8::try_from(level).unwrap(), index, width };
        let bundle = BundleId { index, width };
        let (tile_path, bundle_path) =
            (row["tile"].as_str().unwrap(), row["bundle"].as_str().unwrap());
        tile.path() == tile_path
            && bundle.path() == bundle_path
            && TileId::parse(tile_path) == Ok(tile)
            && BundleId::parse(bundle_path) == Ok(bundle)
    });
    all(&file["invalidPaths"], |path| TileId::parse(path.as_str().unwrap()).is_err());
}

#[test]
fn logs_of_these_sizes_have_these_tiles() {
    let file = vectors("tiles");
    let rows = file["logs"].as_array().unwrap();
    let (mut edge, mut tree) = (TileEdge::new(), Tree::new());
    for row in rows {
        while edge.size() < number(row, "size") {
            let leaf = leaf_hash(format!("record {}", edge.size()).as_bytes());
            edge.push(leaf).unwrap();
            tree.push(leaf).unwrap();
        }
        assert_eq!(edge.root(), hash(row, "root"));
        all(&row["files"], |row| {
            let id = TileId::parse(row["path"].as_str().unwrap()).unwrap();
            let file = encode_tile(&tree.tile(id).unwrap());
            let partials = edge.partials();
            let partial = partials.iter().find(|(partial, _)| *partial == id);
            partial.is_none_or(|(_, hashes)| encode_tile(hashes) == file)
                && id.is_full() == partial.is_none()
                && keccak256(&file) == hash(row, "keccak")
        });
    }
}
