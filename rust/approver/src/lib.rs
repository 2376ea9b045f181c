//! Co-signs requests by a policy file, so that a provider can say who may book (`docs/protocol.md`
//! sections 3.1, 4.2 and 15, `docs/approver.md`).
//!
//! ```text
//! signed request --> Claim::judge --> Store::count --> signature over the request's id
//!                    (pure)           (on the disk)
//!                       \---------------- \---------> Refusal: code, got, want
//! ```
//!
//! An approver sees no chain: it judges what a request says of itself, and counts what it signs,
//! whether or not it is recorded. Nothing leaves before it is counted on the disk. Asked the same
//! again, it gives the same signature (RFC 6979) and counts nothing.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod approver;
mod claim;
mod daemon;
mod error;
mod http;
mod policy;
mod store;

pub use approver::{Approver, Config};
pub use claim::{Claim, Days};
pub use daemon::{Daemon, Limits};
pub use error::{ApproveError, ApproverError};
pub use fallow_store::StoreError;
pub use policy::{POLICY_MAX_BYTES, Policy, PolicyError, PolicyFile, Requester};
pub use store::{Counted, SCHEMA_VERSION, Store};
