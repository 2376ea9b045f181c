//! Reading the log: full tiles and bundles from files, the rest from the right edge. Nothing is
//! given out that does not hash to what stands above it: an entry to its leaf, a full tile to a hash
//! of the tile above, up to the edge, whose root is compared when the store is opened.

use super::edge::{Edge, WIDTH};
use super::files::Files;
use super::nodes::Nodes;
use super::{Result, read_lock};
use crate::store::NodeStoreError;
use alloy_primitives::{B256, keccak256};
use fallow_log::{BundleId, TILE_WIDTH, TileId, leaf_hash};
use fallow_protocol::{
    Announcement, Body, DecodeError, Domain, EVIDENCE_MAX_BYTES, Entry, RECORD_MAX_BYTES, Record,
    decode_bundle, entry_of_bundle,
};
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

const TILE_BYTES: usize = 32 * TILE_WIDTH as usize;
/// Three lengths, record, evidence, and the nine words of an announcement.
const ENTRY_MAX_BYTES: usize = 6 + RECORD_MAX_BYTES + EVIDENCE_MAX_BYTES + 288;
const BUNDLE_MAX_BYTES: usize = ENTRY_MAX_BYTES * TILE_WIDTH as usize;

/// 16 KiB each, so 4 MiB: the upper levels of a log of 10^7, and some of the lowest.
const TILES: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// About 100 KiB each with usual entries, 260 KiB at most.
const BUNDLES: NonZeroUsize = NonZeroUsize::new(16).unwrap();

type Tile = Arc<Nodes>;
/// Its bytes.
type Bundle = Arc<Vec<u8>>;

/// The log as files and an edge.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) files: Files,
    pub(super) domain: Domain,
    edge: RwLock<Arc<Edge>>,
    tiles: Mutex<LruCache<(u8, u64), Tile>>,
    bundles: Mutex<LruCache<u64, Bundle>>,
}

impl Log {
    pub(super) fn new(files: Files, domain: Domain, edge: Edge) -> Self {
        Self {
            files,
            domain,
            edge: RwLock::new(Arc::new(edge)),
            tiles: Mutex::new(LruCache::new(TILES)),
            bundles: Mutex::new(LruCache::new(BUNDLES)),
        }
    }

    pub(super) fn edge(&self) -> Arc<Edge> {
        read_lock(&self.edge).clone()
    }

    /// Replaces the edge, once it is committed. A reader of an older size finds all of its log in a
    /// newer edge and files.
    pub(super) fn set_edge(&self, edge: Arc<Edge>) {
        *self.edge.write().unwrap_or_else(PoisonError::into_inner) = edge;
    }

    /// The first `width` hashes of a tile, which the log has.
    pub(super) fn tile(&self, edge: &Edge, id: TileId) -> Result<Vec<B256>> {
        let width = usize::from(id.width);
        let hashes = |nodes: &Nodes| nodes.hashes().get(..width).map(<[B256]>::to_vec);
        self.look(edge, id.level, id.index, hashes)?.ok_or_else(|| missing(id.path()))
    }

    /// The root over `2^height` hashes of a tile from `first` on, if the log has them.
    pub(super) fn inner(
        &self,
        edge: &Edge,
        id: TileId,
        first: u8,
        height: u32,
    ) -> Result<Option<B256>> {
        self.look(edge, id.level, id.index, |nodes| nodes.inner(first.into(), height))
    }

    /// Looks into a tile; `None` if there is no such.
    fn look<T>(
        &self,
        edge: &Edge,
        level: u8,
        index: u64,
        look: impl FnOnce(&Nodes) -> Option<T>,
    ) -> Result<Option<T>> {
        if index < edge.full_tiles(level) {
            return Ok(look(&*self.full_tile(edge, level, index)?));
        }
        Ok(edge.partial(level, index).and_then(look))
    }

    fn full_tile(&self, edge: &Edge, level: u8, index: u64) -> Result<Tile> {
        if let Some(tile) = lock(&self.tiles).get(&(level, index)) {
            return Ok(Arc::clone(tile));
        }
        let id = TileId { level, index, width: TILE_WIDTH };
        let path = id.path();
        let bytes = self.files.read(&path, TILE_BYTES)?.ok_or_else(|| gone(&path))?;
        if bytes.len() != TILE_BYTES {
            return Err(corrupt(&path, format!("it has {} bytes", bytes.len())));
        }
        let hashes: Vec<B256> = bytes.chunks_exact(32).map(B256::from_slice).collect();
        let nodes = Nodes::new(hashes);
        if nodes.root() != Some(self.node(edge, level.saturating_add(1), index)?) {
            return Err(corrupt(&path, "the tile above has another hash for it".into()));
        }
        let tile = Arc::new(nodes);
        lock(&self.tiles).put((level, index), Arc::clone(&tile));
        Ok(tile)
    }

    /// A node that the log has.
    fn node(&self, edge: &Edge, level: u8, node: u64) -> Result<B256> {
        let at = usize::try_from(node % WIDTH).unwrap_or(usize::MAX);
        let found = self.look(edge, level, node / WIDTH, |nodes| nodes.inner(at, 0))?;
        found.ok_or_else(|| missing(format!("node {node} of level {level}")))
    }

