//! What a relayer decides, pure: which shares count, and which checkpoint is anchored next.

use crate::RelayerError;
use alloy_primitives::B256;
use fallow_chain::{Anchor, PostedShare, ShareError, Tally};
use fallow_protocol::{Certificate, Checkpoint, Parameters, Set};
use std::collections::BTreeMap;

/// So many of the newest checkpoints wait for shares. The newest one that is certified is anchored
/// and covers all before it, so older ones matter only if a rule refuses the newer.
pub(crate) const WAITING: usize = 256;

/// Seconds by which the sidechain's clock may run ahead (docs/protocol.md section 11, rule 3).
const MAX_CLOCK_AHEAD: u64 = 60;
/// Blocks between two anchored checkpoints: a burst, and four a second (rule 3).
const BLOCKS_BURST: u64 = 256;
const BLOCKS_PER_SECOND: u64 = 4;
/// Records between two anchored checkpoints (rule 4).
const MAX_GROWTH: u64 = 1 << 24;

/// What a relayer shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Status {
    /// Sidechain block that was re-executed last.
    pub head: Option<u64>,
    /// Records in the log.
    pub size: u64,
    /// Block of the checkpoint that was anchored last, by whomever; 0 before the first.
    pub anchored: u64,
    /// Checkpoints anchored so far, by whomever.
    pub count: u64,
    /// Newest checkpoint block that a quorum has signed.
    pub certified: Option<u64>,
    /// Block of our last anchor that is final.
    pub settled: Option<u64>,
    /// Shares that counted since the start.
    pub counted: u64,
    /// Shares of members that did not count since the start; those of strangers are not read.
    pub ignored: u64,
}

/// The last anchored checkpoint, and when it was anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) block_number: u64,
    pub(crate) block_time: u64,
    pub(crate) size: u64,
    pub(crate) root: B256,
    pub(crate) anchored_at: u64,
    pub(crate) count: u64,
}

impl From<Anchor::Head> for Head {
    fn from(head: Anchor::Head) -> Self {
        Self {
            block_number: head.blockNumber,
            block_time: head.blockTime,
            size: head.size,
            root: head.root,
            anchored_at: head.anchoredAt,
            count: head.count,
        }
    }
}

/// Rules of time that do not depend on a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Seconds between two anchors.
    spacing: u64,
    not_after: u64,
}

impl Rules {
    /// The anchor's rules, and the operator's own interval if it is longer.
    pub(crate) fn new(parameters: &Parameters, not_after: u64, min_interval: u64) -> Self {
        let ring = u64::from(parameters.ring_size).max(1);
        let spacing = parameters.challenge_period.div_ceil(ring).max(min_interval);
        Self { spacing, not_after }
    }

    /// Whether anybody may anchor at mainnet time `now`.
    ///
    /// # Errors
    /// When the set has expired: then nobody can ever again.
    pub(crate) const fn may_anchor(&self, head: &Head, now: u64) -> Result<bool, RelayerError> {
        if now > self.not_after {
            return Err(RelayerError::SetExpired { not_after: self.not_after, now });
        }
        // Before the first anchoring the time is 0.
        Ok(now >= head.anchored_at.saturating_add(self.spacing))
    }
}

/// Rules 3 and 4 of docs/protocol.md section 11: whether a checkpoint may follow the head.
pub(crate) fn may_follow(head: &Head, next: &Checkpoint, now: u64) -> bool {
    let blocks = next.block_number.saturating_sub(head.block_number);
    let seconds = next.block_time.saturating_sub(head.block_time);
    let most = BLOCKS_BURST.saturating_add(BLOCKS_PER_SECOND.saturating_mul(seconds));
    blocks > 0
        && seconds > 0
        && blocks <= most
        && next.block_time <= now.saturating_add(MAX_CLOCK_AHEAD)
        && next.size >= head.size
        && next.size.saturating_sub(head.size) <= MAX_GROWTH
        && (next.size != head.size || next.root == head.root)
}

/// What became of a posted share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Counted,
    /// Of a block that is no checkpoint block, or no longer of interest.
    NoCheckpoint,
    Ignored(ShareError),
}

/// Checkpoints that wait for shares.
#[derive(Debug)]
pub(crate) struct State {
    set: Set,
    tallies: BTreeMap<u64, Tally>,
}

