//! A network on this machine, as `fallow demo` and `fallow up` run one: its folder, its keys, and
//! the daemons, each a process of its own.

mod daemons;
mod folder;
mod nodes;
mod program;

use crate::commands::node::LISTEN;
use crate::error::{Context, Result};
use std::net::{SocketAddr, TcpListener};

pub(crate) use daemons::Daemons;
pub(crate) use folder::{Folder, Owner, furnish};
pub(crate) use nodes::Nodes;
pub(crate) use program::{devnet_failure, program, shown};

/// The usual address of a node's API, or any free port where another program has that one.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let free = TcpListener::bind(LISTEN).or_else(|_| TcpListener::bind("127.0.0.1:0"));
    free.and_then(|listener| listener.local_addr()).context("there is no free port")
}

/// How many validators a network on this machine has, each of weight 1: one may fail.
pub(crate) const VALIDATORS: usize = 4;
