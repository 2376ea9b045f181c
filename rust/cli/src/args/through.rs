//! `--node`: through a node's HTTP API instead of a sidechain.

use clap::Args;
use std::path::PathBuf;

/// Which node to go through, and where to remember what was seen of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ThroughArgs {
    /// Go through this node over HTTP; no chain is asked then, and everything that the node answers
    /// is verified before it is shown
    #[arg(long, value_name = "URL", env = "FALLOW_NODE")]
    pub(crate) node: Option<String>,
    /// Folder that remembers the newest checkpoint seen of each network, and keeps the evidence
    /// against nodes that lie; in the home folder `.fallow/state` unless given
    #[arg(long, value_name = "FOLDER", env = "FALLOW_STATE")]
    pub(crate) state: Option<PathBuf>,
}

/// What to do with a node's promise.
#[derive(Args, Clone, Debug)]
pub(crate) struct PromiseArgs {
    /// Where to write the node's signed promise; in the home folder
    /// `.fallow/promises/NETWORK/MESSAGE.json` unless given
    #[arg(long, value_name = "FILE", requires = "node")]
    pub(crate) promise: Option<PathBuf>,
    /// End with the node's promise: do not wait until the message is recorded
    #[arg(long, requires = "node")]
    pub(crate) no_wait: bool,
}