impl State {
    pub(crate) const fn new(set: Set) -> Self {
        Self { set, tallies: BTreeMap::new() }
    }

    /// Whose shares count.
    pub(crate) const fn set(&self) -> &Set {
        &self.set
    }

    /// Adds checkpoints; the oldest ones give way.
    pub(crate) fn expect(&mut self, checkpoints: impl IntoIterator<Item = Checkpoint>) {
        for checkpoint in checkpoints {
            let number = checkpoint.block_number;
            self.tallies.entry(number).or_insert_with(|| Tally::new(checkpoint));
            if self.tallies.len() > WAITING {
                self.tallies.pop_first();
            }
        }
    }

    /// The newest checkpoint block that was added.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.tallies.last_key_value().map(|(number, _)| *number)
    }

    /// Takes in what somebody posted.
    pub(crate) fn count(&mut self, posted: &PostedShare) -> Verdict {
        let Some(tally) = self.tallies.get_mut(&posted.block_number) else {
            return Verdict::NoCheckpoint;
        };
        match tally.add(&self.set, posted) {
            Ok(()) => Verdict::Counted,
            Err(error) => Verdict::Ignored(error),
        }
    }

    /// The newest checkpoint block with a quorum.
    pub(crate) fn certified(&self) -> Option<u64> {
        let quorum = |tally: &Tally| self.set.is_quorum(tally.weight());
        let mut newest_first = self.tallies.iter().rev();
        newest_first.find(|(_, tally)| quorum(tally)).map(|(number, _)| *number)
    }

    /// The newest certified checkpoint that the anchor takes after `head` at mainnet time `now`,
    /// with every share that is there by now.
    ///
    /// # Errors
    /// When shares of a quorum cancel each other out.
    pub(crate) fn choose(
        &self,
        head: &Head,
        now: u64,
    ) -> Result<Option<(Checkpoint, Certificate)>, RelayerError> {
        for tally in self.tallies.values().rev() {
            let checkpoint = tally.checkpoint();
            if !may_follow(head, checkpoint, now) {
                continue;
            }
            if let Some(certificate) = tally.certificate(&self.set)? {
                return Ok(Some((*checkpoint, certificate)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use fallow_protocol::bls::SecretKey;
    use fallow_protocol::{Member, NetworkId, SetHash};

    fn key(seed: u8) -> SecretKey {
        SecretKey::generate(&[seed; 32]).unwrap()
    }

    fn set() -> Set {
        let member = |seed| Member {
            address: Address::repeat_byte(seed),
            weight: 1,
            key: key(seed).public_key(),
        };
        Set::new(NetworkId::ZERO, 1, u64::MAX, (1..=4).map(member).collect()).unwrap()
    }

    fn checkpoint(block_number: u64) -> Checkpoint {
        Checkpoint {
            network_id: NetworkId::ZERO,
            era: 0,
            set_number: 1,
            block_number,
            block_hash: B256::ZERO,
            block_time: 1_000 + block_number,
            size: 10 + block_number,
            root: B256::repeat_byte(2),
            next_set: SetHash::ZERO,
        }
    }

    fn share(signer: u8, block_number: u64) -> PostedShare {
        let digest = checkpoint(block_number).digest();
        PostedShare {
            validator: Address::repeat_byte(signer),
            block_number,
            era: 0,
            digest,
            share: key(signer).sign(digest).to_bytes().to_vec().into(),
        }
    }

    const HEAD: Head = Head {
        block_number: 4,
        block_time: 1_004,
        size: 14,
        root: B256::repeat_byte(2),
        anchored_at: 1_010,
        count: 1,
    };

    /// Blocks 6, 8 and 10 wait; `signed` of them have three shares.
    fn state(signed: &[u64]) -> State {
        let mut state = State::new(set());
        state.expect([6, 8, 10].map(checkpoint));
        for block in signed {
            for signer in 1..=3 {
                assert_eq!(state.count(&share(signer, *block)), Verdict::Counted);
            }
        }
        state
    }

    fn chosen(state: &State, head: &Head) -> Option<u64> {
        let chosen = state.choose(head, 1_020).unwrap();
        chosen.map(|(checkpoint, _)| checkpoint.block_number)
    }

    #[test]
    fn the_newest_certified_checkpoint_is_chosen() {
        assert_eq!(chosen(&state(&[]), &HEAD), None);
        assert_eq!(chosen(&state(&[6, 8]), &HEAD), Some(8));
        assert_eq!(state(&[6, 8]).certified(), Some(8));
        let mut half = state(&[6]);
        half.count(&share(1, 10));
        half.count(&share(2, 10));
        assert_eq!(chosen(&half, &HEAD), Some(6), "two of four are no quorum");
    }

    #[test]
    fn what_somebody_else_anchored_is_not_chosen_again_but_after_a_reorganisation() {
        let state = state(&[6, 8]);
        let advanced = Head { block_number: 8, block_time: 1_008, size: 18, ..HEAD };
        assert_eq!(chosen(&state, &advanced), None);
        assert_eq!(chosen(&state, &HEAD), Some(8), "their anchor is gone");
    }

    #[test]
    fn late_shares_are_taken_along() {
        let mut state = state(&[8]);
        state.count(&share(4, 8));
        let (_, certificate) = state.choose(&HEAD, 1_020).unwrap().unwrap();
        assert_eq!(certificate.signers(), 4);
    }

    #[test]
    fn shares_of_no_checkpoint_take_no_memory() {
        let mut state = state(&[]);
        assert_eq!(state.count(&share(1, 7)), Verdict::NoCheckpoint);
        assert_eq!(state.count(&share(1, u64::MAX / 2)), Verdict::NoCheckpoint);
        let stranger = ShareError::Stranger(Address::repeat_byte(9));
        assert_eq!(state.count(&share(9, 8)), Verdict::Ignored(stranger));
        assert_eq!(state.tallies.len(), 3);
    }

    #[test]
    fn only_the_newest_checkpoints_wait() {
        let mut state = State::new(set());
        state.expect((1..=300).map(checkpoint));
        assert_eq!(state.tallies.len(), WAITING);
        assert_eq!(state.newest(), Some(300));
        assert_eq!(state.count(&share(1, 44)), Verdict::NoCheckpoint);
        assert_eq!(state.count(&share(1, 45)), Verdict::Counted);
    }

    #[test]
    fn each_rule_of_the_anchor_is_kept_at_its_edge() {
        let next = checkpoint(8);
        let now = 1_020;
        assert!(may_follow(&HEAD, &next, now));
        let same = Checkpoint { size: HEAD.size, ..next };
        assert!(may_follow(&HEAD, &same, now), "a heartbeat");
        let most = 256 + 4 * 4;
        let far = Checkpoint { block_number: 4 + most, ..next };
        assert!(may_follow(&HEAD, &far, now));
        let early = Checkpoint { block_time: now + 60, ..next };
        assert!(may_follow(&HEAD, &early, now));
        let grown = Checkpoint { size: HEAD.size + MAX_GROWTH, ..next };
        assert!(may_follow(&HEAD, &grown, now));
        let refused = [
            Checkpoint { block_number: 4, ..next },
            Checkpoint { block_time: 1_004, ..next },
            Checkpoint { block_number: 5 + most, ..next },
            Checkpoint { block_time: now + 61, ..next },
            Checkpoint { size: 13, ..next },
            Checkpoint { size: HEAD.size + MAX_GROWTH + 1, ..next },
            Checkpoint { size: HEAD.size, root: B256::ZERO, ..next },
        ];
        for checkpoint in refused {
            assert!(!may_follow(&HEAD, &checkpoint, now), "{checkpoint:?}");
        }
    }

    #[test]
    fn the_longer_of_both_intervals_holds_and_an_expired_set_is_the_end() {
        let parameters = Parameters {
            checkpoint_interval: 2,
            heartbeat: 2,
            challenge_period: 61,
            query_deadline: 1,
            ring_size: 10,
            writers: Vec::new(),
        };
        for (own, spacing) in [(0, 7), (7, 7), (60, 60)] {
            let rules = Rules::new(&parameters, 2_000, own);
            let soonest = HEAD.anchored_at + spacing;
            assert!(!rules.may_anchor(&HEAD, soonest - 1).unwrap());
            assert!(rules.may_anchor(&HEAD, soonest).unwrap());
            assert!(rules.may_anchor(&HEAD, 2_000).unwrap());
            let expired = rules.may_anchor(&HEAD, 2_001);
            assert!(matches!(expired, Err(RelayerError::SetExpired { now: 2_001, .. })));
        }
    }
}
