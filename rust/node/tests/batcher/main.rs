//! Plans and flights against real chains: bounds of gas, and every message recorded once whatever
//! happens to the chain's node.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

mod desk;
mod gas;
mod journeys;
mod world;
