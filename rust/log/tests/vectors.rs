//! The shared vectors of `test/vectors/log.json`.
#![allow(clippy::unwrap_used, missing_docs)]

use alloy_primitives::B256;
use fallow_log::{EMPTY_ROOT, Tree, verify_consistency, verify_inclusion};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors/log.json");
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
    let file = vectors();
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
    let file = vectors();
    all(&file["invalidInclusion"], |row| !inclusion_holds(row));
    all(&file["invalidConsistency"], |row| !consistency_holds(row));
}
