//! Prints how large a binary ticket is at a million records and 64 validators.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

const RECORDS: u64 = 1_000_000;
const VALIDATORS: usize = 64;

fn main() {
    let ticket = common::Network::of(VALIDATORS).ticket_at(123_456, RECORDS);
    let bytes = ticket.encode().len();
    println!(r#"{{"records":{RECORDS},"validators":{VALIDATORS},"bytes":{bytes}}}"#);
}
