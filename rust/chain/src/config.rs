//! What every daemon is started with that follows the sidechain, checked before anything runs.

use crate::{Finality, Limits, SenderConfig};
use fallow_protocol::{NetworkFile, SecretKey, Set, SetHash};
use std::path::PathBuf;
use std::time::Duration;

/// What validators and relayers need alike.
#[derive(Clone, Debug)]
pub struct DaemonConfig {
    /// The network, and which set to trust.
    pub network: NetworkFile,
    /// The set of the network file's trust part.
    pub set: Set,
    /// The account that sends the daemon's transactions. Nothing else may send from it on the same
    /// chain: a foreign transaction could take the nonce of ours.
    pub account_key: SecretKey,
    /// A node of the sidechain (HTTP). It can keep records and shares back, but not invent any.
    pub sidechain_url: String,
    /// Bounds on talking to nodes.
    pub limits: Limits,
    /// The file that remembers what was signed or sent.
    pub store: PathBuf,
    /// Time between two looks at the chains.
    pub poll_interval: Duration,
    /// When a sidechain block counts as final; nothing later is looked at.
    pub finality: Finality,
    /// How transactions are followed until they are final.
    pub sender: SenderConfig,
}

/// Why a set is not to be worked with.
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
        /// Set number of the trust part, or of the set if that is higher.
        number: u64,
    },
}

impl DaemonConfig {
    /// Checks that network file and set belong together.
    ///
    /// # Errors
    /// Names the first thing that differs.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let trust = &self.network.trust;
        let (got, want) = (self.set.hash(), trust.set_hash);
        if got != want {
            return Err(ConfigError::SetHash { got, want });
        }
        let (era, number) = (trust.era, trust.set_number.max(self.set.number()));
        if (era, trust.set_number, self.set.number()) != (0, 1, 1) {
            return Err(ConfigError::Handover { era, number });
        }
        Ok(())
    }
}
