//! Where a re-execution keeps what was recorded.

use crate::TicketError;
use alloy_primitives::B256;
use fallow_log::{LogError, Tree, leaf_hash};
use fallow_protocol::{Certificate, Checkpoint, Entry, Record, Ticket};
use std::collections::HashMap;
use std::convert::Infallible;

/// A record as it came into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Position in the log.
    pub index: u64,
    /// The record with its evidence, and the announcement of a tombstone.
    pub entry: Entry,
    /// Id of the message; zero for kinds without messages.
    pub id: B256,
    /// Sidechain block.
    pub block: u64,
}

/// Keeps the records and checkpoints of a [`Replay`](crate::Replay), in order. Writing cannot fail:
/// an archive on a disk gathers what comes until its owner writes it there.
pub trait Archive {
    /// Why a record cannot be read.
    type Error;

    /// The entry of a record that was appended; `None` if there is none at `index`.
    ///
    /// # Errors
    /// When it cannot be read now.
    fn entry(&self, index: u64) -> Result<Option<Entry>, Self::Error>;

    /// Keeps the next record.
    fn append(&mut self, recorded: Recorded);

    /// Keeps the next checkpoint: of the log as it is now.
    fn note(&mut self, checkpoint: Checkpoint);
}

/// Everything in memory: about 800 bytes for each record (its entry and ids, two tree nodes), so a
/// million records need about 0.8 GB, and 220 bytes for each checkpoint.
#[derive(Debug, Default)]
pub struct MemoryArchive {
    tree: Tree,
    records: Vec<Recorded>,
    indexes: HashMap<B256, u64>,
    checkpoints: Vec<Checkpoint>,
}

impl Archive for MemoryArchive {
    type Error = Infallible;

    fn entry(&self, index: u64) -> Result<Option<Entry>, Infallible> {
        Ok(self.record(index).map(|recorded| recorded.entry.clone()))
    }

    fn append(&mut self, recorded: Recorded) {
        let leaf = leaf_hash(&recorded.entry.record);
        self.tree.push(leaf).expect("memory ends long before 2^63 records");
        if !recorded.id.is_zero() {
            self.indexes.insert(recorded.id, recorded.index);
        }
        self.records.push(recorded);
    }

    fn note(&mut self, checkpoint: Checkpoint) {
        self.checkpoints.push(checkpoint);
    }
}

impl MemoryArchive {
    /// Nothing is recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The whole log, which proves inclusion and growth at any size.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// A record by its index.
    #[must_use]
    pub fn record(&self, index: u64) -> Option<&Recorded> {
        self.records.get(usize::try_from(index).ok()?)
    }

    /// All records, in order.
    #[must_use]
    pub fn records(&self) -> &[Recorded] {
        &self.records
    }

    /// Index of a message's record, by the message's id.
    #[must_use]
    pub fn index_of(&self, id: B256) -> Option<u64> {
        self.indexes.get(&id).copied()
    }

    /// The checkpoint of a block, if it is a checkpoint block at or before the head.
    #[must_use]
    pub fn checkpoint(&self, number: u64) -> Option<Checkpoint> {
        let all = &self.checkpoints;
        let position = all.binary_search_by_key(&number, |one| one.block_number).ok()?;
        all.get(position).copied()
    }

    /// Checkpoints of all checkpoint blocks after `number`, in order; the newest `limit` of them.
    #[must_use]
    pub fn checkpoints_after(&self, number: u64, limit: usize) -> Vec<Checkpoint> {
        let all = &self.checkpoints;
        let first = all.partition_point(|one| one.block_number <= number);
        let first = first.max(all.len().saturating_sub(limit));
        all.get(first..).unwrap_or_default().to_vec()
    }

    /// The newest checkpoint.
    #[must_use]
    pub fn latest_checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoints.last().copied()
    }

    /// The ticket of a record under a certified checkpoint (docs/protocol.md section 12).
    ///
    /// # Errors
    /// When the record is not under it, or the checkpoint is not of this log.
    pub fn ticket(
        &self,
        index: u64,
        checkpoint: &Checkpoint,
        certificate: Certificate,
    ) -> Result<Ticket, TicketError> {
        let path = self.tree.prove_inclusion(index, checkpoint.size)?;
        let (got, want) = (checkpoint.root, self.tree.root_at(checkpoint.size)?);
        if got != want {
            return Err(TicketError::Root { got, want });
        }
        let size = self.tree.size();
        let recorded = self.record(index).ok_or(LogError::IndexOutOfRange { index, size })?;
        Ok(Ticket {
            record: Record::decode(&recorded.entry.record)?,
            evidence: recorded.entry.evidence.clone(),
            path,
            checkpoint: *checkpoint,
            certificate,
        })
    }
}
