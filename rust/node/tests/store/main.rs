//! The store on a disk: what it keeps, what survives a crash, and what it never gives out.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod corruption;
mod crash;
mod files;
mod full_disk;
mod messages;
mod records;
mod world;
