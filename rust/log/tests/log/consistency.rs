//! Consistency: every right proof is made and accepted, no wrong one is.

use alloy_primitives::B256;
use fallow_log::{
    EMPTY_ROOT, LogError, MAX_PATH, MAX_SIZE, ProofError, Tree, leaf_hash, node_hash,
    verify_consistency,
};

use crate::{
    inclusion::{flip, pairs},
    reference::{Reference, leaves, tree},
};

/// Sizes that are checked one by one, in every pair.
const EVERY: usize = 300;
/// The same where every proof is spoilt in many ways.
const SMALL: u64 = 33;

#[test]
fn paths_equal_the_recursion_for_every_pair_of_sizes() {
    let leaves = leaves(EVERY);
    let reference = Reference::new(leaves.clone());
    let tree = tree(&leaves);
    for new in 0..=EVERY {
        for old in 0..=new {
            let path = tree.prove_consistency(old as u64, new as u64).unwrap();
            assert_eq!(path, reference.consistency(old, new), "from {old} to {new}");
            let (from, to) = (reference.root(old), reference.root(new));
            let verdict = verify_consistency(old as u64, from, new as u64, to, &path);
            assert_eq!(verdict, Ok(()), "from {old} to {new}");
        }
    }
}

#[test]
fn paths_to_the_current_size_stay_right_as_the_log_grows() {
    let leaves = leaves(EVERY);
    let reference = Reference::new(leaves.clone());
    let mut tree = Tree::new();
    for (new, leaf) in (1..).zip(&leaves) {
        tree.push(*leaf).unwrap();
        for old in [1, new / 2, new - 1, new] {
            let path = tree.prove_consistency(old as u64, new as u64);
            assert_eq!(path, Ok(reference.consistency(old, new)), "from {old} to {new}");
        }
    }
}

#[test]
fn a_tree_proves_no_size_it_never_had() {
    let tree = tree(&leaves(5));
    let beyond = LogError::SizeOutOfRange { size: 6, max: 5 };
    assert_eq!(tree.prove_consistency(3, 6), Err(beyond));
    let shrinks = LogError::SizeShrinks { old: 4, new: 3 };
    assert_eq!(tree.prove_consistency(4, 3), Err(shrinks));
}

#[test]
fn from_size_zero_only_the_empty_path_is_right() {
    let root = tree(&leaves(7)).root();
    assert_eq!(verify_consistency(0, EMPTY_ROOT, 7, root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, &[]), Ok(()));
    let surplus = ProofError::PathTooLong { got: 1, want: 0 };
    assert_eq!(verify_consistency(0, EMPTY_ROOT, 7, root, &[root]), Err(surplus));
    assert_eq!(verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, &[root]), Err(surplus));
}

#[test]
fn equal_sizes_need_equal_roots_and_no_path() {
    let root = tree(&leaves(7)).root();
    assert_eq!(verify_consistency(7, root, 7, root, &[]), Ok(()));
    let surplus = ProofError::PathTooLong { got: 1, want: 0 };
    assert_eq!(verify_consistency(7, root, 7, root, &[root]), Err(surplus));
    for size in [0, 1, 7, 8, MAX_SIZE] {
        let other = ProofError::RootMismatch { got: root, want: B256::ZERO };
        assert_eq!(verify_consistency(size, root, size, B256::ZERO, &[]), Err(other));
    }
}

#[test]
fn shrunk_and_absurd_sizes_are_refused() {
    let tree = tree(&leaves(13));
    for (old, new) in [(13, 12), (1, 0), (8, 4), (u64::MAX, 13)] {
        let want = ProofError::SizeShrinks { old, new };
        let path = [tree.root()];
        assert_eq!(verify_consistency(old, tree.root(), new, tree.root(), &path), Err(want));
        assert_eq!(verify_consistency(old, tree.root(), new, tree.root(), &[]), Err(want));
    }
    for size in [MAX_SIZE + 1, u64::MAX] {
        let want = ProofError::SizeTooLarge { size };
        assert_eq!(verify_consistency(13, tree.root(), size, tree.root(), &[]), Err(want));
        assert_eq!(verify_consistency(size, tree.root(), size, tree.root(), &[]), Err(want));
    }
}

/// Calls `check` with every growth up to `SMALL` that has something to prove.
fn for_each_growth(tree: &Tree, check: impl Fn(Growth)) {
    for new in 1..=SMALL {
        for old in 1..new {
            check(Growth {
                old,
                new,
                from: tree.root_at(old).unwrap(),
                to: tree.root_at(new).unwrap(),
                path: tree.prove_consistency(old, new).unwrap(),
            });
        }
    }
}

#[derive(Clone)]
struct Growth {
    old: u64,
    new: u64,
    from: B256,
    to: B256,
    path: Vec<B256>,
}

impl Growth {
    fn verify(&self) -> Result<(), ProofError> {
        verify_consistency(self.old, self.from, self.new, self.to, &self.path)
    }
}

#[test]
fn missing_and_surplus_nodes_are_refused() {
    for_each_growth(&tree(&leaves(SMALL as usize)), |growth| {
        let want = growth.path.len();
        for at in 0..want {
            let mut short = growth.clone();
            short.path.remove(at);
            let error = ProofError::PathTooShort { got: want - 1, want };
            assert_eq!(short.verify(), Err(error));
        }
        for at in 0..=want {
            let mut long = growth.clone();
            long.path.insert(at, growth.from);
            let error = ProofError::PathTooLong { got: want + 1, want };
            assert_eq!(long.verify(), Err(error));
        }
    });
}

