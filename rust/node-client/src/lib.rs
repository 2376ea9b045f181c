//! What a node's HTTP API says (`docs/protocol.md` section 19), and a client that checks all of it.
//!
//! * [`types`]: the JSON bodies, shared with the node.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

pub mod types;
