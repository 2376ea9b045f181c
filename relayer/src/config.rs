//! What a relayer is started with, checked before anything runs.

use fallow_chain::{Finality, Limits, SenderConfig};
use fallow_protocol::{NetworkFile, SecretKey, Set, SetHash};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a relayer needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network, and which set to trust.
    pub network: NetworkFile,
    /// The set of the network file's trust part.
    pub set: Set,
    /// The account that pays mainnet's gas. Nothing else may send from it: a foreign transaction
    /// could take the nonce of ours.
    pub account_key: SecretKey,
    /// A node of the sidechain (HTTP). It can keep records and shares back, but not invent any.
    pub sidechain_url: String,
    /// A node of mainnet (HTTP). It can keep anchors back, but not forge any.
    pub mainnet_url: String,
    /// Bounds on talking to both nodes.
    pub limits: Limits,
    /// The file that remembers what was sent. Losing it costs a reverted transaction at worst.
    pub store: PathBuf,
    /// Time between two looks at the chains.
    pub poll_interval: Duration,
    /// Time between two anchors, mainnet time: what anchoring costs a day. The anchor's own
    /// minimum (docs/protocol.md section 11, rule 5) holds in any case.
    pub min_anchor_interval: Duration,
    /// When a sidechain block counts as final.
    pub finality: Finality,
    /// How transactions are followed on mainnet, with the confirmations that make them final.
    pub sender: SenderConfig,
}

/// Why a relayer cannot start with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The set is not the one that the network file trusts.
    #[error("the set has hash {got}, the network file trusts {want}")]
    SetHash {
        /// Of the set.
        got: SetHash,
        /// Of the network file.
        want: SetHash,
    },
    /// Networks without a set contract have one era and one set.
    #[error("era {era} and set {number} are not 0 and 1: this version has no handovers")]
    Handover {
        /// Era of the trust part.
        era: u32,
        /// Set number of the trust part.
        number: u64,
    },
}

impl Config {
    /// Checks that the parts belong together.
    ///
    /// # Errors
    /// Names the first that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let trust = &self.network.trust;
        let (got, want) = (self.set.hash(), trust.set_hash);
        if got != want {
            return Err(ConfigError::SetHash { got, want });
        }
        let (era, number) = (trust.era, trust.set_number);
        if (era, number, self.set.number()) != (0, 1, 1) {
            return Err(ConfigError::Handover { era, number });
        }
        Ok(())
    }
}
