//! What a node keeps, behind one small trait: everything that it serves, and every message that it
//! has promised. Atomic and durable: a change is wholly on the disk when `commit` returns.
//!
//! One thread commits (the core); any number of threads read, each call on what is committed then.

use crate::store::types::{
    Anchored, Change, Checkpointed, Flight, GossipedAnnouncement, Head, Kept, Pending, Place,
    ResourceRow,
};
use alloy_primitives::{Address, B256};
use fallow_chain::BlockRef;
use fallow_ledger::{Ledger, LedgerConfig};
use fallow_log::TileSource;
use fallow_protocol::{CalendarWord, Certificate, Checkpoint, Entry, ResourceId, ResourceWord};
use std::fmt::Debug;

mod disk;
pub mod types;

pub use disk::{DiskSettings, DiskStore};

/// Why the store cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeStoreError {
    /// The database failed, or the disk is full.
    #[error(transparent)]
    Store(#[from] fallow_store::StoreError),
    /// A file of the log could not be read or written.
    #[error("`{path}`: {error}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// What was read contradicts itself: the store has to be built anew.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
    /// Something of the log was asked for that it does not have.
    #[error("the log does not have `{0}`")]
    Missing(String),
    /// A change that does not follow what is there. It is a mistake of whoever made it.
    #[error("the change does not fit the store: {0}")]
    Unfit(String),
    /// A table that strangers fill is full.
    #[error("the {what} take more than {limit} bytes")]
    Full {
        /// What is in the table.
        what: &'static str,
        /// Bytes that it may have.
        limit: u64,
    },
    /// The disk is nearly full.
    #[error("the disk has {free} bytes left, {want} are kept free")]
    Space {
        /// Bytes that are free.
        free: u64,
        /// Bytes that have to be.
        want: u64,
    },
}

/// What a node keeps. Its tiles are those of the log after the head.
pub trait NodeStore: TileSource<Error = NodeStoreError> + Debug + Send + Sync {
    /// Writes a change, wholly or not at all; durable on return. After an error nothing of it is
    /// there. Only when the disk failed so badly that it does not even tell may it be there wholly.
    /// The same change, or one that goes further, may be tried again in any case.
    ///
    /// # Errors
    /// When the disk or database fails.
    fn commit(&self, change: &Change) -> Result<(), NodeStoreError>;

    /// Writes the static files of a certified checkpoint (section 18).
    ///
    /// # Errors
    /// When the log has another root at that size, or the disk fails.
    fn publish(
        &self,
        checkpoint: &Checkpoint,
        certificate: &Certificate,
    ) -> Result<(), NodeStoreError>;

    /// The last block that is in, `None` at first.
    ///
    /// # Errors
    /// When the database fails; so for all that follow.
    fn head(&self) -> Result<Option<Head>, NodeStoreError>;

    /// The ledger after the head, built from the tables without re-execution.
    ///
    /// # Errors
    /// Also when the tables contradict themselves.
    fn ledger(&self, config: LedgerConfig) -> Result<Option<Ledger>, NodeStoreError>;

    /// Records in the log.
    ///
    /// # Errors
    /// See above.
    fn size(&self) -> Result<u64, NodeStoreError>;

    /// A record with evidence, id and block.
    ///
    /// # Errors
    /// See above.
    fn entry(&self, index: u64) -> Result<Option<Kept>, NodeStoreError>;

    /// At most `limit` records from `first` on.
    ///
    /// # Errors
    /// See above.
    fn entries(&self, first: u64, limit: usize) -> Result<Vec<Kept>, NodeStoreError>;

    /// Position of a message's record, by the message's id.
    ///
    /// # Errors
    /// See above.
    fn index_of(&self, id: B256) -> Result<Option<u64>, NodeStoreError>;

