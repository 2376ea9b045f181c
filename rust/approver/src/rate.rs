//! How often one address may ask: a bucket of tokens for each, refilled with time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Buckets in memory, 40 bytes or so each. Whoever comes when all are in use waits.
const BUCKETS: usize = 4_096;
/// How many seconds' worth of tokens a bucket holds.
const BURST_SECONDS: u32 = 4;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Buckets of everybody who asked lately.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    buckets: HashMap<IpAddr, Bucket>,
}

impl Rate {
    /// `per_second` requests a second of each address, four seconds' worth at once.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, buckets: HashMap::new() }
    }

    /// Whether `peer` may ask now.
    pub(crate) fn take(&mut self, peer: IpAddr, now: Instant) -> bool {
        let peer = network_of(peer);
        if !self.buckets.contains_key(&peer) && self.buckets.len() >= BUCKETS {
            self.forget(now);
            if self.buckets.len() >= BUCKETS {
                return false;
            }
        }
        let full = Bucket { tokens: self.most(), at: now };
        let bucket = self.buckets.get(&peer).map_or(full, |bucket| self.refilled(*bucket, now));
        let taken = bucket.tokens >= 1.0;
        let tokens = if taken { bucket.tokens - 1.0 } else { bucket.tokens };
        self.buckets.insert(peer, Bucket { tokens, at: now });
        taken
    }

    fn most(&self) -> f64 {
        f64::from(self.per_second.saturating_mul(BURST_SECONDS))
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> Bucket {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        let tokens = passed.mul_add(f64::from(self.per_second), bucket.tokens);
        Bucket { tokens: tokens.min(self.most()), at: now }
    }

    /// A full bucket is like none.
    fn forget(&mut self, now: Instant) {
        let full = Duration::from_secs(BURST_SECONDS.into());
        self.buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < full);
    }
}

/// One customer of an IPv6 provider has 2^64 addresses.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn tokens_run_out_and_come_back() {
        let (mut rate, start) = (Rate::new(2), Instant::now());
        let taken = |rate: &mut Rate, at| (0..20).filter(|_| rate.take(address(1), at)).count();
        assert_eq!(taken(&mut rate, start), 8);
        assert_eq!(taken(&mut rate, start + Duration::from_millis(1_500)), 3);
        assert_eq!(taken(&mut rate, start + Duration::from_secs(3_600)), 8, "never more");
        assert_eq!(taken(&mut rate, start), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn one_address_does_not_use_up_another_ones() {
        let (mut rate, now) = (Rate::new(1), Instant::now());
        while rate.take(address(1), now) {}
        assert!(rate.take(address(2), now));
        let six = |text: &str| text.parse::<IpAddr>().unwrap();
        while rate.take(six("2001:db8::1"), now) {}
        assert!(!rate.take(six("2001:db8::2"), now), "the same customer");
        assert!(rate.take(six("2001:db8:0:1::1"), now));
        assert!(!rate.take(six("::ffff:0.0.0.1"), now), "the first one, written otherwise");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut rate, now) = (Rate::new(1), Instant::now());
        assert_eq!((0..10_000).filter(|number| rate.take(address(*number), now)).count(), BUCKETS);
        assert_eq!(rate.buckets.len(), BUCKETS);
        assert!(rate.take(address(0), now), "who is known may go on");
        assert!(rate.take(address(20_000), now + Duration::from_secs(4)));
        assert_eq!(rate.buckets.len(), 1);
    }
}
