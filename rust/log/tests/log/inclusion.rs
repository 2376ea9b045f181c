//! Inclusion: every right proof is made and accepted, no wrong one is.

use alloy_primitives::B256;
use fallow_log::{
    EMPTY_ROOT, LogError, MAX_PATH, MAX_SIZE, ProofError, leaf_hash, node_hash, verify_inclusion,
};

use crate::reference::{Reference, leaves, referee, referee_path, split, tree};

/// Sizes that are checked one by one, with every index.
const EVERY: usize = 300;
/// The same where every pair or triple is checked.
const SMALL: usize = 33;

#[test]
fn paths_equal_both_referees_at_every_size_and_index() {
    let leaves = leaves(EVERY);
    let reference = Reference::new(leaves.clone());
    let tree = tree(&leaves);
    for size in 1..=EVERY {
        let referee = referee(&leaves[..size]);
        let root = reference.root(size);
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let path = tree.prove_inclusion(index as u64, size as u64).unwrap();
            assert_eq!(path, reference.inclusion(index, size), "leaf {index} of {size}");
            assert_eq!(path, referee_path(&referee, index), "leaf {index} of {size}");
            assert_eq!(verify_inclusion(*leaf, index as u64, size as u64, &path, root), Ok(()));
        }
    }
}

#[test]
fn paths_at_the_current_size_stay_right_as_the_log_grows() {
    let leaves = leaves(EVERY);
    let reference = Reference::new(leaves.clone());
    let mut tree = tree(&[]);
    for (size, leaf) in (1..).zip(&leaves) {
        tree.push(*leaf).unwrap();
        for index in [0, size / 2, size - 1] {
            let path = tree.prove_inclusion(index as u64, size as u64);
            assert_eq!(path, Ok(reference.inclusion(index, size)), "leaf {index} of {size}");
        }
    }
}

#[test]
fn a_tree_proves_no_leaf_it_does_not_have() {
    let tree = tree(&leaves(5));
    let beyond = LogError::SizeOutOfRange { size: 6, max: 5 };
    assert_eq!(tree.prove_inclusion(0, 6), Err(beyond));
    for (index, size) in [(5, 5), (3, 3), (0, 0), (u64::MAX, 5)] {
        let want = LogError::IndexOutOfRange { index, size };
        assert_eq!(tree.prove_inclusion(index, size), Err(want));
    }
}

#[test]
fn size_zero_has_no_leaf() {
    let want = ProofError::IndexOutOfRange { index: 0, size: 0 };
    assert_eq!(verify_inclusion(EMPTY_ROOT, 0, 0, &[], EMPTY_ROOT), Err(want));
}

#[test]
fn size_one_is_the_leaf_itself() {
    let leaf = leaf_hash(b"only");
    assert_eq!(verify_inclusion(leaf, 0, 1, &[], leaf), Ok(()));
    let want = ProofError::PathTooLong { got: 1, want: 0 };
    assert_eq!(verify_inclusion(leaf, 0, 1, &[leaf], leaf), Err(want));
    let want = ProofError::RootMismatch { got: leaf, want: EMPTY_ROOT };
    assert_eq!(verify_inclusion(leaf, 0, 1, &[], EMPTY_ROOT), Err(want));
}

#[test]
fn index_at_or_above_the_size_is_refused() {
    for (index, size) in [(13, 13), (14, 13), (u64::MAX, 13), (MAX_SIZE, MAX_SIZE)] {
        let want = ProofError::IndexOutOfRange { index, size };
        assert_eq!(verify_inclusion(B256::ZERO, index, size, &[], B256::ZERO), Err(want));
    }
}

#[test]
fn sizes_above_the_limit_are_refused() {
    for size in [MAX_SIZE + 1, u64::MAX] {
        let want = ProofError::SizeTooLarge { size };
        assert_eq!(verify_inclusion(B256::ZERO, 0, size, &[], B256::ZERO), Err(want));
    }
}

#[test]
fn the_largest_log_has_paths_of_63_nodes() {
    let sibling = B256::repeat_byte(9);
    let leaf = leaf_hash(b"last");
    let root = (0..63).fold(leaf, |node, _| node_hash(&sibling, &node));
    let path = [sibling; 63];
    assert_eq!(verify_inclusion(leaf, MAX_SIZE - 1, MAX_SIZE, &path, root), Ok(()));
    let path = [sibling; MAX_PATH];
    let want = ProofError::PathTooLong { got: 64, want: 63 };
    assert_eq!(verify_inclusion(leaf, MAX_SIZE - 1, MAX_SIZE, &path, root), Err(want));
}

#[test]
fn every_wrong_index_is_refused() {
    let leaves = leaves(SMALL);
    let tree = tree(&leaves);
    for size in 2..=SMALL as u64 {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let leaf = leaves[index as usize];
            let path = tree.prove_inclusion(index, size).unwrap();
            for wrong in (0..size + 2).filter(|wrong| *wrong != index) {
                let verdict = verify_inclusion(leaf, wrong, size, &path, root);
                assert!(verdict.is_err(), "leaf {index} of {size} passed as {wrong}");
            }
        }
    }
}

