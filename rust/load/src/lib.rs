//! Load for a node, and what came of it: plain transfers of the same chain as the measure, requests
//! signed beforehand, a connection that costs next to nothing, percentiles.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

pub mod connection;
#[cfg(feature = "rig")]
pub mod feed;
#[cfg(feature = "rig")]
pub mod rig;
pub mod transfers;
pub mod workload;

/// Logs of any size, made up from a seed.
pub use fallow_history as history;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix seconds.
///
/// # Panics
/// If the clock of this machine shows a time before 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("the clock shows a time after 1970").as_secs()
}

/// How many a second.
#[must_use]
pub fn rate(count: usize, took: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a count of messages")]
    let count = count as f64;
    count / took.as_secs_f64()
}

/// The value below which `percent` of a hundred lie (nearest rank); zero of nothing.
#[must_use]
pub fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    let rank = values.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    values.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut values: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut values, 50), Duration::from_millis(100));
        assert_eq!(percentile(&mut values, 99), Duration::from_millis(198));
        assert_eq!(percentile(&mut [], 99), Duration::ZERO);
    }
}