    /// Positions of the announcements of a provider (or of all), above `after`, ascending.
    ///
    /// # Errors
    /// See above.
    fn resources(
        &self,
        provider: Option<Address>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, NodeStoreError>;

    /// Positions of allocations of a requester, of a resource, or all, above `after`, ascending.
    ///
    /// # Errors
    /// See above.
    fn allocations(
        &self,
        of: Place,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, NodeStoreError>;

    /// Position of the release of the allocation recorded at `index`.
    ///
    /// # Errors
    /// See above.
    fn release_of(&self, index: u64) -> Result<Option<u64>, NodeStoreError>;

    /// A resource's word.
    ///
    /// # Errors
    /// See above.
    fn resource(&self, id: ResourceId) -> Result<Option<ResourceWord>, NodeStoreError>;

    /// All resources that are recorded, for the catalogue, from index `after` on.
    ///
    /// # Errors
    /// See above.
    fn resource_rows(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ResourceRow>, NodeStoreError>;

    /// Calendar words `first..=last` of the resource recorded at `index`; all zero where nothing is.
    ///
    /// # Errors
    /// See above.
    fn calendar(
        &self,
        index: u64,
        first: u64,
        last: u64,
    ) -> Result<Vec<CalendarWord>, NodeStoreError>;

    /// The checkpoint of a block.
    ///
    /// # Errors
    /// See above.
    fn checkpoint(&self, block: u64) -> Result<Option<Checkpointed>, NodeStoreError>;

    /// Checkpoints before block `before` (or the newest), descending; only certified ones if asked.
    ///
    /// # Errors
    /// See above.
    fn checkpoints(
        &self,
        before: Option<u64>,
        limit: usize,
        certified: bool,
    ) -> Result<Vec<Checkpointed>, NodeStoreError>;

    /// The first certified checkpoint whose size is above `index`.
    ///
    /// # Errors
    /// See above.
    fn certified_above(&self, index: u64) -> Result<Option<Checkpointed>, NodeStoreError>;

    /// The first anchoring whose size is above `index`.
    ///
    /// # Errors
    /// See above.
    fn anchored_above(&self, index: u64) -> Result<Option<Anchored>, NodeStoreError>;

    /// All anchorings of the checkpoints from sidechain block `first` on.
    ///
    /// # Errors
    /// See above.
    fn anchorings(&self, first: u64, limit: usize) -> Result<Vec<Anchored>, NodeStoreError>;

    /// Every message that was promised and is not recorded, in the order in which it came.
    ///
    /// # Errors
    /// See above.
    fn pending(&self) -> Result<Vec<Pending>, NodeStoreError>;

    /// A message that was promised, also one that failed in the end (kept for some days).
    ///
    /// # Errors
    /// See above.
    fn promised(&self, id: B256) -> Result<Option<Pending>, NodeStoreError>;

    /// Transactions that are not final, by nonce.
    ///
    /// # Errors
    /// See above.
    fn flights(&self) -> Result<Vec<Flight>, NodeStoreError>;

    /// An offer document's bytes.
    ///
    /// # Errors
    /// See above.
    fn offer(&self, hash: B256) -> Result<Option<Vec<u8>>, NodeStoreError>;

    /// Announcements that travel, above an arrival number, ascending.
    ///
    /// # Errors
    /// See above.
    fn gossip(&self, after: u64, limit: usize)
    -> Result<Vec<GossipedAnnouncement>, NodeStoreError>;

    /// One of them, by the resource's id.
    ///
    /// # Errors
    /// See above.
    fn gossiped(&self, id: ResourceId) -> Result<Option<GossipedAnnouncement>, NodeStoreError>;

    /// How far mainnet was read.
    ///
    /// # Errors
    /// See above.
    fn mainnet_head(&self) -> Result<Option<BlockRef>, NodeStoreError>;

    /// A record's entry only, for whoever re-executes.
    ///
    /// # Errors
    /// See above.
    fn log_entry(&self, index: u64) -> Result<Option<Entry>, NodeStoreError> {
        Ok(self.entry(index)?.map(|kept| kept.entry))
    }
}
