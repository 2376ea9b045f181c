//! `fallow validator`, `relayer` and `demo`.

use super::{KeyArgs, MainnetArgs, SidechainArgs, TrustArgs};
use crate::time::DurationArg;
use clap::Args;
use std::path::PathBuf;

/// What every daemon takes that follows the sidechain.
#[derive(Args, Debug)]
pub(crate) struct DaemonArgs {
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    /// Time between two looks at the chain, milliseconds
    #[arg(long, value_name = "MS", env = "FALLOW_POLL", default_value_t = 500)]
    pub(crate) poll: u64,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

/// What a daemon says of itself.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// What to log on standard error: `error`, `warn`, `info`, `debug`, `trace`, or one of them
    /// for each module, e.g. `info,fallow_chain=debug`
    #[arg(long, value_name = "FILTER", env = "FALLOW_LOG", default_value = "info")]
    pub(crate) log: String,
    /// Log JSON instead of lines for people
    #[arg(long, env = "FALLOW_LOG_JSON")]
    pub(crate) log_json: bool,
}

/// `validator`.
#[derive(Args, Debug)]
pub(crate) struct Validator {
    /// BLS key that signs checkpoints: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_BLS_KEY")]
    pub(crate) bls_key: String,
    /// The member's account key, which posts the shares: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: String,
    /// File that remembers what was signed; losing it risks signing twice
    #[arg(
        long,
        value_name = "FILE",
        env = "FALLOW_VALIDATOR_STORE",
        default_value = "validator.redb"
    )]
    pub(crate) store_file: PathBuf,
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
}

/// `relayer`.
#[derive(Args, Debug)]
pub(crate) struct Relayer {
    /// Account key that pays for anchoring on mainnet: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: String,
    /// File that remembers what was submitted
    #[arg(long, value_name = "FILE", env = "FALLOW_RELAYER_STORE", default_value = "relayer.redb")]
    pub(crate) store_file: PathBuf,
    #[command(flatten)]
    pub(crate) mainnet: MainnetArgs,
    /// Least time between two anchorings; every one costs gas
    #[arg(long, value_name = "DURATION", env = "FALLOW_ANCHOR_EVERY", default_value = "5m")]
    pub(crate) every: DurationArg,
    /// Mainnet blocks after its own until a transaction is final
    #[arg(long, value_name = "BLOCKS", env = "FALLOW_CONFIRMATIONS", default_value_t = 2)]
    pub(crate) confirmations: u64,
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
}

/// `demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Folder for the files that stay; what an earlier demo left there is replaced
    #[arg(long, value_name = "FOLDER", default_value = "fallow-demo")]
    pub(crate) out: PathBuf,
}
