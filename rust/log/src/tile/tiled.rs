//! Proofs of a log that is only there as tiles.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use alloy_primitives::B256;
use thiserror::Error;

use super::{TILE_HEIGHT, TileId, fold};
use crate::{LogError, hash::fold_peaks, span};

/// Whatever gives out tiles: files, a store, a server.
///
/// Nothing that it gives is believed to be the log: what is computed from it has to be compared with
/// a certified root.
pub trait TileSource {
    /// Why a tile cannot be had.
    type Error;

    /// The `id.width` hashes of a tile.
    ///
    /// # Errors
    /// When the tile is not there or cannot be read.
    fn tile(&self, id: TileId) -> Result<Vec<B256>, Self::Error>;

    /// The root over `2^height` hashes of a tile from `first` on, if the source keeps such roots;
    /// else they are hashed again for every proof. `height` is 1 to 7, and the tile has the hashes.
    ///
    /// # Errors
    /// As [`Self::tile`].
    fn inner(&self, _id: TileId, _first: u8, _height: u32) -> Result<Option<B256>, Self::Error> {
        Ok(None)
    }
}

impl<S: TileSource + ?Sized> TileSource for &S {
    type Error = S::Error;

    fn tile(&self, id: TileId) -> Result<Vec<B256>, S::Error> {
        (**self).tile(id)
    }

    fn inner(&self, id: TileId, first: u8, height: u32) -> Result<Option<B256>, S::Error> {
        (**self).inner(id, first, height)
    }
}

/// Why a log of tiles cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileError<E> {
    /// The question is about something that the log does not have.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The source did not give a tile.
    #[error("tile `{}` cannot be had", id.path())]
    Source {
        /// The tile.
        id: TileId,
        /// Why.
        #[source]
        source: E,
    },
    /// The source gave fewer or more hashes than the tile has.
    #[error("tile `{}` has {got} hashes, expected {}", id.path(), id.width)]
    Width {
        /// The tile.
        id: TileId,
        /// How many hashes there were.
        got: usize,
    },
}

/// A log of some size, read from its tiles: of every level at most the tiles that an answer needs,
/// and never another partial one than the last of that size.
///
/// ```
/// use fallow_log::{TileEdge, TiledLog, Tree, leaf_hash, verify_inclusion};
///
/// let (mut tree, mut edge) = (Tree::new(), TileEdge::new());
/// for record in 0..1000_u32 {
///     let leaf = leaf_hash(&record.to_be_bytes());
///     tree.push(leaf)?;
///     edge.push(leaf)?;
/// }
/// let written: Vec<String> = edge.drain_full().iter().map(|(id, _)| id.path()).collect();
/// assert_eq!(written, ["tile/0/000", "tile/0/001", "tile/0/002"]);
/// assert_eq!(edge.partials()[0].0.path(), "tile/0/003.p/232");
///
/// // Whatever gives out tiles can be asked for proofs: files, a server, here the whole tree.
/// let log = TiledLog::new(1000, &tree);
/// let path = log.prove_inclusion(513, 1000)?;
/// verify_inclusion(tree.leaf(513).unwrap(), 513, 1000, &path, tree.root())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TiledLog<S> {
    size: u64,
    source: S,
}

impl<S: TileSource> TiledLog<S> {
    /// The log of `size` leaves whose tiles `source` has.
    pub const fn new(size: u64, source: S) -> Self {
        Self { size, source }
    }

    /// How many leaves the log has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hash of a leaf.
    ///
    /// # Errors
    /// When there is none of that index, or the source fails.
    pub fn leaf(&self, index: u64) -> Result<B256, TileError<S::Error>> {
        self.check_index(index, self.size)?;
        self.reader().node(index, 0)
    }

    /// The root the log had when it had `size` leaves.
    ///
    /// # Errors
    /// When it has fewer, or the source fails.
    pub fn root_at(&self, size: u64) -> Result<B256, TileError<S::Error>> {
        self.check_size(size)?;
        self.reader().subtree(0, size)
    }

