//! The nodes inside of a tile, so that a proof is looked up, not hashed again.

use alloy_primitives::B256;
use fallow_log::{TILE_WIDTH, node_hash};

/// Height of a full tile.
const HEIGHT: u32 = TILE_WIDTH.ilog2();

/// The hashes of a tile, and all complete subtrees above them: 16 KiB if it is full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nodes {
    /// By height.
    levels: Vec<Vec<B256>>,
}

impl Nodes {
    pub(super) fn new(hashes: Vec<B256>) -> Self {
        let mut levels = vec![hashes];
        for _ in 0..HEIGHT {
            let below = levels.last().map_or(&[][..], Vec::as_slice);
            let above = below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1]));
            let above = above.collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The tile's own hashes.
    pub(super) fn hashes(&self) -> &[B256] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The root over `2^height` hashes from `first` on, if they are there.
    pub(super) fn inner(&self, first: usize, height: u32) -> Option<B256> {
        let level = self.levels.get(usize::try_from(height).ok()?)?;
        level.get(first.checked_shr(height)?).copied()
    }

    /// The root over a full tile.
    pub(super) fn root(&self) -> Option<B256> {
        self.inner(0, HEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fallow_log::Frontier;

    fn hashes(count: u8) -> Vec<B256> {
        (0..count).map(B256::repeat_byte).collect()
    }

    fn root(hashes: &[B256]) -> B256 {
        let mut frontier = Frontier::new();
        for hash in hashes {
            frontier.push(*hash).unwrap();
        }
        frontier.root()
    }

    #[test]
    fn every_complete_subtree_has_its_root_and_no_other_has_one() {
        let hashes = hashes(77);
        let nodes = Nodes::new(hashes.clone());
        for height in 0..=8 {
            for first in (0..256).step_by(1 << height) {
                let want = hashes.get(first..first + (1 << height)).map(root);
                assert_eq!(nodes.inner(first, height), want, "{first} at {height}");
            }
        }
        assert_eq!(nodes.root(), None);
    }

    #[test]
    fn a_full_tile_has_a_root() {
        let hashes = [hashes(255), hashes(1)].concat();
        assert_eq!(Nodes::new(hashes.clone()).root(), Some(root(&hashes)));
    }
}
