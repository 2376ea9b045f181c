//! `fallow access`.

use super::{JsonArgs, KeyArgs, NetworkArgs, TrustArgs};
use crate::time::{DurationArg, TimeArg};
use alloy_primitives::B256;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The three steps that open a provider's door, over any channel.
#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// Provider: issue a nonce and remember it
    Nonce(Nonce),
    /// Requester: answer a nonce with a signed grant
    Grant(Grant),
    /// Provider: verify ticket and grant, offline, and spend the nonce
    Verify(Verify),
}

/// `access nonce`.
#[derive(Args, Debug)]
pub(crate) struct Nonce {
    /// The provider's own announcement file
    #[arg(long, value_name = "FILE", default_value = "announcement.json")]
    pub(crate) announcement: PathBuf,
    /// Where to write the nonce: the file is also its memory
    #[arg(long, value_name = "FILE", default_value = "nonce.json")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// `access grant`.
#[derive(Args, Debug)]
pub(crate) struct Grant {
    /// The ticket of the allocation, binary or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) ticket: PathBuf,
    /// The provider's nonce; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) nonce: PathBuf,
    /// Account key of the requester: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: String,
    /// Until when the grant may be presented
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(crate) valid_for: DurationArg,
    /// Ed25519 transport key of the session, 32 bytes as hex; none unless given
    #[arg(long, value_name = "HEX")]
    pub(crate) session_key: Option<B256>,
    /// Where to write the grant; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
    /// The requester's clock; this machine's unless given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<TimeArg>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
}

/// `access verify`.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The requester's ticket, binary or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) ticket: PathBuf,
    /// The requester's grant; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) grant: PathBuf,
    /// The nonce that this provider issued
    #[arg(long, value_name = "FILE", default_value = "nonce.json")]
    pub(crate) nonce: PathBuf,
    /// The provider's own announcement file
    #[arg(long, value_name = "FILE", default_value = "announcement.json")]
    pub(crate) announcement: PathBuf,
    /// Leave the nonce unspent, to try things out: a grant could then be used twice
    #[arg(long)]
    pub(crate) keep_nonce: bool,
    /// The provider's clock, to reproduce a result; this machine's unless given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<TimeArg>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}
