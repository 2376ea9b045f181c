//! What can go wrong on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why a development network does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// There is no anvil.
    #[error(
        "anvil was not found in node_modules or PATH; type `npm ci` in the repository, or set \
         FALLOW_ANVIL to the binary"
    )]
    AnvilMissing,
    /// FALLOW_ANVIL names no file.
    #[error("FALLOW_ANVIL is `{0}`, which is no file")]
    AnvilPath(PathBuf),
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// File or program.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A process ended too early.
    #[error("{name} ended with {status}: {output}")]
    Exited {
        /// The process.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its output.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{what}: not within {patience:?}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        patience: Duration,
    },
    /// A chain has an unexpected id: the port is somebody else's.
    #[error("the chain at {url} has id {got}, expected {want}")]
    ChainId {
        /// Where.
        url: String,
        /// Id it answered.
        got: u64,
        /// Id it was started with.
        want: u64,
    },
    /// A chain did not answer as expected.
    #[error("{url}: {source}")]
    Rpc {
        /// Where.
        url: String,
        /// What it said.
        source: Box<alloy::transports::TransportError>,
    },
    /// A client of the chain failed.
    #[error(transparent)]
    Chain(#[from] fallow_chain::ChainError),
    /// The contracts were not deployed.
    #[error(transparent)]
    Deploy(#[from] fallow_chain::DeployError),
    /// The network file cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The chain's address is none.
    #[error("`{0}` is no address of a chain")]
    Url(String),
}

impl DevnetError {
    /// Names the path in an input or output error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Names the chain in a failed call.
    pub(crate) fn rpc(url: &str) -> impl FnOnce(alloy::transports::TransportError) -> Self + use<> {
        let url = url.to_owned();
        move |source| Self::Rpc { url, source: Box::new(source) }
    }
}
