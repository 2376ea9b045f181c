//! `fallow request` and `check`.

use super::message::SignArgs;
use super::through::ThroughArgs;
use super::{JsonArgs, KeyArgs, NetworkArgs, SidechainArgs, parse_id};
use crate::time::{DurationArg, TimeArg};
use clap::Args;
use fallow_protocol::ResourceId;
use std::path::PathBuf;

/// How much, and when.
#[derive(Args, Clone, Debug)]
pub(crate) struct Ask {
    /// Units wanted in every slot
    #[arg(long, value_name = "UNITS")]
    pub(crate) volume: Option<u16>,
    /// Start: `now` and `+2h` mean the slot in progress then, every other time is a slot boundary
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub(crate) start: TimeArg,
    /// How long: whole slots; one slot unless given
    #[arg(long = "for", value_name = "DURATION")]
    pub(crate) length: Option<DurationArg>,
    /// Sequence number; the next one of the requester unless given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sequence: Option<u64>,
}

/// `request`.
#[derive(Args, Debug)]
pub(crate) struct Request {
    /// A signed request to send; anybody may. Without it, the flags below make one
    #[arg(
        value_name = "FILE",
        conflicts_with_all = ["resource", "volume", "start", "length", "sequence", "sign_only"]
    )]
    pub(crate) request: Option<PathBuf>,
    /// Id of the resource (`fallow resources`)
    #[arg(long, value_name = "ID", value_parser = parse_id, conflicts_with = "announcement")]
    pub(crate) resource: Option<ResourceId>,
    /// Signed announcement of the resource, which is recorded with the request if nobody did before
    #[arg(long, value_name = "FILE")]
    pub(crate) announcement: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) ask: Ask,
    /// The approver's answer, where the resource has an approver
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: Option<PathBuf>,
    /// Where an approver answers requests; it is asked if the resource needs it
    #[arg(long, value_name = "URL", env = "FALLOW_APPROVER_URL")]
    pub(crate) approver_url: Option<String>,
    /// Sign it and write it to `--out`, and send nothing: an approver has to see it first
    #[arg(long, requires = "out", conflicts_with = "approval")]
    pub(crate) sign_only: bool,
    /// Send it although a check fails here
    #[arg(long)]
    pub(crate) force: bool,
    /// Where to write the signed request
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}

/// `check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// A signed request file; without it, the flags below make a request
    #[arg(value_name = "FILE")]
    pub(crate) request: Option<PathBuf>,
    /// Id of the resource (`fallow resources`)
    #[arg(
        long,
        value_name = "ID",
        value_parser = parse_id,
        conflicts_with = "request",
        requires_all = ["volume", "key"]
    )]
    pub(crate) resource: Option<ResourceId>,
    #[command(flatten)]
    pub(crate) ask: Ask,
    /// Account key that signs the request: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) through: ThroughArgs,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}
