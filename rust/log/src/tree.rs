//! The whole log in memory: every complete subtree, so that any proof at any size can be made.
//!
//! Nodes lie in one flat array in the order in which they become complete, children before their
//! parent. Appending only ever adds at the end, a node never moves, and the lower part of a path
//! lies close together:
//!
//! ```text
//!            6                  height 2
//!        2       5              height 1
//!      0   1   3   4   7        height 0: leaves 0 to 4
//! ```

use std::{fmt, sync::OnceLock};

use alloy_primitives::B256;

use crate::{
    LogError, MAX_SIZE, TILE_WIDTH, TileId, hash::fold_peaks, node_hash, span, tile::TILE_HEIGHT,
};

/// Hashes in a chunk of the array: 64 KiB. Chunks are filled to the last place and never copied, so
/// growing costs neither time nor memory, as doubling one vector would. Below the 128 KiB from which
/// glibc gives each block pages of its own.
const CHUNK: usize = 2048;

/// An append-only Merkle tree with all its complete subtrees: 64 bytes per leaf.
#[derive(Clone, Default)]
pub struct Tree {
    size: u64,
    /// All full but the last.
    chunks: Vec<Vec<B256>>,
    /// Folds of the peaks of the current size, from the right: entry `k` is the root over the `k + 1`
    /// lowest peaks. Every path at the current size ends on one of them and they cost several hashes,
    /// so the first proof after an append keeps them for the next ones.
    edge: OnceLock<Vec<B256>>,
}

impl Tree {
    /// The empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf and returns its index. Costs one hash on average.
    pub fn push(&mut self, leaf: B256) -> Result<u64, LogError> {
        let index = self.size;
        let size = index.checked_add(1).filter(|size| *size <= MAX_SIZE).ok_or(LogError::Full)?;
        self.edge = OnceLock::new();
        self.append(leaf);
        let mut node = leaf;
        // Each trailing one of the index is a complete left sibling that waited for this leaf.
        for height in 0..index.trailing_ones() {
            let sibling = index.wrapping_shr(height) ^ 1;
            node = node_hash(&self.complete(sibling, height), &node);
            self.append(node);
        }
        self.size = size;
        Ok(index)
    }

    /// How many leaves the log has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hash of a leaf, if there is one of that index.
    pub fn leaf(&self, index: u64) -> Option<B256> {
        (index < self.size).then(|| self.complete(index, 0))
    }

    /// The root of the log.
    pub fn root(&self) -> B256 {
        self.subtree(0, self.size)
    }

    /// The root the log had when it had `size` leaves.
    pub fn root_at(&self, size: u64) -> Result<B256, LogError> {
        self.check_size(size)?;
        Ok(self.subtree(0, size))
    }

    /// The path from the leaf `index` to the root of the first `size` leaves, lowest node first
    /// (RFC 9162 section 2.1.3.1).
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<B256>, LogError> {
        self.check_size(size)?;
        if index >= size {
            return Err(LogError::IndexOutOfRange { index, size });
        }
        let mut path = Vec::with_capacity(path_capacity(size));
        span::of_inclusion(index, size, |start, end| path.push(self.subtree(start, end)));
        Ok(path)
    }

    /// The nodes that show that the first `new` leaves begin with the first `old` ones (RFC 9162
    /// section 2.1.4.1). Empty if the sizes are equal or `old` is 0.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<B256>, LogError> {
        self.check_size(new)?;
        if old > new {
            return Err(LogError::SizeShrinks { old, new });
        }
        let mut path = Vec::with_capacity(path_capacity(new));
        span::of_consistency(old, new, |start, end| path.push(self.subtree(start, end)));
        path.reverse();
        Ok(path)
    }

    /// A tile of the log, of any width that is there (`docs/protocol.md` section 18).
    pub fn tile(&self, id: TileId) -> Result<Vec<B256>, LogError> {
        let height = TILE_HEIGHT.saturating_mul(id.level.into());
        let first = id.index.saturating_mul(TILE_WIDTH.into());
        let end = first.saturating_add(id.width.into());
        if end > self.size.checked_shr(height).unwrap_or(0) {
            let size = end.saturating_mul(1_u64.checked_shl(height).unwrap_or(u64::MAX));
            return Err(LogError::SizeOutOfRange { size, max: self.size });
        }
        Ok((first..end).map(|node| self.complete(node, height)).collect())
    }

    fn check_size(&self, size: u64) -> Result<(), LogError> {
        if size > self.size {
            return Err(LogError::SizeOutOfRange { size, max: self.size });
        }
        Ok(())
    }

    /// Root over the leaves `start..end`, a node of the tree of size `end` or one of its complete
    /// subtrees; hashes only where that node is not stored.
    fn subtree(&self, start: u64, end: u64) -> B256 {
        let leaves = end.saturating_sub(start);
        if leaves.is_power_of_two() {
            let height = leaves.trailing_zeros();
            return self.complete(start.wrapping_shr(height), height);
        }
        let peaks = leaves.count_ones() as usize;
        if end == self.size && peaks > 1 {
            return self.edge.get_or_init(|| self.folds())[peaks.saturating_sub(1)];
        }
        fold_peaks(self.peaks(start, end), |_| ())
    }

    fn folds(&self) -> Vec<B256> {
        let mut folds = Vec::with_capacity(self.size.count_ones() as usize);
        fold_peaks(self.peaks(0, self.size), |fold| folds.push(fold));
        folds
    }

    /// The peaks over the leaves `start..end`, from the right edge leftwards.
    fn peaks(&self, start: u64, end: u64) -> impl Iterator<Item = B256> {
        span::peaks(start, end).map(|(node, height)| self.complete(node, height))
    }

    /// The node over the leaves `index << height .. (index + 1) << height`, which must exist.
    fn complete(&self, index: u64, height: u32) -> B256 {
        // When leaf l was appended there were 2 l - ones(l) nodes: every leaf before it, and a node
        // for each but one of the leaves under each peak. The node follows the last leaf below it,
        // after that leaf's ancestors up to it. Nothing here overflows below MAX_SIZE.
        let last = index.wrapping_shl(height) | !u64::MAX.wrapping_shl(height);
        let before = last.wrapping_mul(2).wrapping_sub(u64::from(last.count_ones()));
        let place = usize::try_from(before.wrapping_add(u64::from(height)))
            .expect("a node that was appended has a place in memory");
        self.chunks[place / CHUNK][place % CHUNK]
    }

    fn append(&mut self, node: B256) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(node),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(node);
                self.chunks.push(chunk);
            }
        }
    }
}

impl fmt::Debug for Tree {
    // Not the nodes: a log has millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("size", &self.size).finish_non_exhaustive()
    }
}

/// No path of a tree of this size has more nodes than this.
const fn path_capacity(size: u64) -> usize {
    u64::BITS.saturating_sub(size.leading_zeros()).saturating_add(1) as usize
}
