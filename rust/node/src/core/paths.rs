//! Paths of releases, from the store's tiles.

use crate::batcher::PathSource;
use crate::store::{NodeStore, NodeStoreError};
use alloy_primitives::B256;
use fallow_log::{TileError, TiledLog};

/// The log as it is committed.
#[derive(Debug)]
pub(crate) struct Paths<'a>(pub(crate) &'a dyn NodeStore);

impl PathSource for Paths<'_> {
    type Error = TileError<NodeStoreError>;

    fn path(&self, index: u64, size: u64) -> Result<Vec<B256>, Self::Error> {
        TiledLog::new(size, self.0).prove_inclusion(index, size)
    }
}
