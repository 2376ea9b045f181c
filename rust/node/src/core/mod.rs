//! The core: one thread that owns the ledger, what is promised, and what is under way, and the only
//! one that writes to the store.
//!
//! ```text
//! commands --> [bounded mailbox] --> group: judge on the ledger ahead, sign, ONE commit, answer
//! blocks   -->                       block: re-execute, ONE commit, judge again what is pending
//! ```

mod handle;
mod input;
mod types;

pub use handle::CoreHandle;
pub use input::ChainInput;
pub use types::{Admission, GossipOutcome, MainnetView, NodeEvent, NotReady, OfferError, View};
