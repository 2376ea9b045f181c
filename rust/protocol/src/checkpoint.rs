//! Checkpoints: what validators sign about one sidechain block (section 8).

use crate::message::{hash_words, word};
use crate::{DecodeError, NetworkId, Parameters, SetHash, bytes::Reader, decimal};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Size of a packed checkpoint.
pub const CHECKPOINT_BYTES: usize = 164;

static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| {
    keccak256(concat!(
        "CheckpointV1(bytes32 networkId,uint32 era,uint64 setNumber,uint64 blockNumber,",
        "bytes32 blockHash,uint64 blockTime,uint64 size,bytes32 root,bytes32 nextSet)"
    ))
});

/// The state of the log after one sidechain block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// The network.
    pub network_id: NetworkId,
    /// Era; 0 until one was voided.
    pub era: u32,
    /// Number of the validator set that signs.
    #[serde(with = "decimal")]
    pub set_number: u64,
    /// Sidechain block.
    #[serde(with = "decimal")]
    pub block_number: u64,
    /// Hash of that block.
    pub block_hash: B256,
    /// Time of that block, unix seconds.
    #[serde(with = "decimal")]
    pub block_time: u64,
    /// Records in the log.
    #[serde(with = "decimal")]
    pub size: u64,
    /// Root of the log.
    pub root: B256,
    /// Hash of the set that takes over, or zero.
    pub next_set: SetHash,
}

impl Checkpoint {
    /// The digest that validators sign.
    #[must_use]
    pub fn digest(&self) -> B256 {
        hash_words([
            *TYPE_HASH,
            self.network_id.0,
            word(self.era.into()),
            word(self.set_number),
            word(self.block_number),
            self.block_hash,
            word(self.block_time),
            word(self.size),
            self.root,
            self.next_set.0,
        ])
    }

    /// The packed form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [
            self.network_id.as_slice(),
            &self.era.to_be_bytes(),
            &self.set_number.to_be_bytes(),
            &self.block_number.to_be_bytes(),
            self.block_hash.as_slice(),
            &self.block_time.to_be_bytes(),
            &self.size.to_be_bytes(),
            self.root.as_slice(),
            self.next_set.as_slice(),
        ]
        .concat()
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// When it has not exactly [`CHECKPOINT_BYTES`] bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let checkpoint = Self {
            network_id: reader.take("networkId")?,
            era: reader.u32("era")?,
            set_number: reader.u64("setNumber")?,
            block_number: reader.u64("blockNumber")?,
            block_hash: reader.take("blockHash")?,
            block_time: reader.u64("blockTime")?,
            size: reader.u64("size")?,
            root: reader.take("root")?,
            next_set: reader.take("nextSet")?,
        };
        reader.finish()?;
        Ok(checkpoint)
    }
}

/// Which blocks are checkpoint blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointRule {
    interval: u64,
    heartbeat: u64,
    first_block: u64,
}

impl CheckpointRule {
    /// The rule of a network whose registry was deployed in `first_block`.
    #[must_use]
    pub const fn new(parameters: &Parameters, first_block: u64) -> Self {
        let (interval, heartbeat) = (parameters.checkpoint_interval, parameters.heartbeat);
        Self { interval, heartbeat, first_block }
    }

    /// Whether block `number` may be a checkpoint block, whatever the log did.
    #[must_use]
    pub fn is_candidate(&self, number: u64) -> bool {
        number >= self.first_block && number.checked_rem(self.interval) == Some(0)
    }

    /// Whether block `number` is a checkpoint block, given the log's size after it and, one
    /// interval earlier, `size_before` (`None` if that block lies before the registry's).
    #[must_use]
    pub fn is_checkpoint(&self, number: u64, size: u64, size_before: Option<u64>) -> bool {
        self.is_candidate(number)
            && (size_before != Some(size) || number.checked_rem(self.heartbeat) == Some(0))
    }

    /// The block one interval before `number`, if the registry was there.
    #[must_use]
    pub fn block_before(&self, number: u64) -> Option<u64> {
        number.checked_sub(self.interval).filter(|before| *before >= self.first_block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_network_is_checkpointed_at_its_heartbeat_only() {
        let rule = CheckpointRule { interval: 4, heartbeat: 16, first_block: 3 };
        assert!(!rule.is_checkpoint(0, 1, None), "before the registry");
        assert!(rule.is_checkpoint(4, 1, rule.block_before(4)), "the first one");
        assert!(!rule.is_checkpoint(6, 2, Some(1)), "off the interval");
        assert!(!rule.is_checkpoint(8, 1, Some(1)), "nothing happened");
        assert!(rule.is_checkpoint(8, 2, Some(1)));
        assert!(rule.is_checkpoint(16, 2, Some(2)), "heartbeat");
        assert_eq!(rule.block_before(8), Some(4));
        assert_eq!(rule.block_before(4), None);
    }
}
