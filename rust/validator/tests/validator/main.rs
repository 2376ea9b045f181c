//! The validator against real chains: an honest registry is signed, false ones are refused.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

mod false_registries;
mod hidden_logs;
mod honest;
mod support;
