//! `fallow offer`, `announce`, `request` and `check`.

use super::{JsonArgs, KeyArgs, NetworkArgs, SidechainArgs};
use crate::time::{DurationArg, TimeArg};
use alloy_primitives::Address;
use clap::{Args, Subcommand};
use fallow_protocol::ResourceId;
use std::path::PathBuf;

/// The offer document.
#[derive(Debug, Subcommand)]
pub(crate) enum Offer {
    /// Describe this machine, divided into units
    Detect(Detect),
    /// Show an offer document and its hash
    Show(Show),
}

/// `offer detect`.
#[derive(Args, Debug)]
pub(crate) struct Detect {
    /// Into how many equal units the machine is divided; one per core unless given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) volume: Option<u16>,
    /// Where the machine stands, in your words, e.g. `eu-central`
    #[arg(long, value_name = "TEXT", env = "FALLOW_REGION")]
    pub(crate) region: Option<String>,
    /// Where to write the document; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
}

/// `offer show`.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The offer document
    pub(crate) offer: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// `announce`.
#[derive(Args, Debug)]
pub(crate) struct Announce {
    /// Offer document; the announcement carries its hash
    #[arg(long, value_name = "FILE")]
    pub(crate) offer: PathBuf,
    /// Units in every slot; the document's suggestion unless given
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) volume: Option<u16>,
    /// Start of the first slot; rounded down to a whole slot since 1970
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub(crate) start: TimeArg,
    /// How long the offer stands; a multiple of the slot
    #[arg(long = "for", value_name = "DURATION", default_value = "7d")]
    pub(crate) length: DurationArg,
    /// Length of a slot
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) slot: DurationArg,
    /// How long before a slot starts it can still be released
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) notice: DurationArg,
    /// Where to write the signed announcement; the provider's door needs it
    #[arg(long, value_name = "FILE", default_value = "announcement.json")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}

/// Who signs, and who pays the sidechain's gas.
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    /// Account key that signs the message: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: String,
    /// Account key that sends the transaction; the signer's unless given
    #[arg(long, value_name = "NAME", env = "FALLOW_SENDER")]
    pub(crate) sender: Option<String>,
    /// How long to wait until the record is final; what was sent may be recorded later, too
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub(crate) wait: DurationArg,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// What is asked.
#[derive(Args, Debug)]
pub(crate) struct Ask {
    /// Id of the resource (`fallow resources`)
    #[arg(long, value_name = "ID")]
    pub(crate) resource: ResourceId,
    /// Units wanted in every slot
    #[arg(long, value_name = "UNITS")]
    pub(crate) volume: u16,
    /// Start: rounded down to a slot boundary of the resource
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub(crate) start: TimeArg,
    /// How long; rounded up to whole slots
    #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
    pub(crate) length: DurationArg,
    /// Sequence number; the next one of the requester unless given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sequence: Option<u64>,
}

/// `request`.
#[derive(Args, Debug)]
pub(crate) struct Request {
    #[command(flatten)]
    pub(crate) ask: Ask,
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
    #[arg(long, value_name = "ID", conflicts_with = "request", requires_all = ["volume", "key"])]
    pub(crate) resource: Option<ResourceId>,
    /// Units wanted in every slot
    #[arg(long, value_name = "UNITS")]
    pub(crate) volume: Option<u16>,
    /// Start: rounded down to a slot boundary of the resource
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub(crate) start: TimeArg,
    /// How long; rounded up to whole slots
    #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
    pub(crate) length: DurationArg,
    /// Sequence number; the next one of the requester unless given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sequence: Option<u64>,
    /// Account key that signs the request: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) sidechain: SidechainArgs,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// Address filters of lists.
#[derive(Args, Debug)]
pub(crate) struct ByAccount {
    /// Only those of this account
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) of: Option<Address>,
}
