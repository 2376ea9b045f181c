//! A validator: follows the sidechain, re-executes every record, signs checkpoints of a chain that
//! it agrees with, and posts its signature shares on the bulletin.
//!
//! ```text
//! Follower::sync --> checkpoint blocks, in order       disagrees: refused, for ever
//!      --> digest durable in the store                 another digest there: refused
//!      --> share = BLS signature of the digest         deterministic, so never stored
//!      --> transaction to the bulletin, until final    another digest there: refused
//! ```
//!
//! The one rule: never two digests for one (era, block) (docs/protocol.md section 8). Stopping at
//! any instant is safe. A restart re-executes the chain, finds in the store what was signed and on
//! the bulletin what was posted, and goes on by the same code.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod config;
mod error;
mod state;
mod store;
mod validator;

pub use config::{Config, ConfigError};
pub use error::{RefusalReason, ValidatorError};
pub use fallow_store::{Identity, StoreError};
pub use state::{Phase, Status};
pub use store::{Reserved, SCHEMA_VERSION, Store};
pub use validator::Validator;
