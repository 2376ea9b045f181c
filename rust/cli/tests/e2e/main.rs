//! Whole networks of processes: two anvils, `fallow validator` four times, `fallow relayer`.
//! Processes are killed with SIGKILL, and nothing sleeps: what can be seen is waited for.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

mod anchoring;
mod audit;
mod kill;
mod lying;
mod network;
mod node;
#[path = "../../../node-client/tests/lies/server.rs"]
mod server;
mod start;
