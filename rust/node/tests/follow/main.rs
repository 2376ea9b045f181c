//! The tasks that watch the chains, on real ones.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "tests"
)]

mod blocks;
mod certificates;
mod world;
