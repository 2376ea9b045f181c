//! What every part that answers readers has at hand.

use crate::core::is_settled;
use crate::follow::Shares;
use crate::search::Catalogue;
use crate::store::types::Anchored;
use crate::store::{NodeStore, NodeStoreError};
use crate::{Config, CoreHandle, MainnetView, Metrics};
use fallow_ledger::Message;
use fallow_node_client::types::{Level, LevelName};
use fallow_protocol::{
    Announcement, Body, Domain, Evidence, NetworkFile, Record, ResourceId, Set, Signature,
};
use std::sync::Arc;

/// All that the API reads from. Nothing in it changes the ledger but through the core.
#[derive(Debug)]
pub struct Shared {
    /// The way to the core.
    pub core: CoreHandle,
    /// What is committed.
    pub store: Arc<dyn NodeStore>,
    /// The network.
    pub network: NetworkFile,
    /// Its validator set.
    pub set: Set,
    /// Under which messages are signed.
    pub domain: Domain,
    /// What the node was started with.
    pub config: Config,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Every recorded resource with what its offer document says.
    pub catalogue: Arc<Catalogue>,
    /// Shares over the newest checkpoints.
    pub shares: Shares,
}

/// An announcement that the node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// What is offered.
    pub announcement: Announcement,
    /// The provider's signature.
    pub signature: Signature,
    /// Where it is.
    pub place: KnownPlace,
}

/// Where an announcement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownPlace {
    /// In the log, at this position.
    Recorded(u64),
    /// It is promised.
    Promised,
    /// It travels: a request has to bring it.
    Travelling,
}

impl Shared {
    /// An announcement by the id of its resource, wherever it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn announcement(&self, id: ResourceId) -> Result<Option<Known>, NodeStoreError> {
        if let Some(index) = self.store.index_of(id.0)? {
            return self.recorded(index);
        }
        if let Some(pending) = self.store.promised(id.0)?
            && pending.failed.is_none()
            && let Message::Announce { announcement, signatures } = &pending.message
            && let Ok(evidence) = Evidence::from_signatures(signatures)
        {
            let (announcement, signature) = (*announcement, evidence.signature);
            return Ok(Some(Known { announcement, signature, place: KnownPlace::Promised }));
        }
        let travelling = self.store.gossiped(id)?;
        Ok(travelling.map(|one| Known {
            announcement: one.announcement,
            signature: one.signature,
            place: KnownPlace::Travelling,
        }))
    }

    fn recorded(&self, index: u64) -> Result<Option<Known>, NodeStoreError> {
        let corrupt = |why| NodeStoreError::Corrupt(format!("record {index}: {why}"));
        let Some(entry) = self.store.log_entry(index)? else {
            return Err(corrupt("it is not there".to_owned()));
        };
        let record = Record::decode(&entry.record).map_err(|error| corrupt(error.to_string()))?;
        let Body::Announcement(body) = record.body else {
            return Ok(None);
        };
        let evidence = Evidence::decode(&entry.evidence);
        let evidence = evidence.map_err(|error| corrupt(error.to_string()))?;
        let (announcement, signature) = (body.announcement(), evidence.signature);
        Ok(Some(Known { announcement, signature, place: KnownPlace::Recorded(index) }))
    }

    /// How sure the record at a position is, as far as the chains were read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn level(&self, index: u64) -> Result<Level, NodeStoreError> {
        let certified = self.store.certified_above(index)?;
        let checkpoint = certified.map(|above| above.checkpoint.block_number);
        Ok(self.level_under(self.store.anchored_above(index)?.as_ref(), checkpoint))
    }

    /// The level of records under the first anchoring and the first certified checkpoint above them.
    pub(crate) fn level_under(
        &self,
        anchored: Option<&Anchored>,
        checkpoint: Option<u64>,
    ) -> Level {
        let recorded =
            Level { name: LevelName::Recorded, confirmations: None, finalized: None, checkpoint };
        // Mainnet may show what it anchors before its certificate is read: until then nobody can
        // check the level, and a reader would take it for a lie.
        match (anchored, self.core.view().mainnet, checkpoint) {
            (Some(anchored), Some(mainnet), Some(_)) => self.anchored(recorded, anchored, &mainnet),
            _ => recorded,
        }
    }

    fn anchored(&self, recorded: Level, anchored: &Anchored, mainnet: &MainnetView) -> Level {
        let period = self.network.network.parameters.challenge_period;
        let settled = is_settled(anchored, mainnet, period);
        let name = if settled { LevelName::Settled } else { LevelName::Anchored };
        let confirmations = confirmations(anchored, mainnet);
        let finalized = Some(anchored.block <= mainnet.finalized);
        Level { name, confirmations: Some(confirmations), finalized, ..recorded }
    }
}

/// Mainnet blocks since an anchoring, that block included.
#[must_use]
pub fn confirmations(anchored: &Anchored, mainnet: &MainnetView) -> u32 {
    let blocks = mainnet.latest.saturating_add(1).saturating_sub(anchored.block);
    u32::try_from(blocks).unwrap_or(u32::MAX)
}
