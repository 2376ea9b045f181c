//! The API over TCP: as described, within bounds, whatever comes.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]
#![allow(missing_docs)]

mod contract;
mod made;
mod people;
mod raw;
mod world;

mod bounds;
mod described;
mod hostile;
