//! `fallow release` and `withdraw`.

use super::message::SignArgs;
use crate::time::TimeArg;
use clap::Args;
use std::path::PathBuf;

/// `release`.
#[derive(Args, Debug)]
pub(crate) struct Release {
    /// Id of the request, or the index of its record; or a signed release file, which anybody may
    /// send
    #[arg(value_name = "ID|FILE")]
    pub(crate) allocation: String,
    /// Start of the first slot to give back; all slots after it go, too. `+2h` means the slot in
    /// progress then, every other time is a slot boundary. The earliest that the resource's notice
    /// allows unless given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<TimeArg>,
    /// Where to write the signed release
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Sign it and write it to `--out`, and send nothing
    #[arg(long, requires = "out")]
    pub(crate) sign_only: bool,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}

/// `withdraw`.
#[derive(Args, Debug)]
pub(crate) struct Withdraw {
    /// Id of a recorded resource, or the file of a signed announcement, recorded or not
    #[arg(value_name = "ID|FILE")]
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}
