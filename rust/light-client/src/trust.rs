//! Where trust starts.

use fallow_protocol::{Domain, NetworkFile, NetworkId, Set, SetHash};

/// Why a set is not the one that a network file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The set is of another network.
    #[error("the set is of network {got}, the network file of {want}")]
    Network {
        /// Network of the set.
        got: NetworkId,
        /// Network of the file.
        want: NetworkId,
    },
    /// The set has another number.
    #[error("the set has number {got}, the network file trusts number {want}")]
    Number {
        /// Number of the set.
        got: u64,
        /// Number in the file.
        want: u64,
    },
    /// The set has another hash.
    #[error("the set has hash {got}, the network file trusts {want}")]
    Hash {
        /// Hash of the set.
        got: SetHash,
        /// Hash in the file.
        want: SetHash,
    },
}

/// What a verifier believes before it sees any ticket: one validator set of one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    domain: Domain,
    era: u32,
    set: Set,
}

impl Trust {
    /// Trust in `set`, which must be the one that the network file names. The file must have been
    /// read with [`NetworkFile::read`], which checks that its networkId follows from the rest.
    ///
    /// # Errors
    /// Says in what the set differs.
    pub fn new(file: &NetworkFile, set: Set) -> Result<Self, TrustError> {
        let (got, want) = (set.network_id(), file.network_id);
        if got != want {
            return Err(TrustError::Network { got, want });
        }
        let (got, want) = (set.number(), file.trust.set_number);
        if got != want {
            return Err(TrustError::Number { got, want });
        }
        let (got, want) = (set.hash(), file.trust.set_hash);
        if got != want {
            return Err(TrustError::Hash { got, want });
        }
        Ok(Self { domain: file.domain(), era: file.trust.era, set })
    }

    /// The domain under which the network's messages are signed.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The network.
    #[must_use]
    pub const fn network_id(&self) -> NetworkId {
        self.domain.network_id
    }

    /// The era.
    #[must_use]
    pub const fn era(&self) -> u32 {
        self.era
    }

    /// The validator set.
    #[must_use]
    pub const fn set(&self) -> &Set {
        &self.set
    }
}
