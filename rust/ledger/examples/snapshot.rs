//! A ledger of 10^6 allocations saved to a file, loaded and compared; times in seconds:
//! `{"allocations":1000000,"bytes":..,"save":..,"load":..,"commitment":..}`.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]

mod state;

use std::error::Error;
use std::fs::{self, File};
use std::time::Instant;

use fallow_ledger::Ledger;
use state::ALLOCATIONS;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("fallow-{}.snapshot", std::process::id()));
    let ledger = state::build();
    let (saved, save) = timed(|| ledger.save(File::create(&path)?));
    saved?;
    let bytes = fs::metadata(&path)?.len();
    let file = File::open(&path)?;
    let (loaded, load) = timed(|| Ledger::load(state::config(), file));
    let loaded = loaded?;
    fs::remove_file(&path)?;
    let (own, commitment) = timed(|| ledger.commitment());
    if own != loaded.commitment() || ledger != loaded {
        return Err("the ledger that was loaded is another one".into());
    }
    println!(
        r#"{{"allocations":{ALLOCATIONS},"bytes":{bytes},"save":{save:.3},"load":{load:.3},"commitment":{commitment:.3}}}"#
    );
    Ok(())
}

/// What it answers, and how many seconds that took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let answer = work();
    (answer, start.elapsed().as_secs_f64())
}
