//! What is to be written, and what follows from it once it is durable.

use crate::core::NodeEvent;
use crate::store::types::{Change, ResourceRow};
use alloy_primitives::B256;
use fallow_chain::BlockRef;
use fallow_protocol::ResourceId;

/// A change that must not be lost: it is tried until it is durable, and nothing else is written
/// before it.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) change: Change,
    pub(crate) after: After,
}

/// What follows from a change.
#[derive(Debug)]
pub(crate) enum After {
    /// Blocks are in.
    Blocks(Box<BlocksIn>),
    /// Transactions are stored: they may be sent (their nonces).
    Stored(Vec<u64>),
    /// These messages are given up (arrival numbers).
    GivenUp(Vec<u64>),
    /// Levels of records may have changed.
    Levels(Vec<NodeEvent>),
    /// These announcements travel no more, and nothing names these documents.
    Ended(Vec<ResourceId>, Vec<B256>),
    /// The disk works again.
    Nothing,
}

/// What blocks brought.
#[derive(Debug)]
pub(crate) struct BlocksIn {
    /// The last of them.
    pub(crate) block: BlockRef,
    /// Records in the log.
    pub(crate) size: u64,
    /// The log's root.
    pub(crate) root: B256,
    /// Own messages that are recorded: arrival number, and the time of the record's block.
    pub(crate) recorded: Vec<(u64, u64)>,
    /// New resources.
    pub(crate) rows: Vec<ResourceRow>,
    /// Resources that were closed.
    pub(crate) closed: Vec<ResourceId>,
    /// Announcements that travel no more.
    pub(crate) ended: Vec<ResourceId>,
    /// What to tell.
    pub(crate) events: Vec<NodeEvent>,
}
