//! How often one address, or one key, may ask: a bucket of tokens for each, refilled with time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many seconds' worth of tokens a bucket holds.
const BURST_SECONDS: u32 = 4;
/// Whoever is told to come back is not told to come back at once.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Buckets of everybody who asked lately: 40 bytes or so each, a bounded number of them. Whoever
/// comes when all are in use waits.
#[derive(Debug)]
pub struct Rate<K> {
    per_second: u32,
    most: usize,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: Copy + Eq + Hash> Rate<K> {
    /// `per_second` tokens a second for everybody, four seconds' worth at once; buckets for at most
    /// `most` of them.
    #[must_use]
    pub fn new(per_second: u32, most: usize) -> Self {
        Self { per_second, most, buckets: Mutex::default() }
    }

    /// Takes `cost` tokens of `who`, or all that a full bucket holds if it is more.
    ///
    /// # Errors
    /// The time until there are so many.
    pub fn take(&self, who: K, cost: u32, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.lock();
        let known = buckets.get(&who).copied();
        if known.is_none() && buckets.len() >= self.most {
            forget(&mut buckets, now);
            if buckets.len() >= self.most {
                return Err(Duration::from_secs(BURST_SECONDS.into()));
            }
        }
        let full = Bucket { tokens: self.burst(), at: now };
        let bucket = known.map_or(full, |bucket| self.refilled(bucket, now));
        let cost = self.cost(cost);
        if bucket.tokens < cost {
            buckets.insert(who, bucket);
            return Err(self.wait(cost - bucket.tokens));
        }
        buckets.insert(who, Bucket { tokens: bucket.tokens - cost, at: now });
        Ok(())
    }

    /// Whether the bucket of `who` has so many tokens. Nothing is remembered of whoever has none:
    /// it is not known yet whether it is them who ask.
    ///
    /// # Errors
    /// The time until it has.
    pub fn look(&self, who: K, cost: u32, now: Instant) -> Result<(), Duration> {
        let known = self.lock().get(&who).copied();
        let tokens = known.map_or_else(|| self.burst(), |bucket| self.refilled(bucket, now).tokens);
        let cost = self.cost(cost);
        if tokens < cost { Err(self.wait(cost - tokens)) } else { Ok(()) }
    }

    // Nothing panics while it holds the lock, and a bucket is valid at any time.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cost(&self, cost: u32) -> f64 {
        f64::from(cost).min(self.burst())
    }

    fn burst(&self) -> f64 {
        f64::from(self.per_second.saturating_mul(BURST_SECONDS))
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> Bucket {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        let tokens = passed.mul_add(f64::from(self.per_second), bucket.tokens);
        Bucket { tokens: tokens.min(self.burst()), at: now }
    }

    fn wait(&self, missing: f64) -> Duration {
        let seconds = missing / f64::from(self.per_second.max(1));
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).max(SHORTEST_WAIT)
    }
}

/// A full bucket is like none.
fn forget<K>(buckets: &mut HashMap<K, Bucket>, now: Instant) {
    let full = Duration::from_secs(BURST_SECONDS.into());
    buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < full);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_run_out_and_come_back() {
        let (rate, start) = (Rate::new(2, 10), Instant::now());
        let taken = |at| (0..20).filter(|_| rate.take(1, 1, at).is_ok()).count();
        assert_eq!(taken(start), 8);
        assert_eq!(taken(start + Duration::from_millis(1_500)), 3);
        assert_eq!(taken(start + Duration::from_secs(3_600)), 8, "never more");
        assert_eq!(taken(start), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn who_waits_as_long_as_told_is_served() {
        let (rate, start) = (Rate::new(2, 10), Instant::now());
        assert_eq!(rate.take(1, 8, start), Ok(()));
        let wait = rate.take(1, 3, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(1_500));
        assert!(rate.take(1, 3, start + wait / 2).is_err());
        assert_eq!(rate.take(1, 3, start + wait), Ok(()));
        assert!(rate.take(1, 1_000, start + wait).is_err());
        assert_eq!(rate.take(2, 1_000, start), Ok(()), "a full bucket is enough for anything");
        assert!(rate.take(2, 1, start).is_err());
    }

    #[test]
    fn looking_takes_nothing() {
        let (rate, now) = (Rate::new(1, 10), Instant::now());
        for _ in 0..10 {
            assert_eq!(rate.look(1, 4, now), Ok(()));
        }
        assert_eq!(rate.take(1, 4, now), Ok(()));
        assert_eq!(rate.look(1, 1, now), Err(Duration::from_secs(1)));
    }

    /// Strangers name as many keys as they like.
    #[test]
    fn who_is_only_looked_at_takes_no_place_from_others() {
        let (rate, now) = (Rate::new(1, 10), Instant::now());
        assert!((0..1_000).all(|number| rate.look(number, 1, now).is_ok()));
        assert!(rate.buckets.lock().unwrap().is_empty());
        assert!((0..10).all(|number| rate.take(number, 4, now).is_ok()));
        assert_eq!(rate.look(10, 1, now), Ok(()), "also when all places are taken");
        assert!(rate.look(9, 1, now).is_err(), "whoever is known has none left");
    }

    #[test]
    fn one_does_not_use_up_another_ones() {
        let (rate, now) = (Rate::new(1, 10), Instant::now());
        while rate.take(1, 1, now).is_ok() {}
        assert!(rate.take(2, 1, now).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let (rate, now) = (Rate::new(1, 100), Instant::now());
        assert_eq!((0..1_000).filter(|number| rate.take(*number, 1, now).is_ok()).count(), 100);
        assert_eq!(rate.buckets.lock().unwrap().len(), 100);
        assert!(rate.take(0, 1, now).is_ok(), "who is known may go on");
        assert!(rate.take(2_000, 1, now + Duration::from_secs(4)).is_ok());
        assert_eq!(rate.buckets.lock().unwrap().len(), 1);
    }
}
