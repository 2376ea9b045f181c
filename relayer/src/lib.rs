//! The relayer: aggregates signature shares from the bulletin and anchors certified checkpoints on
//! mainnet. Nobody has to trust it: all it can do is not to anchor, and then anybody else can.
//!
//! ```text
//! Follower::sync --> checkpoints      re-executed: our own digests, nobody else's
//! bulletin       --> shares           verified one by one, members only, one each
//! anchor         --> head             by whomever; must be the beginning of our log
//!      --> newest checkpoint with a quorum that the anchor's rules allow
//!      --> transaction durable in the store --> sent --> included --> final, or dropped
//! ```
//!
//! Stopping at any instant is safe. After a restart the stored transactions are followed first:
//! the same payload is sent again if no block has it, and nothing new before. A nonce has one call
//! for ever, and the anchor takes only checkpoints above its head, so each is anchored once, however
//! many relayers run.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod config;
mod error;
mod relayer;
mod state;
mod store;

pub use config::Config;
pub use error::RelayerError;
pub use fallow_store::Identity;
pub use relayer::Relayer;
pub use state::Status;
pub use store::{Anchoring, SCHEMA_VERSION, Store, StoreError};