    /// Entries from `first` on, each with its record, checked.
    pub(super) fn entries(
        &self,
        edge: &Edge,
        first: u64,
        limit: usize,
    ) -> Result<Vec<(Entry, Record)>> {
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        let end = first.saturating_add(most).min(edge.size());
        let mut entries = Vec::new();
        let mut next = first;
        while next < end {
            let stop = end.min((next / WIDTH).saturating_add(1).saturating_mul(WIDTH));
            let read = self.read_entries(edge, next, stop)?;
            for (index, entry) in (next..stop).zip(read) {
                let record = self.check(&entry, index, self.node(edge, 0, index)?)?;
                entries.push((entry, record));
            }
            next = stop;
        }
        Ok(entries)
    }

    /// The entries from `first` to before `end`, all of one bundle, not checked yet.
    fn read_entries(&self, edge: &Edge, first: u64, end: u64) -> Result<Vec<Entry>> {
        let skipped = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let count = usize::try_from(end.saturating_sub(first)).unwrap_or(usize::MAX);
        if first >= edge.sealed() {
            let tail = edge.tail.iter().skip(skipped).take(count);
            let entries = tail.map(|bytes| Entry::decode(bytes));
            let entries = entries.collect::<std::result::Result<_, _>>();
            return entries.map_err(|error| corrupt("the tail", error.to_string()));
        }
        let id = BundleId { index: first / WIDTH, width: TILE_WIDTH };
        let bundle = self.bundle(id)?;
        let wrong = |error: DecodeError| corrupt(&id.path(), error.to_string());
        if count == 1 {
            // The others of the bundle are passed over, not read.
            let place = u16::try_from(skipped).unwrap_or(u16::MAX);
            return Ok(vec![entry_of_bundle(&bundle, place).map_err(wrong)?]);
        }
        let entries = decode_bundle(&bundle, TILE_WIDTH).map_err(wrong)?;
        Ok(entries.into_iter().skip(skipped).take(count).collect())
    }

    /// A full bundle.
    fn bundle(&self, id: BundleId) -> Result<Bundle> {
        if let Some(bundle) = lock(&self.bundles).get(&id.index) {
            return Ok(Arc::clone(bundle));
        }
        let path = id.path();
        let bytes = self.files.read(&path, BUNDLE_MAX_BYTES)?.ok_or_else(|| gone(&path))?;
        let bundle = Arc::new(bytes);
        lock(&self.bundles).put(id.index, Arc::clone(&bundle));
        Ok(bundle)
    }

    /// An entry shows its record's hash: in the leaf the record, in the record the evidence and, of
    /// a tombstone, the announcement.
    fn check(&self, entry: &Entry, index: u64, leaf: B256) -> Result<Record> {
        let wrong = |what: &str| corrupt(&format!("entry {index}"), what.into());
        if leaf_hash(&entry.record) != leaf {
            return Err(wrong("its record is not the one of the tree"));
        }
        let record = Record::decode(&entry.record).map_err(|error| wrong(&error.to_string()))?;
        if record.index != index {
            return Err(wrong("its record is of another position"));
        }
        check_rest(entry, &record.body, &self.domain).map_err(wrong)?;
        Ok(record)
    }

    /// The newest full files are there and are those of the log.
    pub(super) fn check_newest(&self) -> Result<()> {
        let edge = self.edge();
        let levels = (0..fallow_log::TILE_LEVELS).map(|level| (level, edge.full_tiles(level)));
        for (level, tiles) in levels {
            if let Some(last) = tiles.checked_sub(1) {
                self.full_tile(&edge, level, last)?;
            }
        }
        edge.sealed().checked_sub(1).map_or(Ok(()), |last| self.entries(&edge, last, 1).map(drop))
    }

    /// Removes full files that a crash has left beyond the log.
    pub(super) fn trim(&self) -> Result<()> {
        let edge = self.edge();
        let bundle = |index| BundleId { index, width: TILE_WIDTH }.path();
        self.remove_from(edge.full_tiles(0), bundle)?;
        (0..fallow_log::TILE_LEVELS).try_for_each(|level| {
            let tile = |index| TileId { level, index, width: TILE_WIDTH }.path();
            self.remove_from(edge.full_tiles(level), tile)
        })
    }

    fn remove_from(&self, first: u64, path: impl Fn(u64) -> String) -> Result<()> {
        for index in first.. {
            if !self.files.remove(&path(index))? {
                break;
            }
        }
        Ok(())
    }
}

/// What the record's hash does not show, but the record does.
pub(super) fn check_rest(
    entry: &Entry,
    body: &Body,
    domain: &Domain,
) -> std::result::Result<(), &'static str> {
    let evidence = (!entry.evidence.is_empty()).then(|| keccak256(&entry.evidence));
    if evidence != body.evidence() {
        return Err("its evidence is not the one of its record");
    }
    let barred = match body {
        Body::Withdrawal(body) if body.resource_index == 0 => Some(body.resource_id),
        _ => None,
    };
    let shown = entry.announcement.map(|announcement: Announcement| announcement.id(domain));
    if shown != barred {
        return Err("its announcement is not the one of its record");
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn missing(what: String) -> NodeStoreError {
    NodeStoreError::Missing(what)
}

fn gone(path: &str) -> NodeStoreError {
    corrupt(path, "it is not there".into())
}

fn corrupt(what: &str, why: String) -> NodeStoreError {
    NodeStoreError::Corrupt(format!("{what}: {why}"))
}
