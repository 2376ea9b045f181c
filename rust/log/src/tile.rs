//! The log as files of 256 hashes that never change once they are full (`docs/protocol.md`
//! section 18), named as C2SP tlog-tiles names them.
//!
//! Level `L` holds the nodes of height `8 L`; every full tile becomes one hash of the level above.
//! A log of 66 000 leaves:
//!
//! ```text
//! level 2   tile/2/000.p/1                            65 536 leaves below its only hash
//! level 1   tile/1/000        tile/1/001.p/1          257 hashes: one for each full tile below
//! level 0   tile/0/000  ...   tile/0/256   tile/0/257.p/208
//! ```

mod edge;
mod tiled;

pub use edge::TileEdge;
pub use tiled::{Needed, TileError, TileSource, TiledLog, needed_tiles};

use alloy_primitives::B256;

use crate::{LogError, MAX_SIZE, Tree, node_hash};

/// Hashes of a full tile, and entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels that a tile spans: `2^8` hashes.
pub(crate) const TILE_HEIGHT: u32 = TILE_WIDTH.ilog2();
/// Levels of tiles that a log of [`MAX_SIZE`] leaves has.
pub const TILE_LEVELS: u8 = 8;

/// Which tile, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Its hashes are the nodes of height `8 x level`; below [`TILE_LEVELS`].
    pub level: u8,
    /// Its first hash is the node `256 x index` of that height.
    pub index: u64,
    /// How many hashes it has: 256 if it is full, else 1 to 255.
    pub width: u16,
}

/// Which bundle of entries, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleId {
    /// Its first entry is that of record `256 x index`.
    pub index: u64,
    /// How many entries it has: 256 if it is full, else 1 to 255.
    pub width: u16,
}

/// A path that names no tile and no bundle, or not in the one form there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path of a tile or bundle")]
pub struct TilePathError(String);

/// A file of another length than its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("tile `{}` has {got} bytes, expected {}", id.path(), usize::from(id.width).saturating_mul(32))]
pub struct TileLengthError {
    /// The tile.
    pub id: TileId,
    /// How many bytes there were.
    pub got: usize,
}

impl TileId {
    /// The tile that holds a node of a level (the node of height `8 x level`) in a log of `size`
    /// leaves, if the log has that node.
    #[must_use]
    pub fn holding(level: u8, node: u64, size: u64) -> Option<Self> {
        let nodes = nodes_of(level, size);
        let index = node.wrapping_shr(TILE_HEIGHT);
        (node < nodes).then(|| Self { level, index, width: width_at(index, nodes) })
    }

    /// All tiles of a level in a log of `size` leaves; the last one may be partial.
    pub fn of_level(level: u8, size: u64) -> impl Iterator<Item = Self> {
        let nodes = nodes_of(level, size);
        let tiles = nodes.div_ceil(TILE_WIDTH.into());
        (0..tiles).map(move |index| Self { level, index, width: width_at(index, nodes) })
    }

    /// The partial tiles of a log of `size` leaves, at most one a level, lowest first.
    pub fn partials(size: u64) -> impl Iterator<Item = Self> {
        (0..TILE_LEVELS).filter_map(move |level| {
            let last = nodes_of(level, size).checked_sub(1)?;
            Self::holding(level, last, size).filter(|id| !id.is_full())
        })
    }

    /// Whether it has all its hashes, so that it never changes.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Where its file stands: `tile/0/x001/234.p/5`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, number_path(self.index, self.width))
    }

    /// Reads a path in exactly the form that [`Self::path`] writes.
    ///
    /// # Errors
    /// When the path has another form, or names a tile that no log has.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let parse = || {
            let (level, number) = path.strip_prefix("tile/")?.split_once('/')?;
            let level = level.parse().ok().filter(|level| *level < TILE_LEVELS)?;
            let (index, width) = parse_number_path(number)?;
            in_log(index, width, nodes_of(level, MAX_SIZE))?;
            Some(Self { level, index, width })
        };
        let canonical = |id: &Self| id.path() == path;
        parse().filter(canonical).ok_or_else(|| TilePathError(shown(path)))
    }
}

