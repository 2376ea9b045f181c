//! `fallow deploy`.

use super::{KeyArgs, MainnetArgs, SidechainArgs, parse_address};
use crate::time::{DurationArg, TimeArg};
use alloy_primitives::Address;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Deployment, in two steps with the proofs of possession between them.
#[derive(Debug, Subcommand)]
pub(crate) enum Deploy {
    /// Fix the parameters and predict the addresses; nothing is sent
    Plan(Plan),
    /// Deploy what was planned, and write the network and set files
    Run(Run),
}

/// `deploy plan`.
#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// Account that will deploy on both chains; its next nonces fix the contracts' addresses
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) deployer: Address,
    /// Sidechain blocks between two blocks that may be checkpoints
    #[arg(long, value_name = "BLOCKS", default_value_t = 10)]
    pub(crate) checkpoint_interval: u64,
    /// Sidechain blocks after which an idle network is checkpointed; a multiple of the interval
    #[arg(long, value_name = "BLOCKS", default_value_t = 600)]
    pub(crate) heartbeat: u64,
    /// Time from anchoring until a checkpoint is settled, e.g. `7d`
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    pub(crate) challenge_period: DurationArg,
    /// Time to answer a query on mainnet, e.g. `1d`
    #[arg(long, value_name = "DURATION", default_value = "1d")]
    pub(crate) query_deadline: DurationArg,
    /// How many checkpoints the anchor keeps; with the challenge period it bounds how often one
    /// can anchor
    #[arg(long, value_name = "NUMBER", default_value_t = 16_384)]
    pub(crate) ring_size: u32,
    /// Where to write the plan
    #[arg(long, value_name = "FILE", default_value = "plan.json")]
    pub(crate) out: PathBuf,
    /// Overwrite a plan that is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) mainnet: MainnetArgs,
}

/// `deploy run`.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The plan
    #[arg(long, value_name = "FILE", default_value = "plan.json")]
    pub(crate) plan: PathBuf,
    /// Account key of the deployer that the plan names: name or path
    #[arg(long, value_name = "NAME")]
    pub(crate) key: String,
    /// Member file of each validator (`fallow keys prove`); repeat it
    #[arg(long = "member", value_name = "FILE", required = true)]
    pub(crate) members: Vec<PathBuf>,
    /// When the validator set expires, at most 30 days ahead
    #[arg(long, value_name = "TIME", default_value = "+28d")]
    pub(crate) not_after: TimeArg,
    /// Where to write the network file; the set file goes beside it
    #[arg(long, value_name = "FILE", default_value = "network.json")]
    pub(crate) out: PathBuf,
    /// Overwrite a network file that is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) mainnet: MainnetArgs,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
}
