//! The right edge of the log in memory: what is in no full file yet, at most 255 entries and as many
//! hashes a level. Readers hold on to the edge that they began with.

use super::Result;
use super::nodes::Nodes;
use super::tables::{self, EDGE, TAIL};
use crate::store::NodeStoreError;
use alloy_primitives::B256;
use fallow_log::{Frontier, TILE_WIDTH, TileEdge, TileId, TileSource, leaf_hash};
use fallow_protocol::Entry;
use fallow_store::failed;
use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};

/// Records of a full bundle.
pub(super) const WIDTH: u64 = TILE_WIDTH as u64;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// The edge after some change.
#[derive(Clone, Debug, Default)]
pub(super) struct Edge {
    pub(super) tiles: TileEdge,
    /// Hashes of the partial tiles.
    partials: Vec<(TileId, Nodes)>,
    /// Packed entries that are in no full bundle.
    pub(super) tail: Vec<Vec<u8>>,
}

/// What the tables say of an edge.
struct Stored<'a> {
    read: &'a ReadTransaction,
    leaves: Vec<B256>,
}

impl TileSource for Stored<'_> {
    type Error = NodeStoreError;

    fn tile(&self, id: TileId) -> Result<Vec<B256>> {
        if id.level == 0 {
            return Ok(self.leaves.clone());
        }
        let bytes = tables::bytes(self.read, EDGE, id.level)?.unwrap_or_default();
        Ok(bytes.chunks_exact(HASH_BYTES).map(B256::from_slice).collect())
    }
}

impl Edge {
    pub(super) fn new(tiles: TileEdge, tail: Vec<Vec<u8>>) -> Self {
        let partials = tiles.partials().into_iter();
        let partials = partials.map(|(id, hashes)| (id, Nodes::new(hashes))).collect();
        Self { partials, tiles, tail }
    }

    /// Reads the edge of a log of `size` records.
    pub(super) fn load(read: &ReadTransaction, size: u64) -> Result<Self> {
        let tail = read_tail(read, size)?;
        let leaf = |bytes: &Vec<u8>| Entry::decode(bytes).map(|entry| leaf_hash(&entry.record));
        let leaves = tail.iter().map(leaf).collect::<std::result::Result<_, _>>();
        let leaves = leaves.map_err(|error| corrupt(format!("an entry of the tail: {error}")))?;
        let tiles = TileEdge::resume(size, Stored { read, leaves })
            .map_err(|error| corrupt(format!("the right edge: {error}")))?;
        Ok(Self::new(tiles, tail))
    }

    /// Writes what changed since `before`.
    pub(super) fn store(&self, write: &WriteTransaction, before: &Self) -> Result<()> {
        let mut tail = write.open_table(TAIL).map_err(failed)?;
        if self.sealed() != before.sealed() {
            tail.retain(|_, _| false).map_err(failed)?;
        }
        for (index, entry) in (self.sealed()..).zip(&self.tail) {
            if index >= before.size() || self.sealed() != before.sealed() {
                tail.insert(index, entry.as_slice()).map_err(failed)?;
            }
        }
        let mut edge = write.open_table(EDGE).map_err(failed)?;
        for (id, nodes) in self.partials.iter().filter(|(id, _)| id.level > 0) {
            if before.partials.iter().all(|(other, _)| other != id) {
                let bytes: Vec<u8> = nodes.hashes().iter().flat_map(|hash| hash.0).collect();
                edge.insert(id.level, bytes.as_slice()).map_err(failed)?;
            }
        }
        Ok(())
    }

    pub(super) const fn size(&self) -> u64 {
        self.tiles.size()
    }

    /// Records in full bundles.
    pub(super) const fn sealed(&self) -> u64 {
        let size = self.size();
        size.saturating_sub(size % WIDTH)
    }

    /// The partial tile of a level, if that is the one.
    pub(super) fn partial(&self, level: u8, index: u64) -> Option<&Nodes> {
        let at = |(id, _): &&(TileId, Nodes)| (id.level, id.index) == (level, index);
        self.partials.iter().find(at).map(|(_, nodes)| nodes)
    }

    /// The tiles of a level that are full.
    pub(super) fn full_tiles(&self, level: u8) -> u64 {
        let bits = u32::from(level).saturating_add(1).saturating_mul(TILE_WIDTH.ilog2());
        self.size().checked_shr(bits).unwrap_or(0)
    }

    /// Checks size and peaks, highest first, against this edge.
    pub(super) fn check(&self, size: u64, peaks: &[B256]) -> std::result::Result<(), String> {
        if size != self.size() {
            return Err(format!("the head has {size} records, the log {}", self.size()));
        }
        let heights = (0..u64::BITS).rev().filter(|height| size.wrapping_shr(*height) & 1 == 1);
        let mut by_height = [B256::ZERO; 64];
        for (height, peak) in heights.clone().zip(peaks) {
            by_height[usize::try_from(height).unwrap_or(usize::MAX)] = *peak;
        }
        if heights.count() != peaks.len() {
            return Err(format!("{} peaks for {size} records", peaks.len()));
        }
        let root =
            Frontier::from_parts(size, &by_height).map_err(|error| error.to_string())?.root();
        if root != self.tiles.root() {
            return Err(format!("the head has root {root}, the log {}", self.tiles.root()));
        }
        Ok(())
    }
}

fn read_tail(read: &ReadTransaction, size: u64) -> Result<Vec<Vec<u8>>> {
    let sealed = size.saturating_sub(size % WIDTH);
    let table = read.open_table(TAIL).map_err(failed)?;
    let mut tail = Vec::new();
    for (want, row) in (sealed..).zip(table.iter().map_err(failed)?) {
        let (index, entry) = row.map_err(failed)?;
        if index.value() != want {
            return Err(corrupt(format!("the tail has entry {}, not {want}", index.value())));
        }
        tail.push(entry.value().to_vec());
    }
    Ok(tail)
}

fn corrupt(what: String) -> NodeStoreError {
    NodeStoreError::Corrupt(what)
}
