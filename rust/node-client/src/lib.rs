//! What a node's HTTP API says (`docs/protocol.md` section 19), and a client that checks all of it.
//!
//! * [`types`]: the JSON bodies, shared with the node.
//! * [`NodeCode`]: why a node does not answer what was asked.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod code;
pub mod types;

pub use code::NodeCode;
