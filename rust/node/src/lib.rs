//! A node: follows the sidechain, keeps every record and proof at hand, batches messages, serves
//! the HTTP API (`docs/protocol.md` sections 17 to 19). Whoever asks it verifies what it says.
//!
//! ```text
//!          HTTP --submit, check, gossip--> core (ledger, ahead, pending) --commit--> NodeStore
//! readers: HTTP --read--> NodeStore, files of the log, catalogue
//! chain:   follow (blocks, anchors, certificates) --> core    batcher: core --> sidechain
//! ```
//!
//! One thread, the core, owns all that changes; everything else sends it messages or reads what it
//! has committed. What is committed is durable, and only what is durable is answered.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

pub mod batcher;
pub mod core;
pub mod follow;
pub mod http;
pub mod metrics;
pub mod search;
pub mod store;

mod config;
mod error;
mod gossip;
mod node;
mod shared;

pub use config::{Config, HttpLimits};
pub use core::{
    Admission, ChainInput, CoreHandle, GossipOutcome, MainnetView, NodeEvent, NotReady, OfferError,
    View,
};
pub use error::NodeError;
pub use metrics::Metrics;
pub use node::Node;
pub use shared::{Known, KnownPlace, Shared, confirmations};
