//! A node whose every word is checked: against the validators' certificates, against the signatures
//! of those who are concerned, and against what this machine has seen before.
//!
//! ```text
//! network file + set --> Trust     checkpoint, certificate --> head --> records, lists, tickets
//! state file ----------> seen  -------- consistent with ------^           (paths to its root)
//! ```

mod history;
mod lists;
mod message;
mod records;
mod tiles;

pub use history::{AnchoredLog, Certified};
pub use lists::{AllocationSeen, Allocations, Completeness, ResourceSeen, Resources};
pub use message::{Submitted, Travel};
pub use records::{IdOrIndex, Proven, Standing, is_not_certified_yet, level_name};

use crate::check::Rules;
use crate::state::{State, StateError};
use crate::types::StatusAnswer;
use crate::{ClientError, Lie, Limits, NodeClient};
use alloy_primitives::Address;
use fallow_light_client::{Trust, TrustError};
use fallow_protocol::{Announcement, Checkpoint, NetworkFile, Refusal, Set};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use tokio::sync::Mutex;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The node lies. What shows it is kept.
    #[error("{lie}")]
    Lie {
        /// In what.
        lie: Box<Lie>,
        /// File with the evidence.
        evidence: PathBuf,
    },
    /// The node lies, but what shows it could not be kept.
    #[error("{lie}; the evidence could not be kept")]
    LieUnkept {
        /// In what.
        lie: Box<Lie>,
        /// Why not.
        #[source]
        error: StateError,
    },
    /// There is no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What this machine has seen cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The set that was given is not the network's.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Nobody verifies anything with the set any more.
    #[error("{0}")]
    SetExpired(Refusal),
    /// A promised message was not recorded, for a reason that the node could not foresee.
    #[error("the message was not recorded after all: {} {}: {}", .0.code, .0.title, .0.detail)]
    Failed(Box<crate::types::Problem>),
    /// A promised message is not recorded yet.
    #[error("the message is promised, and not recorded yet")]
    NotYet,
}

impl NodeError {
    /// The lie, if it is one.
    #[must_use]
    pub const fn lie(&self) -> Option<&Lie> {
        match self {
            Self::Lie { lie, .. } | Self::LieUnkept { lie, .. } => Some(lie),
            _ => None,
        }
    }
}

/// What one needs to talk to a node without trusting it.
#[derive(Debug)]
pub struct Options {
    /// The node.
    pub url: String,
    /// Bounds on talking to it.
    pub limits: Limits,
    /// The network, as somebody else told it.
    pub network: NetworkFile,
    /// Its validator set; the node is asked for it unless given.
    pub set: Option<Set>,
    /// Folder of what this machine has seen.
    pub state: PathBuf,
    /// This machine's clock, unix seconds.
    pub clock: fn() -> u64,
}

/// A node whose answers are verified.
#[derive(Debug)]
pub struct VerifiedNode {
    client: NodeClient,
    network: NetworkFile,
    rules: Rules,
    trust: Trust,
    state: State,
    clock: fn() -> u64,
    /// Who signs promises, as the node says.
    account: Address,
    head: Option<Certified>,
    /// Checkpoints that were verified to be of this history, by block.
    known: Mutex<BTreeMap<u64, Checkpoint>>,
    /// Announcements of resources by the index of their records, verified.
    terms: Mutex<HashMap<u64, Announcement>>,
}

