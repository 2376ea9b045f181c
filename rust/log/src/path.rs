//! Paths from leaves to the peaks of a frontier, which may lean on each other
//! (`docs/protocol.md` sections 4.4 and 4.6).
//!
//! Under one peak of height 3, after leaf 2 was proven by the path `[3, 0..2, 4..8]`:
//!
//! ```text
//!             0..8                      every node in a path that led to the peak is proven too,
//!           /      \                    and so are the leaf's own ancestors: 2, 2..4, 0..4
//!       0..4        4..8
//!      /    \      /    \               leaf 5 differs from leaf 2 in bit 2, so its path needs
//!    0..2  2..4  4..6   6..8            two nodes, [4, 6..8]: they lead to 4..8, which is proven
//!    / \   / \   / \    / \
//!   0   1 2   3 4   5  6   7
//! ```

use alloy_primitives::B256;

use crate::{Frontier, PathError, node_hash};

/// Proves leaves against the peaks of one frontier, one after the other. Pure: a path that does not
/// lead where it should changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChain {
    frontier: Frontier,
    last: Option<Proven>,
}

/// The leaf that was proven last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Proven {
    index: u64,
    /// By height, from 0 to below the peak: the leaf and its ancestors.
    ancestors: Vec<B256>,
    /// By height: the siblings of those.
    siblings: Vec<B256>,
}

impl PathChain {
    /// Nothing is proven yet.
    pub const fn new(frontier: Frontier) -> Self {
        Self { frontier, last: None }
    }

    /// Checks that `leaf` is at `index`. The path has as many nodes as the leaf's peak is high, or
    /// leads to the sibling of an ancestor of the leaf that was proven last; that sibling was proven
    /// with it.
    pub fn prove(&mut self, leaf: B256, index: u64, path: &[B256]) -> Result<(), PathError> {
        let height = height_below(self.frontier.size(), index)
            .ok_or(PathError { got: B256::ZERO, want: B256::ZERO })?;
        let peak = self.frontier.peaks().get(height).copied().unwrap_or_default();
        if path.len() == height {
            let (ancestors, got) = climb(leaf, index, path);
            check(got, peak)?;
            self.last = Some(Proven { index, ancestors, siblings: path.to_vec() });
            return Ok(());
        }
        let meeting = self.last.as_mut().and_then(|last| {
            let differ = highest_bit(last.index ^ index)?;
            (differ < height && path.len() == differ).then_some(last)
        });
        match meeting {
            Some(last) => last.lean(leaf, index, path),
            None => Err(PathError { got: B256::ZERO, want: peak }),
        }
    }
}

impl Proven {
    /// Moves on to the leaf at `index`, whose ancestor at the height of its path is this one's
    /// sibling there.
    fn lean(&mut self, leaf: B256, index: u64, path: &[B256]) -> Result<(), PathError> {
        let (ancestors, got) = climb(leaf, index, path);
        let height = path.len();
        check(got, self.siblings[height])?;
        // From the next height on both leaves have the same ancestors.
        self.siblings[height] = self.ancestors[height];
        self.ancestors[height] = got;
        self.siblings[..height].copy_from_slice(path);
        self.ancestors[..height].copy_from_slice(&ancestors);
        self.index = index;
        Ok(())
    }
}

/// The leaf and its ancestors below the node that the path leads to, and that node.
fn climb(leaf: B256, index: u64, path: &[B256]) -> (Vec<B256>, B256) {
    let mut ancestors = Vec::with_capacity(path.len());
    let top = (0_u32..).zip(path).fold(leaf, |node, (height, sibling)| {
        ancestors.push(node);
        // No path that is climbed has more than 63 nodes.
        if index.wrapping_shr(height) & 1 == 1 {
            node_hash(sibling, &node)
        } else {
            node_hash(&node, sibling)
        }
    });
    (ancestors, top)
}

/// Height of the peak that the leaf stands under; none if there is no such leaf.
fn height_below(size: u64, index: u64) -> Option<usize> {
    if index < size { highest_bit(index ^ size) } else { None }
}

/// Place of the highest bit that is set.
fn highest_bit(bits: u64) -> Option<usize> {
    bits.checked_ilog2().map(|place| place as usize)
}

