//! `fallow up`.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `up`.
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Folder of the network; one that is there is resumed
    #[arg(long, value_name = "FOLDER", env = "FALLOW_UP_DIR", default_value = "fallow-network")]
    pub(crate) dir: PathBuf,
    /// Delete the folder's network and found a new one
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Address and port of the node's API; remembered in the folder [default: 127.0.0.1:8650, or a
    /// free port where that one is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// End in order as soon as the network takes messages
    #[arg(long)]
    pub(crate) until_ready: bool,
}
