//! `fallow approver`.

use super::daemon::LogArgs;
use super::{KeyArgs, NetworkArgs};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `approver`.
#[derive(Args, Debug)]
pub(crate) struct Approver {
    /// Policy file: who may have requests signed, and how many units a day; it is read again when
    /// it changes
    #[arg(long, value_name = "FILE", env = "FALLOW_POLICY", default_value = "policy.toml")]
    pub(crate) policy: PathBuf,
    /// Account key that signs, whose address announcements name: name or path
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: String,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", env = "FALLOW_LISTEN", default_value = "127.0.0.1:8640")]
    pub(crate) listen: SocketAddr,
    /// Requests per second that are taken of one address; behind a proxy, all come from it
    #[arg(
        long,
        value_name = "NUMBER",
        env = "FALLOW_RATE",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) rate: u32,
    /// File that remembers what was signed; losing it gives everybody a new allowance
    #[arg(
        long,
        value_name = "FILE",
        env = "FALLOW_APPROVER_STORE",
        default_value = "approver.redb"
    )]
    pub(crate) store_file: PathBuf,
    /// Judge this signed request and end, instead of listening; it counts all the same
    #[arg(long, value_name = "FILE")]
    pub(crate) sign: Option<PathBuf>,
    /// Where `--sign` writes the approval; `-` is standard output
    #[arg(long, value_name = "FILE", requires = "sign", default_value = "-")]
    pub(crate) out: PathBuf,
    /// Print why `--sign` refuses as JSON instead of lines for people
    #[arg(long, requires = "sign")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}