fn check(got: B256, want: B256) -> Result<(), PathError> {
    if got == want { Ok(()) } else { Err(PathError { got, want }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tree, leaf_hash};
    use proptest::prelude::*;

    fn leaf(index: u64) -> B256 {
        leaf_hash(&index.to_be_bytes())
    }

    fn log(size: u64) -> (Tree, Frontier) {
        let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
        for index in 0..size {
            tree.push(leaf(index)).unwrap();
            frontier.push(leaf(index)).unwrap();
        }
        (tree, frontier)
    }

    /// The first `h` nodes of the inclusion path.
    fn full(tree: &Tree, index: u64) -> Vec<B256> {
        let mut path = tree.prove_inclusion(index, tree.size()).unwrap();
        path.truncate(height_below(tree.size(), index).unwrap());
        path
    }

    fn refused(chain: &PathChain, leaf: B256, index: u64, path: &[B256]) -> PathError {
        let mut after = chain.clone();
        let error = after.prove(leaf, index, path).unwrap_err();
        assert_eq!(&after, chain, "a refused path changes nothing");
        error
    }

    #[test]
    fn a_full_path_leads_to_the_peak_of_its_leaf() {
        for size in 1..70 {
            let (tree, frontier) = log(size);
            for index in 0..size {
                let mut chain = PathChain::new(frontier.clone());
                assert_eq!(chain.prove(leaf(index), index, &full(&tree, index)), Ok(()));
            }
        }
    }

    #[test]
    fn there_is_no_leaf_at_the_size_or_above() {
        let (tree, frontier) = log(6);
        let chain = PathChain::new(frontier);
        for index in [6, 7, u64::MAX] {
            let got = refused(&chain, leaf(5), index, &full(&tree, 5));
            assert_eq!(got, PathError { got: B256::ZERO, want: B256::ZERO });
        }
        let empty = PathChain::new(Frontier::new());
        assert_eq!(refused(&empty, leaf(0), 0, &[]).want, B256::ZERO);
    }

    #[test]
    fn a_path_of_another_length_leads_to_nothing() {
        let (tree, frontier) = log(8);
        let peak = frontier.peaks()[3];
        let chain = PathChain::new(frontier);
        let path = full(&tree, 2);
        let long = [&path[..], &[B256::ZERO]].concat();
        for path in [&path[..2], &path[..0], &long, &[B256::ZERO; 100]] {
            let want = PathError { got: B256::ZERO, want: peak };
            assert_eq!(refused(&chain, leaf(2), 2, path), want);
        }
    }

    #[test]
    fn a_wrong_node_leads_elsewhere() {
        let (tree, frontier) = log(8);
        let (peak, chain) = (frontier.peaks()[3], PathChain::new(frontier));
        let path = full(&tree, 2);
        for height in 0..3 {
            let mut wrong = path.clone();
            wrong[height].0[31] ^= 1;
            let error = refused(&chain, leaf(2), 2, &wrong);
            assert_eq!(error.want, peak);
            assert_ne!(error.got, peak);
            assert_ne!(error.got, B256::ZERO);
        }
        assert_eq!(refused(&chain, leaf(3), 2, &path).want, peak);
        assert_eq!(refused(&chain, leaf(2), 3, &path).want, peak);
    }

    #[test]
    fn a_leaning_path_ends_at_the_sibling() {
        let (tree, frontier) = log(8);
        let mut chain = PathChain::new(frontier);
        let (second, fifth) = (full(&tree, 2), full(&tree, 5));
        let nothing_to_lean_on = refused(&chain, leaf(5), 5, &fifth[..2]);
        assert_eq!(nothing_to_lean_on.got, B256::ZERO);
        assert_eq!(chain.prove(leaf(2), 2, &second), Ok(()));
        // The other lengths are not those where the two meet; the same leaf never leans on itself.
        for length in [0, 1] {
            assert_eq!(refused(&chain, leaf(5), 5, &fifth[..length]).got, B256::ZERO);
            assert_eq!(refused(&chain, leaf(2), 2, &second[..length]).got, B256::ZERO);
        }
        let error = refused(&chain, leaf(4), 5, &fifth[..2]);
        assert_eq!(error.want, second[2], "the sibling, not the peak");
        assert_eq!(chain.prove(leaf(5), 5, &fifth[..2]), Ok(()));
        // Now the leaning path is the one to lean on, at each height.
        assert_eq!(chain.prove(leaf(4), 4, &[]), Ok(()));
        assert_eq!(chain.prove(leaf(6), 6, &full(&tree, 6)[..1]), Ok(()));
        assert_eq!(chain.prove(leaf(0), 0, &full(&tree, 0)[..2]), Ok(()));
        assert_eq!(chain.prove(leaf(2), 2, &second[..1]), Ok(()));
        assert_eq!(chain.prove(leaf(2), 2, &second), Ok(()), "a full path always does");
    }

    #[test]
    fn nothing_leans_across_peaks() {
        // Peaks of heights 3 and 2: leaves 7 and 8 differ in bit 3.
        let (tree, frontier) = log(12);
        let (first, second) = (frontier.peaks()[3], frontier.peaks()[2]);
        let mut chain = PathChain::new(frontier);
        chain.prove(leaf(7), 7, &full(&tree, 7)).unwrap();
        for length in [0, 1, 3] {
            let path = vec![first; length];
            let want = PathError { got: B256::ZERO, want: second };
            assert_eq!(refused(&chain, leaf(8), 8, &path), want);
        }
        assert_eq!(chain.prove(leaf(8), 8, &full(&tree, 8)), Ok(()));
    }

    proptest! {
        /// Any order of leaves: the shortest path that leans is taken, and so is the full one;
        /// with one bit of the leaf or of a node changed neither is.
        #[test]
        fn paths_lean_in_any_order(
            size in 1_u64..300,
            steps in proptest::collection::vec((any::<u64>(), any::<bool>(), any::<u16>()), 1..60),
        ) {
            let (tree, frontier) = log(size);
            let mut chain = PathChain::new(frontier);
            let mut last: Option<u64> = None;
            for (number, leans, fault) in steps {
                let index = number % size;
                let mut path = full(&tree, index);
                let height = path.len();
                let same_peak = last.is_some_and(|last| {
                    height_below(size, last) == Some(height) && last >> height == index >> height
                });
                if let (true, true, Some(differ)) =
                    (leans, same_peak, last.and_then(|last| highest_bit(last ^ index)))
                {
                    path.truncate(differ);
                }
                let mut nodes = [&[leaf(index)], &path[..]].concat();
                let (node, bit) = (usize::from(fault) / 256 % nodes.len(), fault % 256);
                nodes[node].0[usize::from(bit / 8)] ^= 1 << (bit % 8);
                refused(&chain, nodes[0], index, &nodes[1..]);
                prop_assert_eq!(chain.prove(leaf(index), index, &path), Ok(()));
                last = Some(index);
            }
        }
    }
}
