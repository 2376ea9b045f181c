//! The core against real chains: what is promised is recorded, exactly once, whatever happens.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]
#![allow(missing_docs)]

mod chains;
mod levels;
mod messages;
mod submitting;
mod support;
