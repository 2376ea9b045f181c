//! What a network is, and its id (section 2).

use crate::{NetworkId, decimal};
use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

/// At most so many further writers.
pub const MAX_WRITERS: usize = 16;

/// At most so many checkpoints in the anchor's ring.
const MAX_RING: u32 = 1 << 20;

/// A contract that may append records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Writer {
    /// Record kind, 16 or more.
    pub kind: u8,
    /// The contract.
    pub writer: Address,
}

/// Parameters that no network can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// Sidechain blocks between two blocks that may be checkpoints.
    #[serde(with = "decimal")]
    pub checkpoint_interval: u64,
    /// Sidechain blocks after which an idle network is checkpointed all the same.
    #[serde(with = "decimal")]
    pub heartbeat: u64,
    /// Seconds from anchoring until a checkpoint is settled.
    #[serde(with = "decimal")]
    pub challenge_period: u64,
    /// Seconds to answer a query on mainnet.
    #[serde(with = "decimal")]
    pub query_deadline: u64,
    /// How many checkpoints the anchor keeps.
    pub ring_size: u32,
    /// Contracts that may append records of kind 16 and up.
    pub writers: Vec<Writer>,
}

/// Why no network may have such parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// The interval is zero, or the heartbeat no multiple of it.
    #[error("heartbeat {heartbeat} is not a positive multiple of the interval {interval}")]
    Heartbeat {
        /// Blocks between checkpoints.
        interval: u64,
        /// Blocks between heartbeats.
        heartbeat: u64,
    },
    /// The ring is empty or too large.
    #[error("ring size {0} is not between 1 and 1048576")]
    RingSize(u32),
    /// Writers are too many, not ascending, of a kind below 16, or zero.
    #[error("writers are more than 16, not strictly ascending by kind, below kind 16 or zero")]
    Writers,
}

impl Parameters {
    /// Checks the rules of section 2.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn validate(&self) -> Result<(), ParametersError> {
        let (interval, heartbeat) = (self.checkpoint_interval, self.heartbeat);
        if heartbeat == 0 || heartbeat.checked_rem(interval) != Some(0) {
            return Err(ParametersError::Heartbeat { interval, heartbeat });
        }
        if self.ring_size == 0 || self.ring_size > MAX_RING {
            return Err(ParametersError::RingSize(self.ring_size));
        }
        let ascending = self.writers.windows(2).all(|pair| pair[0].kind < pair[1].kind);
        let named = self.writers.iter().all(|entry| entry.kind >= 16 && !entry.writer.is_zero());
        if self.writers.len() > MAX_WRITERS || !ascending || !named {
            return Err(ParametersError::Writers);
        }
        Ok(())
    }

    /// `salt` of section 2: binds the parameters and 32 random bytes.
    #[must_use]
    pub fn salt(&self, random: B256) -> B256 {
        let mut bytes = random.to_vec();
        for value in
            [self.checkpoint_interval, self.heartbeat, self.challenge_period, self.query_deadline]
        {
            bytes.extend(value.to_be_bytes());
        }
        bytes.extend(self.ring_size.to_be_bytes());
        // validate() bounds the number of writers to 16.
        bytes.push(u8::try_from(self.writers.len()).unwrap_or(u8::MAX));
        for Writer { kind, writer } in &self.writers {
            bytes.push(*kind);
            bytes.extend(writer);
        }
        keccak256(bytes)
    }
}

/// What fixes a network: two contracts on two chains, and the salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// EIP-155 chain id of the sidechain.
    pub sidechain_id: u64,
    /// Registry on the sidechain.
    pub registry: Address,
    /// EIP-155 chain id of the chain with the anchor.
    pub anchor_chain_id: u64,
    /// Anchor on that chain.
    pub anchor: Address,
    /// Binds the parameters.
    pub salt: B256,
}

impl Network {
    /// The network's id.
    #[must_use]
    pub fn id(&self) -> NetworkId {
        let fields = [
            U256::from(self.sidechain_id).into(),
            self.registry.into_word(),
            U256::from(self.anchor_chain_id).into(),
            self.anchor.into_word(),
            self.salt,
        ];
        let encoded = fields.map(|word| word.0);
        keccak256([b"fallow.network.v1".as_slice(), encoded.as_flattened()].concat()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_changes_the_id() {
        let network = Network {
            sidechain_id: 1,
            registry: Address::repeat_byte(1),
            anchor_chain_id: 2,
            anchor: Address::repeat_byte(2),
            salt: B256::repeat_byte(5),
        };
        let others = [
            Network { sidechain_id: 2, ..network },
            Network { registry: Address::repeat_byte(3), ..network },
            Network { anchor_chain_id: 1, ..network },
            Network { anchor: Address::repeat_byte(3), ..network },
            Network { salt: B256::ZERO, ..network },
        ];
        for other in others {
            assert_ne!(other.id(), network.id(), "{other:?}");
        }
    }
}
