//! Honest histories pass; of doctored ones the record, the check and the checkpoint are named.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "helpers of tests fail them"
)]
#![allow(clippy::cast_possible_truncation, reason = "logs of tests are short")]

mod checkpoints;
mod honest;
mod records;
mod resume;
mod server;
mod sources;
mod world;
