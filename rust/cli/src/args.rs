//! What can be typed. Only parsing: what it means stands in `commands`.

pub(crate) mod access;
pub(crate) mod approver;
pub(crate) mod audit;
pub(crate) mod daemon;
pub(crate) mod deploy;
pub(crate) mod giveback;
pub(crate) mod keys;
pub(crate) mod message;
pub(crate) mod node;
pub(crate) mod read;
pub(crate) mod request;
pub(crate) mod through;
pub(crate) mod up;

use alloy_primitives::Address;
use clap::{Args, Parser, Subcommand};
use fallow_chain::Finality;
use fallow_protocol::ResourceId;
use std::path::PathBuf;

/// Trusted allocation of idle computing capacity: announce it, ask for it, prove it.
///
/// Data goes to standard output, all else to standard error. Exit codes: 0 done or proven, 1
/// well-formed but refused or not proven, 2 unreadable input, usage or environment.
#[derive(Debug, Parser)]
#[command(name = "fallow", version, max_term_width = 100, after_help = FORMS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How times and durations are written in every command.
const FORMS: &str = "A TIME is `now`, `+2h`, `in 2 hours`, `tomorrow 9:00`, `next monday 14:00`, \
    `2030-01-31 14:00`, unix seconds or RFC 3339. It is local time unless a zone follows it, such \
    as `+01:00` or `Europe/Berlin`. `next monday` is the first Monday after today. A DURATION is \
    `90s`, `2 h`, `1h30m`, `90 minutes`, `7d`; a day of a duration is always 24 h.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Account and BLS keys on this machine
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Put the contracts of a new network on their two chains
    #[command(subcommand)]
    Deploy(deploy::Deploy),
    /// The offer document: what one unit of this machine is
    #[command(subcommand)]
    Offer(message::Offer),
    /// Offer capacity: sign an announcement and have it recorded
    Announce(message::Announce),
    /// Ask for capacity: sign a request and have it recorded
    Request(request::Request),
    /// Say what the five checks find for a request, without sending it
    Check(request::Check),
    /// Give back the slots of an allocation from some time on
    Release(giveback::Release),
    /// Close a resource to new requests, or bar an announcement that nobody has recorded yet
    Withdraw(giveback::Withdraw),
    /// List what providers offer, and how much of it is free
    Resources(read::Resources),
    /// List allocations: recorded, anchored or settled
    Requests(read::Requests),
    /// Write the ticket of an allocation: one small file that proves it
    Ticket(read::Ticket),
    /// Verify a ticket, offline
    Verify(read::Verify),
    /// Re-execute a whole log and say what is wrong with it: from a node, from files, or from the chain
    Audit(audit::Audit),
    /// The three steps of access: nonce, grant, verify
    #[command(subcommand)]
    Access(access::Access),
    /// Co-sign requests by a policy file, until stopped
    Approver(approver::Approver),
    /// Re-check every record and sign checkpoints, until stopped
    Validator(daemon::Validator),
    /// Carry certified checkpoints to mainnet, until stopped
    Relayer(daemon::Relayer),
    /// Follow the sidechain, take messages and serve everything over HTTP, until stopped
    Node(Box<node::Node>),
    /// A whole network on this machine: chains, validators, relayer and node; resumed next time
    Up(up::Up),
    /// Show both chains, the validators' shares and the anchor
    Status(read::Status),
    /// One allocation from a signed offer to an offline proof, on two real chains
    Demo(daemon::Demo),
}

/// Which network.
#[derive(Args, Clone, Debug)]
pub(crate) struct NetworkArgs {
    /// Network file: what the network is, and which validator set to trust
    #[arg(long, value_name = "FILE", env = "FALLOW_NETWORK", default_value = "network.json")]
    pub(crate) network: PathBuf,
}

/// Which network, and the set of validators that its network file trusts.
#[derive(Args, Clone, Debug)]
pub(crate) struct TrustArgs {
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Set file; beside the network file unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) set: Option<PathBuf>,
}

/// Where the sidechain is.
#[derive(Args, Clone, Debug)]
pub(crate) struct SidechainArgs {
    /// JSON-RPC of a sidechain node; it is checked against the network file, not trusted
    #[arg(long, value_name = "URL", env = "FALLOW_SIDECHAIN", default_value = SIDECHAIN_URL)]
    pub(crate) sidechain: String,
    /// When a sidechain block is final: `latest` where blocks are decided one by one, `finalized`
    /// when the node says so, or with that many blocks after it
    #[arg(
        long,
        value_name = "WHEN",
        env = "FALLOW_FINALITY",
        default_value = "finalized",
        value_parser = parse_finality
    )]
    pub(crate) finality: Finality,
}

pub(crate) fn parse_id(text: &str) -> Result<ResourceId, String> {
    text.parse().map_err(|_| "expected an id, 0x and 64 hex digits".to_owned())
}

pub(crate) fn parse_address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| "expected an address, 0x and 40 hex digits".to_owned())
}

pub(crate) fn parse_finality(text: &str) -> Result<Finality, String> {
    match text {
        "latest" => Ok(Finality::Latest),
        "finalized" => Ok(Finality::Finalized),
        number => number
            .parse()
            .map(Finality::Depth)
            .map_err(|_| "expected `latest`, `finalized` or a number of blocks".to_owned()),
    }
}

/// Where the chain with the anchor is.
#[derive(Args, Clone, Debug)]
pub(crate) struct MainnetArgs {
    /// JSON-RPC of a node of the chain with the anchor; `http://127.0.0.1:8545` unless given, and
    /// with `--node` none
    #[arg(long, value_name = "URL", env = "FALLOW_MAINNET")]
    pub(crate) mainnet: Option<String>,
}

impl MainnetArgs {
    /// Where to ask, whoever said so.
    pub(crate) fn url(&self) -> &str {
        self.mainnet.as_deref().unwrap_or(MAINNET_URL)
    }
}

pub(crate) const SIDECHAIN_URL: &str = "http://127.0.0.1:8546";
pub(crate) const MAINNET_URL: &str = "http://127.0.0.1:8545";

/// Where keys are and how they open.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// Folder of the keys; in the home folder `.fallow/keys` unless given
    #[arg(long, value_name = "FOLDER", env = "FALLOW_KEYS")]
    pub(crate) keys_dir: Option<PathBuf>,
    /// File whose first line is the password; else FALLOW_PASSWORD, else a prompt
    #[arg(long, value_name = "FILE", env = "FALLOW_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Machine-readable output.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct JsonArgs {
    /// Print JSON instead of lines for people
    #[arg(long)]
    pub(crate) json: bool,
}
