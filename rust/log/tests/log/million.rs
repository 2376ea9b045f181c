//! Random sizes up to 10^6, where a tree has many chunks and many peaks.

use std::sync::LazyLock;

use alloy_primitives::B256;
use fallow_log::{Frontier, Tree, verify_consistency, verify_inclusion};
use proptest::prelude::*;

use crate::reference::{leaves, referee, referee_path, tree};

const MILLION: usize = 1_000_000;

static LEAVES: LazyLock<Vec<B256>> = LazyLock::new(|| leaves(MILLION));
static TREE: LazyLock<Tree> = LazyLock::new(|| tree(&LEAVES));

proptest! {
    // Each case builds another tree of the random size: a second or two without optimisation.
    #![proptest_config(ProptestConfig { cases: 5, max_shrink_iters: 0, ..Default::default() })]

    #[test]
    fn roots_and_paths_equal_the_referee_at_random_sizes(
        size in 1..=MILLION,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 50),
    ) {
        let referee = referee(&LEAVES[..size]);
        let root = TREE.root_at(size as u64).unwrap();
        prop_assert_eq!(referee.root(), Some(root.0));
        for index in picks.iter().map(|pick| pick.index(size)).chain([0, size - 1]) {
            let path = TREE.prove_inclusion(index as u64, size as u64).unwrap();
            prop_assert_eq!(&path, &referee_path(&referee, index));
            let verdict = verify_inclusion(LEAVES[index], index as u64, size as u64, &path, root);
            prop_assert_eq!(verdict, Ok(()));
        }
    }
}

proptest! {
    #[test]
    fn growth_between_random_sizes_verifies(first in 0..=MILLION, second in 0..=MILLION) {
        let (old, new) = (first.min(second) as u64, first.max(second) as u64);
        let path = TREE.prove_consistency(old, new).unwrap();
        let (from, to) = (TREE.root_at(old).unwrap(), TREE.root_at(new).unwrap());
        prop_assert_eq!(verify_consistency(old, from, new, to, &path), Ok(()));
        prop_assert_eq!(verify_consistency(old, from, new, B256::ZERO, &path).is_ok(), old == 0);
    }
}

#[test]
fn frontier_and_tree_agree_at_a_million() {
    let mut frontier = Frontier::new();
    for leaf in LEAVES.iter() {
        frontier.push(*leaf).unwrap();
    }
    assert_eq!((frontier.size(), frontier.root()), (TREE.size(), TREE.root()));
}
