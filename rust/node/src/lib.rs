//! A node: follows the sidechain, keeps every record and proof at hand, batches messages, serves
//! the HTTP API (`docs/protocol.md` sections 17 to 19). Whoever asks it verifies what it says.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

pub mod store;
