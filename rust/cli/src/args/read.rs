//! `fallow resources`, `requests`, `ticket`, `verify` and `status`.

use super::message::ByAccount;
use super::through::ThroughArgs;
use super::{JsonArgs, MainnetArgs, NetworkArgs, SidechainArgs, TrustArgs, parse_id};
use crate::bars::When;
use crate::time::TimeArg;
use clap::Args;
use fallow_protocol::ResourceId;
use std::path::PathBuf;

/// Whose units are mine, and how they are shown.
#[derive(Args, Debug)]
pub(crate) struct Mine {
    /// Account key whose units are shown as mine: name or path; its password is not needed
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: Option<String>,
    /// Folder of the keys; in the home folder `.fallow/keys` unless given
    #[arg(long, value_name = "FOLDER", env = "FALLOW_KEYS")]
    pub(crate) keys_dir: Option<PathBuf>,
    /// Whether to draw a bar for each slot
    #[arg(long, value_name = "WHEN", env = "FALLOW_BARS", value_enum, default_value_t)]
    pub(crate) bars: When,
}

/// What every list takes.
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) filter: ByAccount,
    #[command(flatten)]
    pub(crate) mine: Mine,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) through: ThroughArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// `resources`.
#[derive(Args, Debug)]
pub(crate) struct Resources {
    #[command(flatten)]
    pub(crate) list: List,
    /// Time for which free units are shown
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub(crate) at: TimeArg,
    /// Only those whose offer document says so, such as `cpu >= 2 and gpu and memory >= 32GiB`
    /// (docs/operations.md tells the rest); with `--node` only, which is believed for what it
    /// leaves out
    #[arg(long = "where", value_name = "TERMS", requires = "node")]
    pub(crate) terms: Option<String>,
    /// Only those in this region; with `--node` only
    #[arg(long, value_name = "TEXT", requires = "node")]
    pub(crate) region: Option<String>,
}

/// `requests`.
#[derive(Args, Debug)]
pub(crate) struct Requests {
    #[command(flatten)]
    pub(crate) list: List,
    /// Only those on this resource
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    pub(crate) resource: Option<ResourceId>,
    /// With `--node`: follow the chain of every requester's records, not only of `--of`, so that
    /// none but the newest can be left out
    #[arg(long, requires = "node")]
    pub(crate) complete: bool,
    #[command(flatten)]
    pub(crate) mainnet: MainnetArgs,
}

/// `ticket`.
#[derive(Args, Debug)]
pub(crate) struct Ticket {
    /// Id of the request, or the index of its record
    #[arg(value_name = "ID")]
    pub(crate) record: String,
    /// Where to write it: `.ticket` for the small binary form, `.json` for the readable one
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Wait for so long until the validators have certified a checkpoint above the record
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) wait: crate::time::DurationArg,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) through: ThroughArgs,
}

/// `verify`.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The ticket, binary or JSON; `-` is standard input
    pub(crate) ticket: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// The verifier's clock, to reproduce a result; this machine's unless given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<TimeArg>,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// `status`.
#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) mainnet: MainnetArgs,
    #[command(flatten)]
    pub(crate) through: ThroughArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}
