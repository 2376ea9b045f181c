//! Where the re-execution keeps records until they are committed.

use crate::store::types::Kept;
use crate::store::{NodeStore, NodeStoreError};
use fallow_chain::{Archive, Recorded};
use fallow_protocol::{Checkpoint, Entry};
use std::sync::Arc;

/// Records and checkpoints that came since the last commit, on top of the store.
#[derive(Debug)]
pub(crate) struct Staging {
    store: Arc<dyn NodeStore>,
    records: Vec<Kept>,
    checkpoints: Vec<Checkpoint>,
}

impl Staging {
    pub(crate) const fn new(store: Arc<dyn NodeStore>) -> Self {
        Self { store, records: Vec::new(), checkpoints: Vec::new() }
    }

    /// How many records wait.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Takes out what waits. It must be committed before the next block is applied.
    pub(crate) fn take(&mut self) -> (Vec<Kept>, Vec<Checkpoint>) {
        (std::mem::take(&mut self.records), std::mem::take(&mut self.checkpoints))
    }
}

impl Archive for Staging {
    type Error = NodeStoreError;

    fn entry(&self, index: u64) -> Result<Option<Entry>, NodeStoreError> {
        let staged = self.records.first().and_then(|first| {
            let position = usize::try_from(index.checked_sub(first.index)?).ok()?;
            self.records.get(position)
        });
        match staged {
            Some(kept) => Ok(Some(kept.entry.clone())),
            None => self.store.log_entry(index),
        }
    }

    fn append(&mut self, recorded: Recorded) {
        let Recorded { index, entry, id, block } = recorded;
        self.records.push(Kept { index, entry, id, block });
    }

    fn note(&mut self, checkpoint: Checkpoint) {
        self.checkpoints.push(checkpoint);
    }
}
