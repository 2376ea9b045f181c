//! The verifier against real tickets, damaged ones and forged ones.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod certificate;
mod corruption;
mod memory;
mod ticket;
mod trust;
