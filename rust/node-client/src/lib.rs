//! What a node's HTTP API says (`docs/protocol.md` section 19), and a client that checks all of it.
//!
//! * [`NodeClient`]: asks a node, within bounds; believes nothing, checks nothing.
//! * [`types`]: the JSON bodies, shared with the node.
//! * [`NodeCode`]: why a node does not answer what was asked.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod client;
mod code;
pub mod types;

pub use client::{ClientError, Limits, NodeClient, Posted, RequestQuery, ResourceQuery};
pub use code::NodeCode;
