//! The ledger's rules, its records, and how they agree with a slow reference.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod ahead;
mod announcements;
mod approvers;
mod attacks;
mod batches;
mod check;
mod entries;
mod lazy;
mod records;
mod reference;
mod releases;
mod requests;
mod schedule;
mod signers;
mod snapshots;
mod storage;
mod touched;
mod withdrawals;
mod writers;
