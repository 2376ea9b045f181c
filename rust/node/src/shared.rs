//! What every part that answers readers has at hand.

use crate::search::Catalogue;
use crate::store::NodeStore;
use crate::{Config, CoreHandle, Metrics};
use fallow_protocol::{Domain, NetworkFile, Set};
use std::sync::Arc;

/// All that the API reads from. Nothing in it changes the ledger but through the core.
#[derive(Debug)]
pub struct Shared {
    /// The way to the core.
    pub core: CoreHandle,
    /// What is committed.
    pub store: Arc<dyn NodeStore>,
    /// The network.
    pub network: NetworkFile,
    /// Its validator set.
    pub set: Set,
    /// Under which messages are signed.
    pub domain: Domain,
    /// What the node was started with.
    pub config: Config,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Every recorded resource with what its offer document says.
    pub catalogue: Arc<Catalogue>,
}