/// A verifier that prepends the old root itself must not take one from the path as well.
#[test]
fn the_old_root_is_surplus_if_the_old_size_is_a_power_of_two() {
    let tree = tree(&leaves(13));
    let old_root = tree.root_at(8).unwrap();
    let mut path = tree.prove_consistency(8, 13).unwrap();
    assert_eq!(verify_consistency(8, old_root, 13, tree.root(), &path), Ok(()));
    path.insert(0, old_root);
    let want = ProofError::PathTooLong { got: 2, want: 1 };
    assert_eq!(verify_consistency(8, old_root, 13, tree.root(), &path), Err(want));
}

#[test]
fn swapped_nodes_are_refused() {
    for_each_growth(&tree(&leaves(SMALL as usize)), |growth| {
        for (first, second) in pairs(growth.path.len()) {
            let mut swapped = growth.clone();
            swapped.path.swap(first, second);
            let (old, new) = (growth.old, growth.new);
            assert!(swapped.verify().is_err(), "{first} and {second} from {old} to {new}");
        }
    });
}

#[test]
fn every_spoilt_node_is_refused() {
    for_each_growth(&tree(&leaves(SMALL as usize)), |growth| {
        for at in 0..growth.path.len() {
            let mut spoilt = growth.clone();
            spoilt.path[at] = flip(growth.path[at], at * 37 % 256);
            let (old, new) = (growth.old, growth.new);
            assert!(spoilt.verify().is_err(), "node {at} from {old} to {new}");
        }
    });
}

#[test]
fn every_flipped_bit_is_refused() {
    let tree = tree(&leaves(13));
    for old in [5, 8, 11, 12] {
        let from = tree.root_at(old).unwrap();
        let path = tree.prove_consistency(old, 13).unwrap();
        for bit in 0..256 {
            let old_root = verify_consistency(old, flip(from, bit), 13, tree.root(), &path);
            let new_root = verify_consistency(old, from, 13, flip(tree.root(), bit), &path);
            assert!(old_root.is_err(), "bit {bit} of the root of {old}");
            assert!(matches!(new_root, Err(ProofError::RootMismatch { .. })), "bit {bit}");
            for node in 0..path.len() {
                let mut flipped = path.clone();
                flipped[node] = flip(path[node], bit);
                let verdict = verify_consistency(old, from, 13, tree.root(), &flipped);
                assert!(verdict.is_err(), "bit {bit} of node {node} from {old}");
            }
        }
    }
}

/// Two logs that part at leaf `at` have no growth in common that starts after it.
#[test]
fn a_rewritten_history_is_refused() {
    let honest = leaves(SMALL as usize);
    for at in 0..SMALL {
        let mut forged = honest.clone();
        forged[at as usize] = leaf_hash(b"forged");
        let (honest, forged) = (tree(&honest), tree(&forged));
        for old in at + 1..SMALL {
            let from = honest.root_at(old).unwrap();
            for source in [&honest, &forged] {
                let path = source.prove_consistency(old, SMALL).unwrap();
                let verdict = verify_consistency(old, from, SMALL, forged.root(), &path);
                assert!(verdict.is_err(), "leaf {at} rewritten after size {old}");
            }
        }
    }
}

#[test]
fn errors_name_the_root_that_differs() {
    let tree = tree(&leaves(13));
    let (from, to) = (tree.root_at(6).unwrap(), tree.root());
    let path = tree.prove_consistency(6, 13).unwrap();
    let other = B256::repeat_byte(3);
    let old = ProofError::OldRootMismatch { got: from, want: other };
    assert_eq!(verify_consistency(6, other, 13, to, &path), Err(old));
    let new = ProofError::RootMismatch { got: to, want: other };
    assert_eq!(verify_consistency(6, from, 13, other, &path), Err(new));
}

/// An attack that verification alone does not stop: the old root is honest, everything to the right
/// of it is invented, and the log seems to have grown from 13 leaves to the largest size. Nobody
/// could ever append again. What stops it is a bound on growth where checkpoints are accepted.
#[test]
fn invented_nodes_prove_growth_to_the_largest_size() {
    let tree = tree(&leaves(13));
    let leaf = tree.leaf(12).unwrap();
    let peaks = [tree.prove_inclusion(12, 13).unwrap()[0], tree.root_at(8).unwrap()];
    let invented = B256::repeat_byte(0xee);

    // Size 13 is peaks of height 3, 2 and 0. From leaf 12 upwards: its unwritten sibling, the node
    // over leaves 14 and 15, the two higher peaks, then the right half of each larger tree.
    let mut path = vec![leaf, invented, invented, peaks[0], peaks[1]];
    path.extend([invented; 59]);
    assert_eq!(path.len(), MAX_PATH);
    let mut new_root = node_hash(&leaf, &invented);
    new_root = node_hash(&new_root, &invented);
    new_root = node_hash(&peaks[1], &node_hash(&peaks[0], &new_root));
    for _ in 0..59 {
        new_root = node_hash(&new_root, &invented);
    }

    assert_eq!(verify_consistency(13, tree.root(), MAX_SIZE, new_root, &path), Ok(()));
    path.push(invented);
    let want = ProofError::PathTooLong { got: 65, want: 64 };
    assert_eq!(verify_consistency(13, tree.root(), MAX_SIZE, new_root, &path), Err(want));
}
