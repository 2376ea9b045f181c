//! The `fallow` command from outside: what it prints where, and its exit codes.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

mod access;
mod approver;
mod audit;
mod help;
mod hostile;
mod keys;
mod times;
mod usage;
mod verify;
mod world;
