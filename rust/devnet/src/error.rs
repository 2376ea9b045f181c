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
    /// A kept chain's journal is damaged.
    #[error("{path}, line {line}: {why}")]
    Journal {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A kept chain came out differently: another anvil executes differently.
    #[error("{url}: block {number} has hash {got} when executed again, it had {want}")]
    Replayed {
        /// The chain.
        url: String,
        /// The block.
        number: u64,
        /// Its hash now.
        got: alloy_primitives::B256,
        /// Its hash when it was made.
        want: alloy_primitives::B256,
    },
    /// A chain does not have a block that it just made.
    #[error("{url} does not have block {number}")]
    NoBlock {
        /// The chain.
        url: String,
        /// The block.
        number: u64,
    },
    /// A kept network's file does not say what it should.
    #[error("{path}: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A kept network's file is there, its chains are not.
    #[error("{0} has not both chains of the network any more")]
    ChainsGone(PathBuf),
    /// Somebody else has the port of a kept network.
    #[error("port {0} is taken by another program")]
    PortTaken(u16),
    /// The clock of this machine shows a time before 1970.
    #[error("the clock of this machine is wrong")]
    Clock,
    /// A program error ended the task that keeps a chain.
    #[error("the keeper of {0} died")]
    KeeperDied(String),
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
