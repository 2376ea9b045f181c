//! What is no packed batch, and what cannot become one.

use super::request::MAX_GROUP_ITEMS;
use crate::{DecodeError, MAX_PATH_NODES, ResourceId};

/// Why bytes are no packed batch: what `PackedBatchInvalid(offset, length)` says, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group or item at byte {offset} of {length} cannot be read: {source}")]
pub struct PackedError {
    /// Where the group or item begins.
    pub offset: usize,
    /// Bytes of the batch.
    pub length: usize,
    /// What is wrong with it.
    pub source: DecodeError,
}

/// Why a group or an item has no packed form. `index` is its place among those given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A group has no items, or too many.
    #[error("group {index} has {got} items, expected 1 to {MAX_GROUP_ITEMS}")]
    Count {
        /// Which group.
        index: usize,
        /// Its items.
        got: usize,
    },
    /// A time has no room in 40 bits.
    #[error("number {index}: `{field}` is {got}, expected a time below 2^40")]
    Time {
        /// Which group or item.
        index: usize,
        /// The time's name.
        field: &'static str,
        /// The time, unix seconds.
        got: u64,
    },
    /// In one group all items are approved, or none.
    #[error("group {index} has items with an approval and items without")]
    MixedApprovals {
        /// Which group.
        index: usize,
    },
    /// The announcement brought along is of another resource than the request.
    #[error("number {index}: the announcement brought along is {got}, the request is for {want}")]
    Announcement {
        /// Which item.
        index: usize,
        /// Id of the announcement.
        got: ResourceId,
        /// The request's resource.
        want: ResourceId,
    },
    /// A path is too long.
    #[error("number {index}: the path has {got} nodes, at most {MAX_PATH_NODES} are taken")]
    Path {
        /// Which item.
        index: usize,
        /// Its nodes.
        got: usize,
    },
}
