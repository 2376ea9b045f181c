//! The log against two referees that share no code with it: the recursion of RFC 9162 written down
//! naively, and `rs_merkle`; and every way in which a proof can be wrong.

#![allow(clippy::arithmetic_side_effects, reason = "sizes are small, an overflow fails the test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them")]
#![allow(clippy::cast_possible_truncation, reason = "usize has 64 bits where this is tested")]

mod consistency;
mod frontier;
mod inclusion;
mod million;
mod reference;
mod tile_paths;
mod tiles;
mod tree;
