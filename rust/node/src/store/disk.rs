//! The store on a disk.
//!
//! ```text
//! <dir>/store.redb    tables: the log's tail, indexes, words, checkpoints, promises, ..
//! <dir>/tiles/        the log as static files (section 18): any server can serve this folder
//! <dir>/staging/      files that have no name yet
//! ```
//!
//! A record stands in one place: in the database until its bundle is full, then in the bundle's file.
//! A change writes the files that become full, waits until they are on the disk, and then commits to
//! the database, which decides: files beyond what it says are removed at the next start.

use crate::store::types::{Change, Head};
use crate::store::{NodeStore, NodeStoreError};
use alloy_primitives::{Address, B256};
use database::Database;
use edge::Edge;
use fallow_log::{TileId, TileSource};
use fallow_protocol::{Domain, NetworkFile};
use fallow_store::{Identity, Owner};
use files::{Files, at};
use log::Log;
use redb::ReadTransaction;
use rows::Stored as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use young::Young;

mod append;
mod backup;
mod chains;
mod database;
mod edge;
mod files;
mod log;
mod messages;
mod nodes;
mod publish;
mod reads;
mod records;
mod rows;
mod snapshot;
mod tables;
mod young;

pub(super) type Result<T> = std::result::Result<T, NodeStoreError>;

const DATABASE: &str = "store.redb";
const TILES: &str = "tiles";
const STAGING: &str = "staging";

/// Bounds of a store on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSettings {
    /// Memory of the database's cache, bytes. Default 16 MiB.
    pub cache_bytes: usize,
    /// Nothing is committed when less space than this is free, bytes: a disk that is full to the
    /// last byte cannot even be read. Default 64 MiB.
    pub reserve_bytes: u64,
    /// Bytes of messages that are promised and not recorded. Default 256 MiB.
    pub pending_bytes: u64,
    /// Bytes of messages that failed; the oldest are forgotten above. Default 64 MiB.
    pub failed_bytes: u64,
    /// Bytes of offer documents. Default 4 GiB.
    pub offers_bytes: u64,
    /// Bytes of announcements that travel. Default 64 MiB.
    pub gossip_bytes: u64,
    /// Newest records whose index rows are kept back in memory, some 100 bytes each, to be written
    /// many at a time. Default 65 536.
    pub young_records: usize,
}

impl Default for DiskSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 16 << 20,
            reserve_bytes: 64 << 20,
            pending_bytes: 256 << 20,
            failed_bytes: 64 << 20,
            offers_bytes: 4 << 30,
            gossip_bytes: 64 << 20,
            young_records: 1 << 16,
        }
    }
}

/// The store on a disk.
#[derive(Debug)]
pub struct DiskStore {
    dir: PathBuf,
    network: NetworkFile,
    owner: Owner,
    settings: DiskSettings,
    database: Database,
    log: Log,
    /// Read before the tables.
    young: RwLock<Young>,
    /// Held by the one who commits.
    committing: Mutex<()>,
    /// Held by the one who publishes.
    publishing: Mutex<()>,
}

impl DiskStore {
    /// Opens the store in a folder, or makes it, with default bounds.
    ///
    /// # Errors
    /// See [`Self::open_with`].
    pub fn open(
        dir: &Path,
        network: &NetworkFile,
        account: Address,
        cache_bytes: usize,
    ) -> Result<Self> {
        let settings = DiskSettings { cache_bytes, ..DiskSettings::default() };
        Self::open_with(dir, network, account, settings)
    }

    /// Opens the store in a folder, or makes it. Reads the database wholly, and repairs what a crash
    /// has left.
    ///
    /// # Errors
    /// When it is in use, of a schema that cannot be read, somebody else's, or corrupt.
    pub fn open_with(
        dir: &Path,
        network: &NetworkFile,
        account: Address,
        settings: DiskSettings,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(at(dir))?;
        let identity = Identity { network_id: network.network_id, account };
        let owner = Owner { daemon: "node", schema: tables::SCHEMA, identity };
        let database = Database::open(dir.join(DATABASE), owner, settings)?;
        let files = Files::open(dir.join(TILES), dir.join(STAGING))?;
        let edge = database.read(load_edge)?;
        let young = database.read(Young::load)?;
        files::sync_folder(dir)?;
        let log = Log::new(files, network.domain(), edge);
        log.trim()?;
        log.check_newest()?;
        Ok(Self {
            dir: dir.to_owned(),
            network: network.clone(),
            owner,
            settings,
            database,
            log,
            young: RwLock::new(young),
            committing: Mutex::new(()),
            publishing: Mutex::new(()),
        })
    }

    /// The folder of static files.
    #[must_use]
    pub fn tiles(&self) -> PathBuf {
        self.dir.join(TILES)
    }

    const fn domain(&self) -> &Domain {
        &self.log.domain
    }

    /// See [`NodeStore::commit`].
    fn commit_change(&self, change: &Change) -> Result<()> {
        let _one_at_a_time = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_space()?;
        let before = self.log.edge();
        let staged = append::stage(&before, change, self.domain())?;
        self.log.files.write(&staged.files)?;
        let taking = self.database.write(|write| {
            let taking = {
                let limit = self.settings.young_records;
                read_lock(&self.young).write(write, &staged.rows, limit)?
            };
            records::write(write, &staged.rows)?;
            records::write_words(write, &change.words)?;
            if !staged.rows.is_empty() {
                staged.edge.store(write, &before)?;
            }
            messages::write(write, change, &self.settings)?;
            chains::write(write, change)?;
            Ok(taking)
        })?;
        self.young.write().unwrap_or_else(PoisonError::into_inner).apply(taking);
        self.log.set_edge(Arc::new(staged.edge));
        Ok(())
    }

    fn check_space(&self) -> Result<()> {
        let space = rustix::fs::statvfs(&self.dir).map_err(|error| at(&self.dir)(error.into()))?;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let want = self.settings.reserve_bytes;
        if free < want { Err(NodeStoreError::Space { free, want }) } else { Ok(()) }
    }
}

impl TileSource for DiskStore {
    type Error = NodeStoreError;

    fn tile(&self, id: TileId) -> Result<Vec<B256>> {
        self.log.tile(&self.log.edge(), id)
    }

    fn inner(&self, id: TileId, first: u8, height: u32) -> Result<Option<B256>> {
        self.log.inner(&self.log.edge(), id, first, height)
    }
}

/// The edge that the tables tell of, compared with the head.
fn load_edge(read: &ReadTransaction) -> Result<Edge> {
    let Some(head) = head(read)? else { return Ok(Edge::default()) };
    let edge = Edge::load(read, head.size)?;
    edge.check(head.size, &head.peaks).map_err(NodeStoreError::Corrupt)?;
    Ok(edge)
}

fn head(read: &ReadTransaction) -> Result<Option<Head>> {
    let row = tables::bytes(read, tables::STATE, tables::HEAD)?;
    row.map(|row| Head::from_bytes(&row)).transpose()
}

fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}
