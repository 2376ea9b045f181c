//! `fallow audit`.

use super::{JsonArgs, TrustArgs};
use clap::Args;
use fallow_chain::Finality;
use std::path::PathBuf;

/// `audit`.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) source: Source,
    /// When a sidechain block is final: `latest`, `finalized`, or with that many blocks after it
    #[arg(
        long,
        value_name = "WHEN",
        env = "FALLOW_FINALITY",
        default_value = "finalized",
        value_parser = super::parse_finality
    )]
    pub(crate) finality: Finality,
    /// JSON-RPC of a node of the chain with the anchor: every anchored checkpoint is compared
    #[arg(long, value_name = "URL", env = "FALLOW_MAINNET")]
    pub(crate) mainnet: Option<String>,
    /// Begin after this snapshot of the ledger instead of the genesis record; what it says is taken
    /// as it is. Not with `--sidechain`
    #[arg(long, value_name = "FILE", conflicts_with = "sidechain")]
    pub(crate) from: Option<PathBuf>,
    /// Snapshot that is written as the audit goes on, and begun with if it is there: the next audit
    /// goes on where this one stopped. Not with `--sidechain`
    #[arg(long, value_name = "FILE", conflicts_with = "sidechain")]
    pub(crate) state: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// Where the log comes from.
#[derive(Args, Debug)]
pub(crate) struct Source {
    /// Folder with the log's static files
    #[arg(long, value_name = "FOLDER", conflicts_with = "sidechain")]
    pub(crate) tiles: Option<PathBuf>,
    /// JSON-RPC of a sidechain node: its blocks and the validators' shares, from genesis
    #[arg(long, value_name = "URL")]
    pub(crate) sidechain: Option<String>,
    /// A node, or any server that has the static files below this URL; not asked if `--tiles` or
    /// `--sidechain` is given
    #[arg(
        long,
        value_name = "URL",
        env = "FALLOW_NODE",
        required_unless_present_any = ["tiles", "sidechain"]
    )]
    pub(crate) node: Option<String>,
}
