//! A store whose disk fails when it is told to.

use crate::store::types::{
    Anchored, Change, Checkpointed, Flight, GossipedAnnouncement, Head, Kept, Pending, Place,
    ResourceRow,
};
use crate::store::{DiskStore, NodeStore, NodeStoreError};
use alloy_primitives::{Address, B256};
use fallow_chain::BlockRef;
use fallow_ledger::{Ledger, LedgerConfig};
use fallow_log::{TileId, TileSource};
use fallow_protocol::{CalendarWord, Certificate, Checkpoint, ResourceId, ResourceWord};
use std::sync::Mutex;

type Result<T> = std::result::Result<T, NodeStoreError>;

/// How a commit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    Good,
    /// It fails.
    Broken,
    /// There is no room in one of the tables.
    Full,
    /// Positions of messages cannot be read.
    Blind,
}

#[derive(Debug)]
pub(super) struct Faulty {
    pub(super) disk: Mutex<Disk>,
    pub(super) store: DiskStore,
}

impl Faulty {
    pub(super) fn turn(&self, disk: Disk) {
        *self.disk.lock().unwrap() = disk;
    }

    /// Readers do not wait for whoever commits.
    fn now(&self) -> Disk {
        *self.disk.lock().unwrap()
    }
}

impl TileSource for Faulty {
    type Error = NodeStoreError;

    fn tile(&self, id: TileId) -> Result<Vec<B256>> {
        self.store.tile(id)
    }
}

macro_rules! as_it_is {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> Result<$answer> {
            self.store.$name($($argument),*)
        })*
    };
}

impl NodeStore for Faulty {
    fn commit(&self, change: &Change) -> Result<()> {
        match self.now() {
            Disk::Good | Disk::Blind => self.store.commit(change),
            Disk::Broken => Err(NodeStoreError::Space { free: 0, want: 1 }),
            Disk::Full => Err(NodeStoreError::Full { what: "messages", limit: 1 }),
        }
    }

    fn index_of(&self, id: B256) -> Result<Option<u64>> {
        match self.now() {
            Disk::Blind => Err(NodeStoreError::Corrupt("a page".to_owned())),
            _ => self.store.index_of(id),
        }
    }

    as_it_is! {
        fn publish(checkpoint: &Checkpoint, certificate: &Certificate) -> ();
        fn head() -> Option<Head>;
        fn ledger(config: LedgerConfig) -> Option<Ledger>;
        fn size() -> u64;
        fn entry(index: u64) -> Option<Kept>;
        fn entries(first: u64, limit: usize) -> Vec<Kept>;
        fn resources(provider: Option<Address>, after: Option<u64>, limit: usize) -> Vec<u64>;
        fn allocations(of: Place, after: Option<u64>, limit: usize) -> Vec<u64>;
        fn release_of(index: u64) -> Option<u64>;
        fn resource(id: ResourceId) -> Option<ResourceWord>;
        fn resource_rows(after: Option<u64>, limit: usize) -> Vec<ResourceRow>;
        fn calendar(index: u64, first: u64, last: u64) -> Vec<CalendarWord>;
        fn checkpoint(block: u64) -> Option<Checkpointed>;
        fn checkpoints(before: Option<u64>, limit: usize, certified: bool) -> Vec<Checkpointed>;
        fn certified_above(index: u64) -> Option<Checkpointed>;
        fn anchored_above(index: u64) -> Option<Anchored>;
        fn anchorings(first: u64, limit: usize) -> Vec<Anchored>;
        fn pending() -> Vec<Pending>;
        fn promised(id: B256) -> Option<Pending>;
        fn flights() -> Vec<Flight>;
        fn offer(hash: B256) -> Option<Vec<u8>>;
        fn gossip(after: u64, limit: usize) -> Vec<GossipedAnnouncement>;
        fn gossiped(id: ResourceId) -> Option<GossipedAnnouncement>;
        fn mainnet_head() -> Option<BlockRef>;
    }
}
