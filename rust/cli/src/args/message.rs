//! `fallow offer` and `announce`, and who signs and pays.

use super::through::{PromiseArgs, ThroughArgs};
use super::{JsonArgs, KeyArgs, NetworkArgs, SidechainArgs, parse_address};
use crate::time::{DurationArg, TimeArg};
use alloy_primitives::Address;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The offer document.
#[derive(Debug, Subcommand)]
pub(crate) enum Offer {
    /// Describe this machine, divided into units
    Detect(Detect),
    /// Show an offer document and its hash
    Show(Show),
    /// Have a node serve an offer document to whoever asks for its hash
    Publish(Publish),
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

/// `offer publish`.
#[derive(Args, Debug)]
pub(crate) struct Publish {
    /// The offer document
    pub(crate) offer: PathBuf,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) through: ThroughArgs,
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
    /// Start of the first slot; times that follow the clock (`now`, `+2h`) are rounded down to a
    /// whole slot since 1970
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
    /// Account whose co-signature every request needs (`fallow approver`); nobody's unless given
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) approver: Option<Address>,
    /// Where to write the signed announcement; the provider's door needs it
    #[arg(long, value_name = "FILE", default_value = "announcement.json")]
    pub(crate) out: PathBuf,
    /// Sign and write it to this file, and record nothing: the first request that brings it
    /// (`fallow request --announcement`) records it
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub(crate) gossip: Option<PathBuf>,
    /// Overwrite the announcement that the file holds; without it, its resource's door stays shut
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}

/// Who signs, and who pays the sidechain's gas.
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    /// Account key that signs the message: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) send: SendArgs,
}

/// Who pays the sidechain's gas, and how long to wait.
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
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
    pub(crate) through: ThroughArgs,
    #[command(flatten)]
    pub(crate) promise: PromiseArgs,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// Address filters of lists.
#[derive(Args, Debug)]
pub(crate) struct ByAccount {
    /// Only those of this account; its units are shown as mine, unless `--key` names another
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) of: Option<Address>,
}
