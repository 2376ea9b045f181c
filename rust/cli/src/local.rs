//! A network on this machine, as `fallow demo` and `fallow up` run one: its folder, its keys, and
//! the daemons, each a process of its own.

mod daemons;
mod folder;
mod nodes;
mod program;

pub(crate) use daemons::Daemons;
pub(crate) use folder::{Folder, Owner, furnish};
pub(crate) use nodes::Nodes;
pub(crate) use program::{devnet_failure, program, shown};

/// How many validators a network on this machine has, each of weight 1: one may fail.
pub(crate) const VALIDATORS: usize = 4;
