//! Following, sending and checking, against events of our own making and against real chains.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

mod archive;
mod lifecycle;
mod live;
mod packed;
mod replay;
mod vectors;
mod world;
