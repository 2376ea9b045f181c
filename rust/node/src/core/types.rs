//! What the core answers and shows.

use crate::store::types::Anchored;
use alloy_primitives::B256;
use fallow_chain::BlockRef;
use fallow_node_client::NodeCode;
use fallow_protocol::{Checkpoint, PromiseFile, Refusal, RefusalFile};

/// What becomes of a message that was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is durable, and will be recorded.
    Promised(Box<PromiseFile>),
    /// It is in the log.
    Recorded {
        /// Position.
        index: u64,
    },
    /// It breaks a rule: the signed statement, and the same to read.
    Refused(Box<RefusalFile>, Refusal),
    /// It cannot be judged.
    Rejected(NodeCode),
}

/// What becomes of an announcement that travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GossipOutcome {
    /// It was new.
    Taken,
    /// It was here before.
    Known,
    /// It is in the log.
    Recorded {
        /// Position.
        index: u64,
    },
    /// It breaks a rule.
    Refused(Refusal),
    /// It is over (917), or the provider or the node has as many as it may (910).
    Rejected(NodeCode),
}

/// Why nothing can be submitted at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Too much is waiting.
    #[error("too many promises or submissions are open")]
    QueueFull,
    /// The sidechain cannot be reached, or is not at its head.
    #[error("the sidechain is away: {0}")]
    ChainAway(String),
    /// The disk failed.
    #[error("the store failed: {0}")]
    StoreFailed(String),
    /// The chain contradicts the re-execution, or the node ends.
    #[error("stopped: {0}")]
    Stopped(String),
}

impl NotReady {
    /// The code that says it.
    #[must_use]
    pub const fn code(&self) -> NodeCode {
        match self {
            Self::QueueFull => NodeCode::QueueFull,
            Self::ChainAway(_) => NodeCode::ChainAway,
            Self::StoreFailed(_) => NodeCode::StoreFailed,
            Self::Stopped(_) => NodeCode::Stopped,
        }
    }
}

/// Why an offer document was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// It is too long.
    #[error("the document has {got} bytes, at most {want} are kept")]
    TooLong {
        /// Bytes it has.
        got: usize,
        /// The most.
        want: usize,
    },
    /// It is no JSON.
    #[error("the document is no JSON")]
    NotJson,
    /// No announcement that the node knows names it.
    #[error("no announcement names a document of hash {0}")]
    Unnamed(B256),
    /// Nothing can be taken now.
    #[error(transparent)]
    NotReady(#[from] NotReady),
}

/// Where mainnet is, as its node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainnetView {
    /// Latest block.
    pub latest: u64,
    /// Latest block that mainnet calls final, 0 before the first.
    pub finalized: u64,
    /// Time of the latest block, unix seconds.
    pub time: u64,
}

/// The node at a glance, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The last block that is in.
    pub block: BlockRef,
    /// The sidechain's latest block number, as its node says.
    pub latest: u64,
    /// Records in the log.
    pub size: u64,
    /// The log's root.
    pub root: B256,
    /// Records under the newest certified checkpoint.
    pub certified_size: u64,
    /// Records under the newest anchored checkpoint.
    pub anchored_size: u64,
    /// Records under the newest settled checkpoint.
    pub settled_size: u64,
    /// Where mainnet is; absent before it was read.
    pub mainnet: Option<MainnetView>,
    /// Messages that are promised and not recorded.
    pub open_promises: usize,
    /// Why nothing can be submitted, if so.
    pub not_ready: Option<NotReady>,
}

/// What happened, for whoever listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// New records.
    Records {
        /// Position of the first.
        first: u64,
        /// How many.
        count: u64,
        /// Their block; of several blocks the last one.
        block: u64,
    },
    /// A new checkpoint.
    Checkpoint(Checkpoint),
    /// The checkpoint of this block has its certificate.
    Certified(u64),
    /// A checkpoint is on mainnet.
    Anchored(Anchored),
}
