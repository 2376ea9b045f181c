//! How sure records are.

use crate::core::View;
use crate::store::types::{Anchored, Checkpointed};
use crate::store::{NodeStore, NodeStoreError};
use fallow_node_client::types::{AnchorAnswer, Level, LevelName};

/// Levels of records in ascending order, without asking the store for each of them.
#[derive(Debug)]
pub(super) struct Levels<'a> {
    store: &'a dyn NodeStore,
    view: &'a View,
    anchored: Option<Above<Anchored>>,
    certified: Option<Above<Checkpointed>>,
}

/// The first of its kind that covers all records from `index` on, below its size.
#[derive(Debug)]
struct Above<T> {
    index: u64,
    found: Option<T>,
}

impl<T> Above<T> {
    fn covers(&self, index: u64, size: impl FnOnce(&T) -> u64) -> bool {
        self.index <= index && self.found.as_ref().is_none_or(|found| index < size(found))
    }
}

impl<'a> Levels<'a> {
    pub(super) const fn new(store: &'a dyn NodeStore, view: &'a View) -> Self {
        Self { store, view, anchored: None, certified: None }
    }

    /// The level of the record at `index`.
    pub(super) fn of(&mut self, index: u64) -> Result<Level, NodeStoreError> {
        let view = self.view;
        let checkpoint = self.certified(index)?.map(|certified| certified.checkpoint.block_number);
        let Some(anchored) = self.anchored(index)? else {
            let name = LevelName::Recorded;
            return Ok(Level { name, confirmations: None, finalized: None, checkpoint });
        };
        let name = if index < view.settled_size { LevelName::Settled } else { LevelName::Anchored };
        let (confirmations, finalized) = depth(view, anchored.block).unzip();
        Ok(Level { name, confirmations, finalized, checkpoint })
    }

    fn anchored(&mut self, index: u64) -> Result<Option<&Anchored>, NodeStoreError> {
        if !self.anchored.as_ref().is_some_and(|above| above.covers(index, |one| one.size)) {
            let found = self.store.anchored_above(index)?;
            self.anchored = Some(Above { index, found });
        }
        Ok(self.anchored.as_ref().and_then(|above| above.found.as_ref()))
    }

    fn certified(&mut self, index: u64) -> Result<Option<&Checkpointed>, NodeStoreError> {
        let size = |one: &Checkpointed| one.checkpoint.size;
        if !self.certified.as_ref().is_some_and(|above| above.covers(index, size)) {
            let found = self.store.certified_above(index)?;
            self.certified = Some(Above { index, found });
        }
        Ok(self.certified.as_ref().and_then(|above| above.found.as_ref()))
    }
}

/// Blocks since a block of mainnet, itself included, and whether mainnet calls it final; unknown
/// before mainnet was read.
fn depth(view: &View, block: u64) -> Option<(u32, bool)> {
    let mainnet = view.mainnet?;
    let blocks = mainnet.latest.saturating_add(1).saturating_sub(block);
    Some((u32::try_from(blocks).unwrap_or(u32::MAX), block <= mainnet.finalized))
}

/// An anchoring's place on mainnet.
pub(super) fn anchor_answer(view: &View, anchored: &Anchored) -> AnchorAnswer {
    let (confirmations, finalized) = depth(view, anchored.block).unwrap_or((0, false));
    AnchorAnswer {
        block: anchored.block,
        transaction: anchored.transaction,
        anchored_at: anchored.anchored_at,
        confirmations,
        finalized,
    }
}
