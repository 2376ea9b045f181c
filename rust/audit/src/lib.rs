//! The audit: whoever has a log's static files, or the chain that it was recorded on, re-executes
//! every record and says whether the history is honest, or which record is not and why.
//!
//! ```text
//! Source (folder, server) --> Files --> bundles of entries
//!                                         |  all cores: decode, hash, recover signers
//!                                         v
//! snapshot (or genesis) --> Ledger --> one record after the other, byte for byte
//!                                         |
//!              certified checkpoints, anchorings: the root at their sizes
//!                                         v
//!                                 Report, with a Flaw if there is one
//! ```
//!
//! Nothing that a source gives is believed: every entry is re-executed, earlier entries that a later
//! one refers to are compared with the leaves that were re-executed, and hash tiles with the leaves.
//! What an audit cannot show is what a source leaves out after its newest checkpoint.
//!
//! Memory: the ledger's state, 32 bytes for each record, and some megabytes of what is under way.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod anchors;
mod audit;
mod chain;
mod error;
mod fields;
mod files;
mod flaw;
mod prepare;
mod report;
mod source;
mod state;
mod watch;

pub use anchors::{anchorings, certified_by};
pub use audit::{Audit, Progress};
pub use chain::audit_chain;
pub use error::AuditError;
pub use files::Files;
pub use flaw::{Flaw, FlawFile};
pub use report::{Report, ReportFile};
pub use source::{Folder, Server, Source, SourceError};
pub use state::{load_snapshot, save_snapshot};
pub use watch::{Anchoring, Certified, Expected};
