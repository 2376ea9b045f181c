//! Verifies tickets and access grants offline (`docs/protocol.md` sections 12 and 13): given a
//! network file, the validator set it names, a clock and the files themselves, nothing else is
//! needed, and nobody is asked. No I/O, no clock of its own.
//!
//! ```text
//! network file + set --> Trust --> Verifier --verify_ticket--> TicketReport
//!                                      \------verify_access--> AccessReport   or a Refusal
//! ```
//!
//! What a report means: the record stood in the log at a checkpoint that a quorum of the trusted
//! set signed. It does not say that nothing was released since.
//!
//! The signatures of the request itself are not verified again: the validators did before they
//! signed. The record commits to them, and the ticket carries them for whoever wants to.
//!
//! ```
//! use fallow_light_client::{Trust, TrustError, Verifier};
//! use fallow_protocol::{NetworkFile, Set};
//!
//! fn verifier(file: &NetworkFile, set_bytes: &[u8]) -> Result<Verifier, Box<dyn std::error::Error>> {
//!     Ok(Verifier::new(Trust::new(file, Set::decode(set_bytes)?)?))
//! }
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod access;
mod ticket;
mod trust;
mod verifier;

pub use access::{Access, AccessReport};
pub use ticket::TicketReport;
pub use trust::{Trust, TrustError};
pub use verifier::{MAX_KNOWN_CHECKPOINTS, Verifier};
