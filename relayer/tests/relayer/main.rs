//! The relayer against real chains, with validators in the same process. Kills of whole processes
//! are tested with the `fallow` command (`rust/cli/tests`).

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

mod anchoring;
mod crash;
mod network;
mod shares;
