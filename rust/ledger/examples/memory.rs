//! Resident memory of a ledger of 10^6 allocations: `{"allocations":1000000,"bytesPerAllocation":16.5}`.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]

mod state;

use std::{error::Error, fs, hint::black_box};

use state::ALLOCATIONS;

fn main() -> Result<(), Box<dyn Error>> {
    let before = resident_kib()?;
    let ledger = state::build();
    let bytes = (resident_kib()? - before) * 1024.0 / ALLOCATIONS as f64;
    black_box(&ledger);
    println!(r#"{{"allocations":{ALLOCATIONS},"bytesPerAllocation":{bytes:.2}}}"#);
    Ok(())
}

/// Resident set of this process in KiB, as Linux tells it.
fn resident_kib() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.ok_or("no `VmRSS` in /proc/self/status")?;
    Ok(line.trim().trim_end_matches("kB").trim_end().parse()?)
}