impl TileId {
    /// Reads a tile's file.
    ///
    /// # Errors
    /// When it has another length than its name says.
    pub fn decode(self, file: &[u8]) -> Result<Vec<B256>, TileLengthError> {
        let (hashes, rest) = file.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() != usize::from(self.width) {
            return Err(TileLengthError { id: self, got: file.len() });
        }
        Ok(hashes.iter().map(|hash| B256::from(*hash)).collect())
    }
}

/// The file of a tile with these hashes.
#[must_use]
pub fn encode_tile(hashes: &[B256]) -> Vec<u8> {
    hashes.iter().flatten().copied().collect()
}

impl BundleId {
    /// The bundle that holds the entry of a record in a log of `size` leaves, if it has that record.
    #[must_use]
    pub fn holding(record: u64, size: u64) -> Option<Self> {
        TileId::holding(0, record, size).map(|TileId { index, width, .. }| Self { index, width })
    }

    /// All bundles of a log of `size` leaves; the last one may be partial.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        TileId::of_level(0, size).map(|TileId { index, width, .. }| Self { index, width })
    }

    /// The index of its first record.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH as u64)
    }

    /// Whether it has all its entries, so that it never changes.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Where its file stands: `tile/entries/x001/234.p/5`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/entries/{}", number_path(self.index, self.width))
    }

    /// Reads a path in exactly the form that [`Self::path`] writes.
    ///
    /// # Errors
    /// When the path has another form, or names a bundle that no log has.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let parse = || {
            let (index, width) = parse_number_path(path.strip_prefix("tile/entries/")?)?;
            in_log(index, width, MAX_SIZE)?;
            Some(Self { index, width })
        };
        let canonical = |id: &Self| id.path() == path;
        parse().filter(canonical).ok_or_else(|| TilePathError(shown(path)))
    }
}

impl TileSource for Tree {
    type Error = LogError;

    fn tile(&self, id: TileId) -> Result<Vec<B256>, LogError> {
        self.tile(id)
    }
}

/// How many nodes a level has in a log of `size` leaves.
const fn nodes_of(level: u8, size: u64) -> u64 {
    match size.checked_shr(TILE_HEIGHT.saturating_mul(level as u32)) {
        Some(nodes) => nodes,
        None => 0,
    }
}

/// The width of a tile that is there, on a level of this many nodes.
fn width_at(index: u64, nodes: u64) -> u16 {
    let left = nodes.saturating_sub(index.saturating_mul(TILE_WIDTH.into()));
    u16::try_from(left).map_or(TILE_WIDTH, |left| left.min(TILE_WIDTH))
}

/// Whether a level of this many nodes reaches as far.
fn in_log(index: u64, width: u16, nodes: u64) -> Option<()> {
    let end = index.checked_mul(TILE_WIDTH.into())?.checked_add(width.into())?;
    (end <= nodes).then_some(())
}

/// `N[.p/W]` of section 18.
fn number_path(index: u64, width: u16) -> String {
    let mut groups = vec![format!("{:03}", index % 1000)];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.reverse();
    let number = groups.join("/");
    if width == TILE_WIDTH { number } else { format!("{number}.p/{width}") }
}

/// Reads every form of `N[.p/W]` that [`number_path`] writes, and some more: the caller writes what
/// was read again and compares.
fn parse_number_path(path: &str) -> Option<(u64, u16)> {
    let (number, width) = match path.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok()?),
        None => (path, TILE_WIDTH),
    };
    let index = number.split('/').try_fold(0_u64, |index, group| {
        let group: u64 = group.trim_start_matches('x').parse().ok()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    (1..=TILE_WIDTH).contains(&width).then_some((index, width))
}

/// What an error shows of a path that may be of any length.
fn shown(path: &str) -> String {
    path.chars().take(80).collect()
}

/// Root over a power of two of hashes.
fn fold(hashes: &[B256]) -> B256 {
    let mut nodes = hashes.to_vec();
    while nodes.len() > 1 {
        nodes = nodes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    nodes.first().copied().unwrap_or(crate::EMPTY_ROOT)
}
