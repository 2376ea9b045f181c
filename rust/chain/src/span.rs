//! How many blocks one query spans, so that a node can give them.

use crate::ChainError;
use std::ops::RangeInclusive;

/// Many nodes refuse `eth_getLogs` of much longer ranges.
const MOST_BLOCKS: u64 = 500;

/// What one query should answer at most: more is a long wait, and much memory.
const MOST_ITEMS: usize = 8_192;

/// Blocks in the next query: halved when a node finds them too many or there is too much in them,
/// doubled when it goes well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    blocks: u64,
}

impl Span {
    pub(crate) const fn new() -> Self {
        Self { blocks: MOST_BLOCKS }
    }

    /// The next query's blocks: from `first`, not beyond `last`.
    pub(crate) fn range(self, first: u64, last: u64) -> RangeInclusive<u64> {
        first..=last.min(first.saturating_add(self.blocks.saturating_sub(1)))
    }

    /// The query of so many blocks went well, and gave so many items.
    pub(crate) fn answered(&mut self, blocks: u64, items: usize) {
        if items > MOST_ITEMS {
            self.blocks = (blocks / 2).max(1);
        } else if items <= MOST_ITEMS / 2 {
            self.blocks = self.blocks.saturating_mul(2).min(MOST_BLOCKS);
        }
    }

    /// The query of `range` failed: it is to be repeated with half as much.
    ///
    /// # Errors
    /// The same, if less would not help or there is no less.
    pub(crate) fn failed(
        &mut self,
        range: &RangeInclusive<u64>,
        error: ChainError,
    ) -> Result<(), ChainError> {
        let blocks = range.end().saturating_sub(*range.start()).saturating_add(1);
        if blocks <= 1 || !error.is_too_much() {
            return Err(error);
        }
        self.blocks = blocks / 2;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_much() -> ChainError {
        ChainError::Refused { code: -32_005, message: "too many results".into(), data: None }
    }

    #[test]
    fn too_much_halves_down_to_one_block_and_answers_double() {
        let mut span = Span::new();
        assert_eq!(span.range(7, 10_000), 7..=506);
        // Only ten blocks were asked for, so five are the half.
        span.failed(&span.range(7, 16), too_much()).unwrap();
        assert_eq!(span.range(7, 16), 7..=11);
        span.answered(5, 0);
        assert_eq!(span.range(12, 10_000), 12..=21);
        let mut asked = 0;
        while span.failed(&span.range(0, 10_000), too_much()).is_ok() {
            asked += 1;
        }
        assert_eq!((asked, span.range(7, 10_000)), (3, 7..=7));
    }

    #[test]
    fn other_errors_change_nothing() {
        let mut span = Span::new();
        let missing = ChainError::Missing { what: "block", number: 1 };
        assert!(span.failed(&span.range(1, 500), missing).is_err());
        assert_eq!(span.range(1, 1_000), 1..=500);
    }
}
