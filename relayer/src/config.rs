//! What a relayer is started with.

use fallow_chain::DaemonConfig;
use std::time::Duration;

/// Everything that a relayer needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every daemon needs. The account pays mainnet's gas, and its transactions are followed
    /// there. Losing the store costs a reverted transaction at worst.
    pub daemon: DaemonConfig,
    /// A node of mainnet (HTTP). It can keep anchors back, but not forge any.
    pub mainnet_url: String,
    /// Time between two anchors, mainnet time: what anchoring costs a day. The anchor's own
    /// minimum (docs/protocol.md section 11, rule 5) holds in any case.
    pub min_anchor_interval: Duration,
}
