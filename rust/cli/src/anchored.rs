//! Which records are anchored, and since when: read from the anchor's events.

use crate::chain::{failure, ranges};
use crate::error::{Context, Result};
use crate::printer::count;
use alloy::sol_types::SolEvent;
use alloy_primitives::B256;
use fallow_chain::{Anchor, Client};
use fallow_protocol::NetworkFile;

/// One checkpoint on mainnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchoring {
    /// Mainnet block.
    pub(crate) block: u64,
    /// Mainnet time of that block, unix seconds.
    pub(crate) anchored_at: u64,
    /// Sidechain block of the checkpoint.
    pub(crate) sidechain_block: u64,
    /// Records in the log.
    pub(crate) size: u64,
    /// Root of the log.
    pub(crate) root: B256,
}

/// All checkpoints on mainnet, and how far mainnet is.
#[derive(Debug)]
pub(crate) struct Anchorings {
    /// In the order of mainnet, so sizes rise.
    pub(crate) all: Vec<Anchoring>,
    /// Latest mainnet block.
    pub(crate) latest: u64,
    /// Time of that block, unix seconds.
    pub(crate) time: u64,
    challenge_period: u64,
}

/// How sure a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// In a final sidechain block.
    Recorded,
    /// Under a checkpoint on mainnet, in a block with so many confirmations.
    Anchored {
        /// Mainnet blocks from that block on, itself included.
        confirmations: u64,
    },
    /// That checkpoint is older than the challenge period.
    Settled,
}

impl Level {
    /// The word of the vocabulary.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Anchored { .. } => "anchored",
            Self::Settled => "settled",
        }
    }

    /// For people.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Anchored { confirmations } => {
                format!("anchored, {}", count(confirmations, "confirmation"))
            }
            other => other.name().to_owned(),
        }
    }
}

impl Anchorings {
    /// Reads the anchor's events from its deployment on.
    pub(crate) async fn read(file: &NetworkFile, client: &Client) -> Result<Self> {
        let network = &file.network;
        let (contract, first) = (network.anchor_chain.anchor, network.anchor_chain.block);
        let of_node = |error| failure("mainnet", &error);
        let latest = client.latest().await.map_err(of_node)?;
        let time = client.block(latest).await.map_err(of_node)?.time;
        let mut all = Vec::new();
        for range in ranges(first, latest) {
            for log in client.logs(contract, range).await.map_err(of_node)? {
                let event = Anchor::CheckpointAnchored::decode_log_validate(&log.inner)
                    .context("mainnet: the anchor's event cannot be decoded")?;
                all.push(Anchoring {
                    block: log.number,
                    anchored_at: event.anchoredAt,
                    sidechain_block: event.blockNumber,
                    size: event.size,
                    root: event.root,
                });
            }
        }
        let challenge_period = network.parameters.challenge_period;
        Ok(Self { all, latest, time, challenge_period })
    }

    /// The first checkpoint above the record of this index.
    pub(crate) fn first_above(&self, index: u64) -> Option<&Anchoring> {
        self.all.get(self.all.partition_point(|anchoring| anchoring.size <= index))
    }

    /// How sure the record of this index is.
    pub(crate) fn level(&self, index: u64) -> Level {
        let Some(anchoring) = self.first_above(index) else {
            return Level::Recorded;
        };
        // As in the anchor's `verifyRecordAt`.
        if self.time >= anchoring.anchored_at.saturating_add(self.challenge_period) {
            return Level::Settled;
        }
        let confirmations = self.latest.saturating_sub(anchoring.block).saturating_add(1);
        Level::Anchored { confirmations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_from_size_and_age() {
        let anchoring = |block, anchored_at, size| Anchoring {
            block,
            anchored_at,
            sidechain_block: 1,
            size,
            root: B256::ZERO,
        };
        let anchorings = Anchorings {
            all: vec![anchoring(10, 100, 3), anchoring(20, 200, 3), anchoring(30, 300, 5)],
            latest: 32,
            time: 310,
            challenge_period: 210,
        };
        assert_eq!(anchorings.level(2), Level::Settled);
        assert_eq!(anchorings.level(3), Level::Anchored { confirmations: 3 });
        assert_eq!(anchorings.level(5), Level::Recorded);
        let younger = Anchorings { time: 309, ..anchorings };
        assert_eq!(younger.level(2), Level::Anchored { confirmations: 23 });
    }
}