impl VerifiedNode {
    /// Connects: compares network and set, and the node's newest certified checkpoint with the one
    /// that this machine has seen.
    ///
    /// # Errors
    /// When the node is none, of another network, or shows another history.
    pub async fn connect(options: Options) -> Result<Self, NodeError> {
        let Options { url, limits, network, set, state, clock } = options;
        let client = NodeClient::new(&url, limits)?;
        let state = State::new(state, network.network_id);
        let caught = |lie, exhibit| caught(&state, client.url(), clock(), lie, exhibit);
        let theirs = client.network().await?;
        let (got, want) = (theirs.network_id, network.network_id);
        if got != want {
            return Err(caught(Lie::NetworkMismatch { got, want }, json!(theirs)));
        }
        let set = match set {
            Some(set) => set,
            None => {
                let bytes = client.set(network.trust.set_hash).await?;
                let exhibit = || json!({ "set": bytes });
                let set = Set::decode(&bytes)
                    .map_err(|error| caught(Lie::SetMalformed(error), exhibit()))?;
                let (got, want) = (set.hash(), network.trust.set_hash);
                if got != want {
                    return Err(caught(Lie::SetMismatch { got, want }, exhibit()));
                }
                set
            }
        };
        let rules =
            Rules { domain: network.domain(), writers: network.network.parameters.writers.clone() };
        let mut node = Self {
            trust: Trust::new(&network, set)?,
            client,
            network,
            rules,
            state,
            clock,
            account: Address::ZERO,
            head: None,
            known: Mutex::default(),
            terms: Mutex::default(),
        };
        node.account = node.status().await?.node;
        node.refresh().await?;
        Ok(node)
    }

    /// The client, for what nothing is at stake in.
    #[must_use]
    pub const fn client(&self) -> &NodeClient {
        &self.client
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &NetworkFile {
        &self.network
    }

    /// The validator set.
    #[must_use]
    pub const fn set(&self) -> &Set {
        self.trust.set()
    }

    /// Who signs the node's promises, as the node says.
    #[must_use]
    pub const fn account(&self) -> Address {
        self.account
    }

    /// The newest certified checkpoint, verified; `None` before the first.
    #[must_use]
    pub const fn head(&self) -> Option<&Certified> {
        self.head.as_ref()
    }

    /// Accuses the node of a lie that the caller has found, and keeps the evidence.
    #[must_use]
    pub fn refute(&self, lie: Lie, exhibit: &impl serde::Serialize) -> NodeError {
        self.caught(lie, json!(exhibit))
    }

    /// Which records no node can deny.
    pub(crate) fn certified_size(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.checkpoint.size)
    }

    /// What the node says of itself: its word only, but for network and sizes.
    ///
    /// # Errors
    /// When it is of another network, or behind what is certified.
    pub async fn status(&self) -> Result<StatusAnswer, NodeError> {
        let status = self.client.status().await?;
        let (got, want) = (status.network_id.into(), self.network.network_id);
        if got != want {
            return Err(self.caught(Lie::NetworkMismatch { got, want }, json!(status)));
        }
        self.long_enough(status.size.min(status.certified_size), &status)?;
        Ok(status)
    }

    /// An answer of a log that is shorter than what is certified leaves something out.
    pub(crate) fn long_enough(
        &self,
        got: u64,
        answer: &impl serde::Serialize,
    ) -> Result<(), NodeError> {
        let want = self.certified_size();
        if got < want {
            return Err(self.caught(Lie::LogTooShort { got, want }, json!(answer)));
        }
        Ok(())
    }

    /// Keeps the evidence of a lie.
    pub(crate) fn caught(&self, lie: Lie, exhibit: Value) -> NodeError {
        caught(&self.state, self.client.url(), (self.clock)(), lie, exhibit)
    }
}

/// Keeps the evidence of a lie: what was said, and the newest checkpoint that was seen before.
fn caught(state: &State, url: &str, now: u64, lie: Lie, exhibit: Value) -> NodeError {
    let seen = match state.seen() {
        Ok(seen) => seen,
        Err(error) => return NodeError::LieUnkept { lie: Box::new(lie), error },
    };
    let evidence = json!({
        "version": 1,
        "node": url,
        "time": now.to_string(),
        "lie": lie.name(),
        "message": lie.to_string(),
        "seen": seen,
        "shown": exhibit,
    });
    match state.keep(&evidence, now) {
        Ok(evidence) => NodeError::Lie { lie: Box::new(lie), evidence },
        Err(error) => NodeError::LieUnkept { lie: Box::new(lie), error },
    }
}
