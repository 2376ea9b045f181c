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
        /// Set number of the trust part, or of the set if that is higher.
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
        let (era, number) = (trust.era, trust.set_number.max(self.set.number()));
        if (era, trust.set_number, self.set.number()) != (0, 1, 1) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use fallow_protocol::{
        AnchorChain, CodeHashes, Member, NetworkPart, Parameters, Sidechain, Trust,
    };

    fn set_of(network: &NetworkFile, number: u64, account: Address, key: u8) -> Set {
        let key = bls::SecretKey::generate(&[key; 32]).unwrap().public_key();
        let member = Member { address: account, weight: 1, key };
        Set::new(network.network_id, number, 1_000, vec![member]).unwrap()
    }

    fn config() -> Config {
        let account_key = SecretKey::from_bytes([3; 32]).unwrap();
        let network = network();
        let set = set_of(&network, 1, account_key.address(), 5);
        let mut config = Config {
            network,
            set,
            bls_key: bls::SecretKey::generate(&[5; 32]).unwrap(),
            account_key,
            sidechain_url: String::new(),
            limits: Limits::default(),
            store: PathBuf::new(),
            poll_interval: Duration::ZERO,
            finality: Finality::Latest,
            sender: SenderConfig::default(),
        };
        config.network.trust.set_hash = config.set.hash();
        config
    }

    fn network() -> NetworkFile {
        let address = Address::repeat_byte;
        let parameters = Parameters {
            checkpoint_interval: 1,
            heartbeat: 1,
            challenge_period: 1,
            query_deadline: 1,
            ring_size: 1,
            writers: vec![],
        };
        let network = NetworkPart {
            sidechain: Sidechain {
                chain_id: 2,
                registry: address(1),
                bulletin: address(2),
                block: 0,
            },
            anchor_chain: AnchorChain { chain_id: 1, anchor: address(3), block: 0 },
            random: B256::ZERO,
            parameters,
            code_hashes: CodeHashes {
                registry: B256::ZERO,
                bulletin: B256::ZERO,
                anchor: B256::ZERO,
            },
        };
        let trust = Trust { era: 0, set_number: 1, set_hash: SetHash::ZERO, checkpoint: None };
        NetworkFile::new(network, trust)
    }

    #[test]
    fn parts_that_belong_together_are_taken() {
        assert_eq!(config().validate(), Ok(()));
    }

    #[test]
    fn another_set_than_the_trusted_one_is_refused() {
        let mut config = config();
        let want = config.set.hash();
        config.set = set_of(&config.network, 1, config.account_key.address(), 6);
        let got = config.set.hash();
        assert_eq!(config.validate(), Err(ConfigError::SetHash { got, want }));
    }

    #[test]
    fn another_era_or_set_number_is_refused() {
        let mut later = config();
        later.network.trust.era = 1;
        assert_eq!(later.validate(), Err(ConfigError::Handover { era: 1, number: 1 }));
        let mut later = config();
        later.set = set_of(&later.network, 2, later.account_key.address(), 5);
        later.network.trust.set_hash = later.set.hash();
        assert_eq!(later.validate(), Err(ConfigError::Handover { era: 0, number: 2 }));
    }

    #[test]
    fn keys_of_somebody_else_are_refused() {
        let mut stranger = config();
        stranger.account_key = SecretKey::from_bytes([4; 32]).unwrap();
        let account = stranger.account_key.address();
        assert_eq!(stranger.validate(), Err(ConfigError::Member(account)));
        let mut other = config();
        other.bls_key = bls::SecretKey::generate(&[6; 32]).unwrap();
        let account = other.account_key.address();
        assert_eq!(other.validate(), Err(ConfigError::Key(account)));
    }
}
