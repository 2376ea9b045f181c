//! What a validator is started with, checked before anything runs.

use alloy_primitives::Address;
use fallow_chain::DaemonConfig;
use fallow_protocol::bls;

/// Everything that a validator needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every daemon needs. The account is a member of the set: it sends the shares and pays
    /// the sidechain's gas for them. The node should be the operator's own: what it hides, the
    /// validator cannot check. Losing the store risks signing twice.
    pub daemon: DaemonConfig,
    /// Signs checkpoints; the member's key in the set belongs to it.
    pub bls_key: bls::SecretKey,
}

/// Why a validator cannot start with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No daemon of this network could.
    #[error(transparent)]
    Daemon(#[from] fallow_chain::ConfigError),
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
        self.daemon.validate()?;
        let (set, account) = (&self.daemon.set, self.daemon.account_key.address());
        let position = set.position(account);
        let member = position.and_then(|position| set.members().get(position));
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
    use fallow_chain::{Finality, Limits, SenderConfig};
    use fallow_protocol::{
        AnchorChain, CodeHashes, Member, NetworkFile, NetworkPart, Parameters, SecretKey, Set,
        SetHash, Sidechain, Trust,
    };
    use std::path::PathBuf;
    use std::time::Duration;

    fn set_of(network: &NetworkFile, number: u64, account: Address, key: u8) -> Set {
        let key = bls::SecretKey::generate(&[key; 32]).unwrap().public_key();
        let member = Member { address: account, weight: 1, key };
        Set::new(network.network_id, number, 1_000, vec![member]).unwrap()
    }

    fn config() -> Config {
        let account_key = SecretKey::from_bytes([3; 32]).unwrap();
        let network = network();
        let set = set_of(&network, 1, account_key.address(), 5);
        let daemon = DaemonConfig {
            network,
            set,
            account_key,
            sidechain_url: String::new(),
            limits: Limits::default(),
            store: PathBuf::new(),
            poll_interval: Duration::ZERO,
            finality: Finality::Latest,
            sender: SenderConfig::default(),
        };
        let bls_key = bls::SecretKey::generate(&[5; 32]).unwrap();
        let mut config = Config { daemon, bls_key };
        config.daemon.network.trust.set_hash = config.daemon.set.hash();
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
        let want = config.daemon.set.hash();
        config.daemon.set =
            set_of(&config.daemon.network, 1, config.daemon.account_key.address(), 6);
        let got = config.daemon.set.hash();
        assert_eq!(config.validate(), Err(fallow_chain::ConfigError::SetHash { got, want }.into()));
    }

    #[test]
    fn another_era_or_set_number_is_refused() {
        let mut later = config();
        later.daemon.network.trust.era = 1;
        assert_eq!(
            later.validate(),
            Err(fallow_chain::ConfigError::Handover { era: 1, number: 1 }.into())
        );
        let mut later = config();
        later.daemon.set = set_of(&later.daemon.network, 2, later.daemon.account_key.address(), 5);
        later.daemon.network.trust.set_hash = later.daemon.set.hash();
        assert_eq!(
            later.validate(),
            Err(fallow_chain::ConfigError::Handover { era: 0, number: 2 }.into())
        );
    }

    #[test]
    fn keys_of_somebody_else_are_refused() {
        let mut stranger = config();
        stranger.daemon.account_key = SecretKey::from_bytes([4; 32]).unwrap();
        let account = stranger.daemon.account_key.address();
        assert_eq!(stranger.validate(), Err(ConfigError::Member(account)));
        let mut other = config();
        other.bls_key = bls::SecretKey::generate(&[6; 32]).unwrap();
        let account = other.daemon.account_key.address();
        assert_eq!(other.validate(), Err(ConfigError::Key(account)));
    }
}