/// On which sides the siblings of a leaf are, from the definition of the tree: true for left.
fn sides(index: usize, size: usize) -> Vec<bool> {
    if size == 1 {
        return Vec::new();
    }
    let k = split(size);
    let (mut sides, left) =
        if index < k { (sides(index, k), false) } else { (sides(index - k, size - k), true) };
    sides.push(left);
    sides
}

/// A path does not bind the size: it is refused for another size exactly when the siblings would be
/// elsewhere. So the size has to come from where the root comes from.
#[test]
fn a_wrong_size_is_refused_unless_the_path_has_the_same_shape() {
    let leaves = leaves(SMALL);
    let tree = tree(&leaves);
    let mut alike = 0;
    for size in 1..=SMALL {
        let root = tree.root_at(size as u64).unwrap();
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let path = tree.prove_inclusion(index as u64, size as u64).unwrap();
            for wrong in (index + 1..=SMALL + 2).filter(|wrong| *wrong != size) {
                let verdict = verify_inclusion(*leaf, index as u64, wrong as u64, &path, root);
                let same = sides(index, size) == sides(index, wrong);
                assert_eq!(verdict.is_ok(), same, "leaf {index} of {size} as of {wrong}");
                alike += usize::from(same);
            }
        }
    }
    assert!(alike > 0, "index 0 has paths of one shape in sizes 3 and 4");
}

#[test]
fn missing_and_surplus_nodes_are_refused() {
    let leaves = leaves(SMALL);
    let tree = tree(&leaves);
    for size in 1..=SMALL as u64 {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let leaf = leaves[index as usize];
            let path = tree.prove_inclusion(index, size).unwrap();
            let want = path.len();
            for at in 0..want {
                let mut short = path.clone();
                short.remove(at);
                let error = ProofError::PathTooShort { got: want - 1, want };
                assert_eq!(verify_inclusion(leaf, index, size, &short, root), Err(error));
            }
            for at in 0..=want {
                let mut long = path.clone();
                long.insert(at, root);
                let error = ProofError::PathTooLong { got: want + 1, want };
                assert_eq!(verify_inclusion(leaf, index, size, &long, root), Err(error));
            }
        }
    }
}

#[test]
fn swapped_nodes_are_refused() {
    let leaves = leaves(SMALL);
    let tree = tree(&leaves);
    let size = SMALL as u64;
    for index in 0..size {
        let path = tree.prove_inclusion(index, size).unwrap();
        for (first, second) in pairs(path.len()) {
            let mut swapped = path.clone();
            swapped.swap(first, second);
            let leaf = leaves[index as usize];
            let verdict = verify_inclusion(leaf, index, size, &swapped, tree.root());
            assert!(matches!(verdict, Err(ProofError::RootMismatch { .. })), "leaf {index}");
        }
    }
}

/// Every two places of a path.
pub(crate) fn pairs(len: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len).flat_map(move |first| (first + 1..len).map(move |second| (first, second)))
}

#[test]
fn every_flipped_bit_is_refused() {
    let leaves = leaves(13);
    let tree = tree(&leaves);
    for index in [0, 6, 11, 12] {
        let leaf = leaves[index as usize];
        let path = tree.prove_inclusion(index, 13).unwrap();
        for bit in 0..256 {
            let check = |leaf, path: &[B256], root| verify_inclusion(leaf, index, 13, path, root);
            assert!(check(flip(leaf, bit), &path, tree.root()).is_err(), "bit {bit} of the leaf");
            assert!(check(leaf, &path, flip(tree.root(), bit)).is_err(), "bit {bit} of the root");
            for node in 0..path.len() {
                let mut flipped = path.clone();
                flipped[node] = flip(path[node], bit);
                assert!(check(leaf, &flipped, tree.root()).is_err(), "bit {bit} of node {node}");
            }
        }
    }
}

pub(crate) fn flip(mut hash: B256, bit: usize) -> B256 {
    hash[bit / 8] ^= 1 << (bit % 8);
    hash
}

/// In a tree without prefixes the 64 bytes under a node would pass for a record.
#[test]
fn a_node_is_no_record() {
    let leaves = leaves(4);
    let tree = tree(&leaves);
    let record = [leaves[0].as_slice(), leaves[1].as_slice()].concat();
    let path = [node_hash(&leaves[2], &leaves[3])];
    let claims = [
        leaf_hash(&record),
        leaf_hash(&[&[1], record.as_slice()].concat()),
        leaf_hash(node_hash(&leaves[0], &leaves[1]).as_slice()),
    ];
    for leaf in claims {
        let verdict = verify_inclusion(leaf, 0, 2, &path, tree.root());
        assert!(matches!(verdict, Err(ProofError::RootMismatch { .. })));
    }
}

#[test]
fn a_leaf_is_no_node() {
    let leaves = leaves(4);
    let tree = tree(&leaves);
    // The path of leaf 0 with leaf 3 where the node over leaves 2 and 3 belongs, and a node where
    // leaf 1 belongs.
    let node = node_hash(&leaves[2], &leaves[3]);
    for path in [[leaves[1], leaves[3]], [node, leaves[1]], [node, node]] {
        let verdict = verify_inclusion(leaves[0], 0, 4, &path, tree.root());
        assert!(matches!(verdict, Err(ProofError::RootMismatch { .. })));
    }
}
