//! The network file: what a network is, and which set to trust (section 14).

use crate::file::{FILE_VERSION, FileError, read_json};
use crate::{Checkpoint, Domain, Network, NetworkId, Parameters, SetHash, decimal};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Contracts on the sidechain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sidechain {
    /// EIP-155 chain id.
    #[serde(with = "decimal")]
    pub chain_id: u64,
    /// The registry.
    pub registry: Address,
    /// The bulletin.
    pub bulletin: Address,
    /// Block of the registry's deployment.
    #[serde(with = "decimal")]
    pub block: u64,
}

/// The contract on mainnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnchorChain {
    /// EIP-155 chain id.
    #[serde(with = "decimal")]
    pub chain_id: u64,
    /// The anchor.
    pub anchor: Address,
    /// Block of the anchor's deployment.
    #[serde(with = "decimal")]
    pub block: u64,
}

/// Keccak of each contract's deployed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeHashes {
    /// Of the registry.
    pub registry: B256,
    /// Of the bulletin.
    pub bulletin: B256,
    /// Of the anchor.
    pub anchor: B256,
}

/// The part that never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkPart {
    /// Contracts on the sidechain.
    pub sidechain: Sidechain,
    /// The contract on mainnet.
    pub anchor_chain: AnchorChain,
    /// 32 random bytes drawn at deployment.
    pub random: B256,
    /// What both contracts were deployed with.
    pub parameters: Parameters,
    /// What code they have.
    pub code_hashes: CodeHashes,
}

impl NetworkPart {
    /// What the networkId is computed from.
    #[must_use]
    pub fn network(&self) -> Network {
        Network {
            sidechain_id: self.sidechain.chain_id,
            registry: self.sidechain.registry,
            anchor_chain_id: self.anchor_chain.chain_id,
            anchor: self.anchor_chain.anchor,
            salt: self.parameters.salt(self.random),
        }
    }
}

/// The part that may be renewed: where trust starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    /// Era.
    pub era: u32,
    /// Number of the set to trust.
    #[serde(with = "decimal")]
    pub set_number: u64,
    /// Hash of the set to trust.
    pub set_hash: SetHash,
    /// A recent checkpoint, if any.
    pub checkpoint: Option<Checkpoint>,
}

/// What people hand each other to agree on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkFile {
    /// Always 1.
    pub version: u8,
    /// Follows from `network`.
    pub network_id: NetworkId,
    /// The part that never changes.
    pub network: NetworkPart,
    /// Where trust starts.
    pub trust: Trust,
}

impl NetworkFile {
    /// A file of this network.
    #[must_use]
    pub fn new(network: NetworkPart, trust: Trust) -> Self {
        Self { version: FILE_VERSION, network_id: network.network().id(), network, trust }
    }

    /// Reads a file and checks that its networkId follows from its network part.
    ///
    /// # Errors
    /// When it cannot be read, or says of itself what is not so.
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        let file: Self = read_json(bytes)?;
        file.network.parameters.validate()?;
        let (got, want) = (file.network_id, file.network.network().id());
        if got != want {
            return Err(FileError::NetworkId { got, want });
        }
        Ok(file)
    }

    /// The domain under which the network's messages are signed.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain::new(self.network.sidechain.registry, self.network_id)
    }

    /// By convention, the name of the trusted set's file beside the network file.
    #[must_use]
    pub fn set_file_name(&self) -> String {
        format!("{}.set", self.trust.set_hash)
    }
}
