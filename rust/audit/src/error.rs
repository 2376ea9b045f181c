//! Why an audit cannot be done. What is wrong with the log itself is a [`Flaw`](crate::Flaw).

use crate::SourceError;
use alloy_primitives::B256;
use fallow_chain::ChainError;
use fallow_ledger::SnapshotError;
use fallow_light_client::TrustError;
use fallow_log::LogError;
use fallow_protocol::{FileError, NetworkId, SetError};
use std::path::PathBuf;

/// Neither honest nor flawed: the audit could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file that an audit begins with is not there.
    #[error("`{0}` is not there")]
    Missing(String),
    /// A JSON file is none of its kind.
    #[error("`{path}` cannot be read: {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        error: Box<FileError>,
    },
    /// The set's file is none.
    #[error("`{path}` is no set: {error}")]
    Set {
        /// The file.
        path: String,
        /// Why.
        #[source]
        error: SetError,
    },
    /// The set is another one than the network file trusts.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The files are those of another network.
    #[error("the files are of network {got}, not {want}")]
    Network {
        /// Network of the files.
        got: NetworkId,
        /// The network file's.
        want: NetworkId,
    },
    /// The state file is no snapshot of this network.
    #[error("`{path}`: {error}")]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: SnapshotError,
    },
    /// The state file cannot be read or written.
    #[error("`{path}`: {error}")]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The state is not of a log that the source continues.
    #[error(
        "the state is of a log of {size} records with root {got}, the source's has {want} there"
    )]
    StateRoot {
        /// Records in the state's log.
        size: u64,
        /// Its root.
        got: B256,
        /// The source's.
        want: B256,
    },
    /// The state is ahead of the source.
    #[error("the state has {state} records, the source's newest checkpoint only {source_size}")]
    StateAhead {
        /// Records in the state's log.
        state: u64,
        /// Records under the source's checkpoint.
        source_size: u64,
    },
    /// No log is that large.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A chain, or the node that shows it.
    #[error(transparent)]
    Chain(#[from] ChainError),
}
