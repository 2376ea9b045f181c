//! What a ledger starts from.

use alloy_primitives::{Address, B256};
use fallow_protocol::{NetworkId, Writer};

/// The network that a new one continues; all zero if none (section 6, genesis).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenesisParent {
    /// The parent network.
    pub network: NetworkId,
    /// Digest of its last checkpoint.
    pub checkpoint: B256,
    /// Records in its log at that checkpoint.
    pub size: u64,
}

/// What a registry was deployed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// The network; every message binds it.
    pub network_id: NetworkId,
    /// The registry, which writes all records of kinds below 16.
    pub registry: Address,
    /// Who may append records of kind 16 and up.
    pub writers: Vec<Writer>,
    /// The network that this one continues.
    pub parent: GenesisParent,
}
