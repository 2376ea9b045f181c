//! The tiles that are not full yet, kept while leaves are appended.

use alloy_primitives::B256;

use super::tiled::read_tile;
use super::{TILE_HEIGHT, TILE_WIDTH, TileError, TileId, TileSource, fold};
use crate::{LogError, MAX_SIZE, hash::fold_peaks, span};

/// The right edge of a log of tiles: all that appending needs, and the tiles that became full since
/// they were last drained.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TileEdge {
    size: u64,
    /// The partial tile of each level, lowest first; fewer than 256 hashes each.
    levels: Vec<Vec<B256>>,
    full: Vec<(TileId, Vec<B256>)>,
}

impl TileEdge {
    /// The edge of the empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of the log of `size` leaves: reads its partial tiles, which have to be checked by
    /// comparing [`Self::root`].
    ///
    /// # Errors
    /// When the size is above [`MAX_SIZE`], or the source fails.
    pub fn resume<S: TileSource>(size: u64, source: S) -> Result<Self, TileError<S::Error>> {
        if size > MAX_SIZE {
            return Err(LogError::SizeOutOfRange { size, max: MAX_SIZE }.into());
        }
        let mut edge = Self { size, ..Self::default() };
        for id in TileId::partials(size) {
            let level = usize::from(id.level);
            edge.levels.resize(level, Vec::new());
            edge.levels.push(read_tile(&source, id)?);
        }
        Ok(edge)
    }

    /// Appends a leaf and returns its index. Costs one hash on average, 255 at the end of a tile.
    ///
    /// # Errors
    /// When the log is full.
    pub fn push(&mut self, leaf: B256) -> Result<u64, LogError> {
        let index = self.size;
        self.size = index.checked_add(1).filter(|size| *size <= MAX_SIZE).ok_or(LogError::Full)?;
        let mut node = leaf;
        for level in 0.. {
            match self.append(level, node) {
                Some(full) => node = full,
                None => break,
            }
        }
        Ok(index)
    }

    /// Appends a node to a level; gives the root of the level's tile if that is full now.
    fn append(&mut self, level: u8, node: B256) -> Option<B256> {
        let at = usize::from(level);
        if self.levels.len() <= at {
            self.levels.push(Vec::with_capacity(TILE_WIDTH.into()));
        }
        self.levels[at].push(node);
        if self.levels[at].len() < usize::from(TILE_WIDTH) {
            return None;
        }
        let hashes = std::mem::take(&mut self.levels[at]);
        let root = fold(&hashes);
        // The last node of the level is the last of this tile.
        let last = super::nodes_of(level, self.size).saturating_sub(1);
        let index = last.wrapping_shr(TILE_HEIGHT);
        self.full.push((TileId { level, index, width: TILE_WIDTH }, hashes));
        Some(root)
    }

    /// How many leaves the log has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the log.
    #[must_use]
    pub fn root(&self) -> B256 {
        let peaks = self.levels.iter().flat_map(|hashes| {
            let width = hashes.len() as u64;
            span::peaks(0, width).map(|(node, height)| {
                let from = usize::try_from(node.wrapping_shl(height)).unwrap_or(usize::MAX);
                fold(&hashes[from..from.saturating_add(1_usize.wrapping_shl(height))])
            })
        });
        fold_peaks(peaks, |_| ())
    }

    /// The tiles that became full since this was last asked, each level's in ascending order.
    pub fn drain_full(&mut self) -> Vec<(TileId, Vec<B256>)> {
        std::mem::take(&mut self.full)
    }

    /// The partial tiles, at most one a level, lowest first.
    #[must_use]
    pub fn partials(&self) -> Vec<(TileId, Vec<B256>)> {
        let hashes = |id: &TileId| self.levels[usize::from(id.level)].clone();
        TileId::partials(self.size).map(|id| (id, hashes(&id))).collect()
    }
}