    /// The path from the leaf `index` to the root of the first `size` leaves, as
    /// [`Tree::prove_inclusion`](crate::Tree::prove_inclusion) makes it.
    ///
    /// # Errors
    /// When there is no such leaf, or the source fails.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<B256>, TileError<S::Error>> {
        self.check_size(size)?;
        self.check_index(index, size)?;
        let mut spans = Vec::new();
        span::of_inclusion(index, size, |start, end| spans.push((start, end)));
        self.read(&spans)
    }

    /// The nodes that show that the first `new` leaves begin with the first `old` ones, as
    /// [`Tree::prove_consistency`](crate::Tree::prove_consistency) makes them.
    ///
    /// # Errors
    /// When the log has no such sizes, or the source fails.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<B256>, TileError<S::Error>> {
        self.check_size(new)?;
        if old > new {
            return Err(LogError::SizeShrinks { old, new }.into());
        }
        let mut spans = Vec::new();
        span::of_consistency(old, new, |start, end| spans.push((start, end)));
        spans.reverse();
        self.read(&spans)
    }

    fn read(&self, spans: &[(u64, u64)]) -> Result<Vec<B256>, TileError<S::Error>> {
        let mut reader = self.reader();
        spans.iter().map(|(start, end)| reader.subtree(*start, *end)).collect()
    }

    const fn reader(&self) -> Reader<'_, S> {
        Reader { log: self, tiles: BTreeMap::new() }
    }

    const fn check_size(&self, size: u64) -> Result<(), LogError> {
        if size > self.size {
            return Err(LogError::SizeOutOfRange { size, max: self.size });
        }
        Ok(())
    }

    const fn check_index(&self, index: u64, size: u64) -> Result<(), LogError> {
        if index >= size {
            return Err(LogError::IndexOutOfRange { index, size });
        }
        Ok(())
    }
}

/// Reads each tile once for one answer.
struct Reader<'a, S> {
    log: &'a TiledLog<S>,
    tiles: BTreeMap<TileId, Vec<B256>>,
}

impl<S: TileSource> Reader<'_, S> {
    /// Root over the leaves `start..end`, a node of the tree of size `end`.
    fn subtree(&mut self, start: u64, end: u64) -> Result<B256, TileError<S::Error>> {
        let nodes = span::peaks(start, end).map(|(node, height)| self.node(node, height));
        let nodes: Vec<B256> = nodes.collect::<Result<_, _>>()?;
        Ok(fold_peaks(nodes.into_iter(), |_| ()))
    }

    /// The node over the leaves `node << height .. (node + 1) << height`, all of which are there.
    fn node(&mut self, node: u64, height: u32) -> Result<B256, TileError<S::Error>> {
        let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(u8::MAX);
        let above = height % TILE_HEIGHT;
        let first = node.wrapping_shl(above);
        let (index, size) = (node.wrapping_shl(height), self.log.size);
        let id = TileId::holding(level, first, size);
        let id = id.ok_or(LogError::IndexOutOfRange { index, size })?;
        let from = first.to_be_bytes()[7]; // its place among 256
        if above > 0 {
            let inner = self.log.source.inner(id, from, above);
            if let Some(root) = inner.map_err(|source| TileError::Source { id, source })? {
                return Ok(root);
            }
        }
        let hashes = self.tile(id)?;
        let from = usize::from(from);
        let to = from.saturating_add(1_usize.wrapping_shl(above));
        // The node is complete, so the tile reaches as far: its width was checked.
        Ok(fold(&hashes[from..to]))
    }

    fn tile(&mut self, id: TileId) -> Result<&[B256], TileError<S::Error>> {
        if !self.tiles.contains_key(&id) {
            self.tiles.insert(id, read_tile(&self.log.source, id)?);
        }
        Ok(&self.tiles[&id])
    }
}

/// A tile of exactly its width.
pub(super) fn read_tile<S: TileSource>(
    source: S,
    id: TileId,
) -> Result<Vec<B256>, TileError<S::Error>> {
    let hashes = source.tile(id).map_err(|source| TileError::Source { id, source })?;
    if hashes.len() != usize::from(id.width) {
        return Err(TileError::Width { id, got: hashes.len() });
    }
    Ok(hashes)
}

/// The tiles that an answer about a log of `size` leaves needs, so that a reader over a network can
/// fetch them all at once.
///
/// ```
/// use fallow_log::needed_tiles;
///
/// let tiles = needed_tiles(1000, |log| log.prove_inclusion(513, 1000).map(|_| ()))?;
/// let paths: Vec<String> = tiles.iter().map(|id| id.path()).collect();
/// assert_eq!(paths, ["tile/0/002", "tile/0/003.p/232", "tile/1/000.p/3"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the log cannot answer at all.
pub fn needed_tiles(
    size: u64,
    ask: impl FnOnce(&TiledLog<&Needed>) -> Result<(), TileError<Infallible>>,
) -> Result<Vec<TileId>, TileError<Infallible>> {
    let needed = Needed::default();
    ask(&TiledLog::new(size, &needed))?;
    let mut tiles = needed.0.into_inner();
    tiles.sort_unstable();
    tiles.dedup();
    Ok(tiles)
}

/// Notes which tiles are asked for: which ones does not depend on what is in them.
#[derive(Debug, Default)]
pub struct Needed(RefCell<Vec<TileId>>);

impl TileSource for Needed {
    type Error = Infallible;

    fn tile(&self, id: TileId) -> Result<Vec<B256>, Infallible> {
        self.0.borrow_mut().push(id);
        Ok(vec![B256::ZERO; id.width.into()])
    }
}
