//! What a validator is started with, checked before anything runs.

use alloy_primitives::Address;
use fallow_chain::{Finality, Limits, SenderConfig};
use fallow_protocol::{NetworkFile, SecretKey, Set, SetHash, bls};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a validator needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network, and which set to trust.
    pub network: NetworkFile,
    /// The set of the network file's trust part; the validator is one of its members.
    pub set: Set,
    /// Signs checkpoints; the member's key in the set belongs to it.
    pub bls_key: bls::SecretKey,
    /// The member's account: sends the shares, and pays the sidechain's gas for them.
    pub account_key: SecretKey,
    /// A node of the sidechain (HTTP). It should be the operator's own: what it hides, the
    /// validator cannot check.
    pub sidechain_url: String,
    /// Bounds on talking to that node.
    pub limits: Limits,
    /// The file that remembers what was signed. Losing it risks signing twice.
    pub store: PathBuf,
    /// Time between two looks at the chain.
    pub poll_interval: Duration,
    /// When a sidechain block counts as final; a block is signed only then.
    pub finality: Finality,
    /// How transactions are followed.
    pub sender: SenderConfig,
}

/// Why a validator cannot start with a configuration.
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
    /// The account is not in the set.
    #[error("account {0} is no member of the set")]
    Member(Address),
    /// The set has another key for the account.
    #[error("the set has another BLS key for account {0}")]
    Key(Address),
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
        let account = self.account_key.address();
        let position = self.set.position(account);
        let member = position.and_then(|position| self.set.members().get(position));
        match member {
            None => Err(ConfigError::Member(account)),
            Some(member) if member.key != self.bls_key.public_key() => {
                Err(ConfigError::Key(account))
            }
            Some(_) => Ok(()),
        }
    }
}
