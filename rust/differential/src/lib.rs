//! The registry and `fallow-ledger` are the same machine. One random schedule of messages goes
//! through the contract on a real chain and through the library, block by block:
//!
//! ```text
//! seed --> schedule --> Message, .. --> Ledger::apply, apply_batch --> refusals, records
//!             ^             \                                              |  compared
//!             |              calldata --> Forwarder --> registry --> events, reverts, size, root
//!             +---------- what became of earlier messages
//! ```
//!
//! After each block the refusals have to be the same in the same order, with the same words, and so
//! have the log's size and root: equal roots mean that all records are equal byte for byte. A
//! re-execution that sees nothing but the registry's events has to come to the same log, too. From
//! time to time the contract's whole storage is compared with [`fallow_ledger::Ledger::storage`].
//! Then the ledger is saved, and the run goes on with what is loaded. The first difference ends the
//! run, and names the message and both answers.
//!
//! The schedule follows from its seed alone.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a tool of tests: both profiles check for overflows, and a panic is a failed test"
)]

mod block;
mod call;
mod cast;
mod chain;
mod claims;
mod dice;
mod error;
mod notable;
mod offers;
mod releases;
mod runner;
mod schedule;
mod summary;
mod verdict;
mod world;

pub use call::Entry;
pub use error::DifferentialError;
pub use notable::Notable;
pub use runner::{Options, run};
pub use summary::Summary;
