//! How sure records are.

use crate::shared::{Shared, confirmations};
use crate::store::NodeStoreError;
use crate::store::types::{Anchored, Checkpointed};
use fallow_node_client::types::{AnchorAnswer, Level};

/// Levels of records in ascending order, without asking the store for each of them.
#[derive(Debug)]
pub(super) struct Levels<'a> {
    shared: &'a Shared,
    anchored: Option<Above<Anchored>>,
    certified: Option<Above<Checkpointed>>,
}

/// The first of its kind above the records from `index` on, below its size.
#[derive(Debug)]
struct Above<T> {
    index: u64,
    found: Option<T>,
}

impl<T> Above<T> {
    /// What is above a record, if that is known.
    fn get(known: &Option<Self>, index: u64, size: impl Fn(&T) -> u64) -> Option<&Option<T>> {
        let above = known.as_ref().filter(|above| above.index <= index)?;
        above.found.as_ref().is_none_or(|found| index < size(found)).then_some(&above.found)
    }
}

impl<'a> Levels<'a> {
    pub(super) const fn new(shared: &'a Shared) -> Self {
        Self { shared, anchored: None, certified: None }
    }

    /// The level of the record at `index`.
    pub(super) fn of(&mut self, index: u64) -> Result<Level, NodeStoreError> {
        if Above::get(&self.anchored, index, |one| one.size).is_none() {
            let found = self.shared.store.anchored_above(index)?;
            self.anchored = Some(Above { index, found });
        }
        if Above::get(&self.certified, index, |one| one.checkpoint.size).is_none() {
            let found = self.shared.store.certified_above(index)?;
            self.certified = Some(Above { index, found });
        }
        let anchored = self.anchored.as_ref().and_then(|above| above.found.as_ref());
        let certified = self.certified.as_ref().and_then(|above| above.found.as_ref());
        let checkpoint = certified.map(|above| above.checkpoint.block_number);
        Ok(self.shared.level_under(anchored, checkpoint))
    }
}

/// An anchoring's place on mainnet; none before mainnet was read.
pub(super) fn anchor_answer(shared: &Shared, anchored: &Anchored) -> Option<AnchorAnswer> {
    let mainnet = shared.core.view().mainnet?;
    Some(AnchorAnswer {
        block: anchored.block,
        transaction: anchored.transaction,
        anchored_at: anchored.anchored_at,
        confirmations: confirmations(anchored, &mainnet),
        finalized: anchored.block <= mainnet.finalized,
    })
}
