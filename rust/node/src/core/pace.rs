//! What time the next blocks will have.

use fallow_chain::BlockRef;

/// Blocks that a message is given until it is recorded.
const BLOCKS: u64 = 2;
/// Seconds between two blocks are taken to be at most so many.
const MAX_INTERVAL: u64 = 12;

/// How fast the chain goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    latest: Option<BlockRef>,
    interval: u64,
}

impl Pace {
    /// Notes the latest block.
    pub(crate) fn saw(&mut self, latest: &BlockRef) {
        if let Some(before) = self.latest {
            let blocks = latest.number.saturating_sub(before.number);
            let seconds = latest.time.saturating_sub(before.time);
            self.interval = seconds.checked_div(blocks).unwrap_or(self.interval).min(MAX_INTERVAL);
        }
        self.latest = Some(*latest);
    }

    /// No block comes before this time, unix seconds: blocks follow each other, and the clock.
    pub(crate) fn earliest(&self, clock: u64) -> u64 {
        self.latest.map_or(clock, |latest| clock.max(latest.time.saturating_add(1)))
    }

    /// When a message that is taken now is recorded, if all goes as usual.
    pub(crate) fn likely(&self, clock: u64) -> u64 {
        let blocks = self.interval.saturating_mul(BLOCKS);
        self.earliest(clock).saturating_add(blocks).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    fn block(number: u64, time: u64) -> BlockRef {
        BlockRef { number, hash: B256::ZERO, parent: B256::ZERO, time }
    }

    #[test]
    fn the_next_block_is_after_the_latest_and_after_the_clock() {
        let mut pace = Pace::default();
        assert_eq!((pace.earliest(50), pace.likely(50)), (50, 51));
        pace.saw(&block(1, 100));
        assert_eq!((pace.earliest(50), pace.earliest(200)), (101, 200));
        pace.saw(&block(3, 106));
        assert_eq!((pace.earliest(50), pace.likely(50)), (107, 114));
        pace.saw(&block(3, 106));
        assert_eq!(pace.likely(50), 114, "the same block says nothing new");
        pace.saw(&block(4, 10_000));
        assert_eq!(pace.likely(50), 10_001 + 24 + 1, "a chain that stood still goes on as usual");
    }
}
