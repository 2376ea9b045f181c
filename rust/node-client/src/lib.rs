//! What a node's HTTP API says (`docs/protocol.md` section 19), and a client that checks all of it.
//!
//! * [`types`]: the JSON bodies, shared with the node.
//! * [`NodeClient`]: asks a node, within bounds; believes nothing, checks nothing.
//! * [`VerifiedNode`]: checks everything before it is shown: [`Rules`] what an answer says of
//!   itself, certificates and paths what it says of the log, [`State`] what was seen before.
//! * [`Lie`]: how a node is caught.
//! * [`NodeCode`]: why a node does not answer what was asked.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod check;
mod client;
mod code;
mod error;
mod lie;
mod query;
mod state;
pub mod types;
mod verified;

pub use check::{Rules, Sound, kind_name, message_id};
pub use client::{Limits, NodeClient};
pub use code::NodeCode;
pub use error::ClientError;
pub use lie::Lie;
pub use query::{Posted, RequestQuery, ResourceQuery};
pub use state::{State, StateError};
pub use verified::{
    AllocationSeen, Allocations, AnchoredLog, Certified, Completeness, IdOrIndex, NodeError,
    Options, Proven, ResourceSeen, Resources, Standing, Submitted, Travel, VerifiedNode,
    is_not_certified_yet, level_name,
};
