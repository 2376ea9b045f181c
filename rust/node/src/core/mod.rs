//! The core: one thread that owns the ledger, what is promised, and what is under way, and the only
//! one that writes to the store.
//!
//! ```text
//! commands --> [bounded mailbox] --> group: judge on the ledger ahead, sign, ONE commit, answer
//! blocks   -->                       block: re-execute, ONE commit, judge again what is pending
//! ```
//!
//! Whatever fails to be written is tried again until it is durable, and nothing else is written or
//! taken meanwhile.

mod actor;
mod admit;
mod ahead;
mod blocks;
mod clock;
mod flying;
mod gossip;
mod handle;
mod health;
mod input;
mod news;
mod open;
mod pace;
mod paths;
mod pending;
mod prepare;
mod staging;
mod state;
mod travelling;
mod types;
mod work;

#[cfg(test)]
mod tests;

pub(crate) use actor::Ended;
pub use handle::{CoreHandle, OFFER_MAX_BYTES};
pub use input::ChainInput;
pub(crate) use news::is_settled;
pub(crate) use open::{Opening, Running};
pub use types::{Admission, GossipOutcome, MainnetView, NodeEvent, NotReady, OfferError, View};
