//! Roots, leaves and limits of the tree.

use alloy_primitives::{B256, b256, keccak256};
use fallow_log::{EMPTY_ROOT, LogError, Tree, leaf_hash, node_hash};
use proptest::prelude::*;

use crate::reference::{Reference, leaves, referee, tree};

/// Sizes that are checked one by one.
const EVERY: usize = 300;

#[test]
fn the_empty_log_has_the_hash_of_nothing_as_root() {
    assert_eq!(Tree::new().root(), EMPTY_ROOT);
    assert_eq!(Tree::new().root(), keccak256([]));
    assert_eq!(Tree::new().root_at(0), Ok(EMPTY_ROOT));
}

#[test]
fn the_root_of_one_leaf_is_the_leaf() {
    let tree = tree(&[B256::repeat_byte(5)]);
    assert_eq!(tree.root(), B256::repeat_byte(5));
}

#[test]
fn a_lone_leaf_is_promoted() {
    let leaf = ["a", "b", "c"].map(|record| leaf_hash(record.as_bytes()));
    let root = node_hash(&node_hash(&leaf[0], &leaf[1]), &leaf[2]);
    assert_eq!(tree(&leaf).root(), root);
    // Computed with another Keccak (`cast keccak` five times), so that a change cannot go unseen.
    let frozen = b256!("3f6c2d6d0c2fcd67795ea50af0dc85c8e2df8832efe3c49e36d8fe2e71bcc07b");
    assert_eq!(root, frozen);
}

#[test]
fn roots_equal_both_referees_at_every_size() {
    let leaves = leaves(EVERY);
    let reference = Reference::new(leaves.clone());
    let mut tree = Tree::new();
    for size in 1..=EVERY {
        tree.push(leaves[size - 1]).unwrap();
        assert_eq!(tree.root(), reference.root(size), "size {size}");
        assert_eq!(referee(&leaves[..size]).root(), Some(tree.root().0), "size {size}");
    }
}

#[test]
fn every_earlier_root_stays() {
    let leaves = leaves(EVERY);
    let reference = Reference::new(leaves.clone());
    let tree = tree(&leaves);
    for size in 0..=EVERY {
        assert_eq!(tree.root_at(size as u64), Ok(reference.root(size)), "size {size}");
    }
    let beyond = EVERY as u64 + 1;
    let want = LogError::SizeOutOfRange { size: beyond, max: EVERY as u64 };
    assert_eq!(tree.root_at(beyond), Err(want));
}

#[test]
fn leaves_are_kept_by_index() {
    let leaves = leaves(EVERY);
    let tree = tree(&leaves);
    assert_eq!(tree.size(), EVERY as u64);
    for (index, leaf) in leaves.iter().enumerate() {
        assert_eq!(tree.leaf(index as u64), Some(*leaf), "index {index}");
    }
    assert_eq!(tree.leaf(EVERY as u64), None);
    assert_eq!(tree.leaf(u64::MAX), None);
    assert_eq!(Tree::new().leaf(0), None);
}

#[test]
fn a_clone_grows_on_its_own() {
    let leaves = leaves(EVERY);
    let original = tree(&leaves[..100]);
    let root = original.root();
    let mut clone = original.clone();
    for leaf in &leaves[100..] {
        clone.push(*leaf).unwrap();
    }
    assert_eq!(clone.root(), tree(&leaves).root());
    assert_eq!((original.size(), original.root()), (100, root));
}

#[test]
fn debug_shows_the_size_and_no_nodes() {
    assert_eq!(format!("{:?}", tree(&leaves(3))), "Tree { size: 3, .. }");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_of_any_leaves_equal_the_recursion(
        seeds in prop::collection::vec(any::<[u8; 32]>(), 1..200),
    ) {
        let leaves: Vec<B256> = seeds.into_iter().map(B256::from).collect();
        let size = leaves.len();
        prop_assert_eq!(tree(&leaves).root(), Reference::new(leaves).root(size));
    }
}
