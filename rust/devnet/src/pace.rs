//! When a kept chain has its next block: at once when there is something to do, rarely when not.
//! Blocks of an idle chain cost disk and time at every resume.

use std::time::Duration;

/// The rhythm of a kept chain. Blocks have different times, so there is at most one a second.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time between two blocks while nothing is sent.
    pub idle: Duration,
    /// Blocks at full pace after one with transactions: they make it final, and let a checkpoint
    /// follow.
    pub linger: u64,
}

/// What the next block depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    /// Unix seconds.
    pub(crate) time: u64,
    /// The last block with transactions, or a later one up to which there is full pace.
    pub(crate) busy: u64,
}

impl Pace {
    /// The time of the block that is due `now` (unix seconds), if one is.
    pub(crate) fn due(&self, head: &Head, now: u64, has_pending: bool) -> Option<u64> {
        // A clock that was set back holds the chain up for a second at most, not until it is
        // right again.
        let passed = now.saturating_sub(head.time);
        let is_busy = has_pending || head.number < head.busy.saturating_add(self.linger);
        let wanted = if is_busy { 1 } else { self.idle.as_secs().max(1) };
        (passed >= wanted).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { idle: Duration::from_secs(10), linger: 3 };

    #[test]
    fn an_idle_chain_has_a_block_now_and_then() {
        let head = Head { number: 9, time: 100, busy: 4 };
        assert_eq!(PACE.due(&head, 109, false), None);
        assert_eq!(PACE.due(&head, 110, false), Some(110));
    }

    #[test]
    fn transactions_do_not_wait() {
        let head = Head { number: 9, time: 100, busy: 4 };
        assert_eq!(PACE.due(&head, 101, true), Some(101));
    }

    #[test]
    fn no_two_blocks_share_a_time() {
        let head = Head { number: 9, time: 100, busy: 9 };
        assert_eq!(PACE.due(&head, 100, true), None);
    }

    #[test]
    fn a_block_with_transactions_is_followed_by_some() {
        for (number, due) in [(4, true), (5, true), (6, true), (7, false)] {
            let head = Head { number, time: 100, busy: 4 };
            assert_eq!(PACE.due(&head, 101, false).is_some(), due, "after block {number}");
        }
    }
}
