//! An approver that listens, asked over TCP by people and by strangers.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

mod approving;
mod hostile;
mod policy;
mod support;
