//! What a validator decides, pure: which checkpoints are due, and what becomes of each share.

use crate::RefusalReason;
use alloy_primitives::B256;
use fallow_chain::{Disagreement, Transaction, TransactionState};
use fallow_protocol::{Checkpoint, bls::Signature};
use std::collections::BTreeMap;

/// At most so many checkpoints are signed at one look at the chain, the newest ones: a newer
/// checkpoint covers all records of the older ones, and relayers anchor the newest.
pub(crate) const BACKLOG: usize = 64;

/// What a validator is doing, for people and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It re-executes what happened before it started.
    CatchingUp,
    /// It has seen the last final block.
    Following,
    /// It refuses to sign, and has stopped.
    Refused(RefusalReason),
}

/// What a validator shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// Sidechain block that was re-executed last.
    pub head: Option<u64>,
    /// Records in the log.
    pub size: u64,
    /// Block of the checkpoint that was signed last.
    pub signed: Option<u64>,
    /// Last block whose share is final on the bulletin.
    pub posted: Option<u64>,
}

impl Status {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::CatchingUp, head: None, size: 0, signed: None, posted: None }
    }

    /// The disagreement with the contract, if that is why it stopped.
    #[must_use]
    pub const fn disagreement(&self) -> Option<&Disagreement> {
        match &self.phase {
            Phase::Refused(RefusalReason::Disagreement(disagreement)) => Some(disagreement),
            _ => None,
        }
    }
}

/// At most so many transactions wait for their blocks at once.
const IN_FLIGHT: usize = 16;

/// After which block checkpoints are due, and at most how many of the newest.
///
/// A new validator signs the newest checkpoint only: those before it were anchored without it, or
/// are covered. One that signed before looks again at what it signed last (`resume`: the earliest of
/// the last [`BACKLOG`] blocks), whose shares may not have been posted.
pub(crate) const fn due(seen: Option<u64>, resume: Option<u64>) -> (u64, usize) {
    match (seen, resume) {
        (Some(seen), _) => (seen, BACKLOG),
        (None, Some(resume)) => (resume.saturating_sub(1), BACKLOG),
        (None, None) => (0, 1),
    }
}

/// Refuses a checkpoint that nobody could verify.
pub(crate) const fn check_expiry(
    checkpoint: &Checkpoint,
    not_after: u64,
) -> Result<(), RefusalReason> {
    let (block, time) = (checkpoint.block_number, checkpoint.block_time);
    if time > not_after {
        return Err(RefusalReason::SetExpired { block, time, not_after });
    }
    Ok(())
}

/// A share on its way to the bulletin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) digest: B256,
    pub(crate) share: Signature,
    /// `None` until the bulletin was asked whether the share is there already.
    pub(crate) transaction: Option<Transaction>,
}

/// What to do about a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PostStep {
    /// Ask the bulletin what it has: before the first transaction, and after one that was dropped.
    Ask,
    /// Look at the transaction.
    Follow,
    /// It is final.
    Done,
}

impl Posting {
    pub(crate) const fn next(&self) -> PostStep {
        match &self.transaction {
            None => PostStep::Ask,
            Some(transaction) => match transaction.state {
                TransactionState::Final { .. } => PostStep::Done,
                TransactionState::Dropped(_) => PostStep::Ask,
                _ => PostStep::Follow,
            },
        }
    }

    /// What the bulletin's answer means: whether the share is there, or has to be posted.
    pub(crate) fn is_posted(&self, block: u64, posted: B256) -> Result<bool, RefusalReason> {
        match posted {
            B256::ZERO => Ok(false),
            posted if posted == self.digest => Ok(true),
            posted => Err(RefusalReason::Posted { block, posted, want: self.digest }),
        }
    }
}

/// Shares on their way, by block.
#[derive(Debug, Default)]
pub(crate) struct Postings(BTreeMap<u64, Posting>);

impl Postings {
    /// Adds a share. When too many wait the oldest that has no transaction is given up: the newer
    /// ones cover it. One with a transaction stays, or its nonce would be missing for ever.
    pub(crate) fn add(&mut self, block: u64, posting: Posting) {
        self.0.insert(block, posting);
        if self.0.len() > BACKLOG {
            let idle = self.0.iter().find(|(_, posting)| posting.transaction.is_none());
            if let Some(oldest) = idle.map(|(block, _)| *block) {
                self.0.remove(&oldest);
            }
        }
    }

    /// Blocks of the shares that can go on now, in order.
    pub(crate) fn active(&self) -> Vec<u64> {
        let sent = self.0.values().filter(|posting| posting.transaction.is_some()).count();
        let mut free = IN_FLIGHT.saturating_sub(sent);
        let mut blocks = Vec::new();
        for (block, posting) in &self.0 {
            if posting.transaction.is_none() {
                if free == 0 {
                    continue;
                }
                free = free.saturating_sub(1);
            }
            blocks.push(*block);
        }
        blocks
    }

    pub(crate) fn get_mut(&mut self, block: u64) -> Option<&mut Posting> {
        self.0.get_mut(&block)
    }

    pub(crate) fn remove(&mut self, block: u64) {
        self.0.remove(&block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Bytes;
    use fallow_chain::{Call, DropReason};
    use fallow_protocol::bls::SecretKey;

    const DIGEST: B256 = B256::repeat_byte(1);

    fn posting(state: Option<TransactionState>) -> Posting {
        let call = Call { to: None, data: Bytes::new() };
        let transaction =
            state.map(|state| Transaction { call, nonce: 0, gas: 0, payloads: vec![], state });
        let share = SecretKey::generate(&[3; 32]).unwrap().sign(DIGEST);
        Posting { digest: DIGEST, share, transaction }
    }

    #[test]
    fn a_new_validator_signs_the_newest_checkpoint_only() {
        assert_eq!(due(None, None), (0, 1));
    }

    #[test]
    fn a_restarted_validator_looks_again_at_what_it_signed_last() {
        assert_eq!(due(None, Some(12)), (11, BACKLOG));
        assert_eq!(due(Some(16), Some(12)), (16, BACKLOG), "what it saw counts from then on");
    }

    #[test]
    fn each_state_of_a_share_has_its_next_step() {
        let hash = B256::ZERO;
        let steps = [
            (None, PostStep::Ask),
            (Some(TransactionState::Built), PostStep::Follow),
            (Some(TransactionState::Sent { at: 1 }), PostStep::Follow),
            (Some(TransactionState::Included { block: 1, hash }), PostStep::Follow),
            (Some(TransactionState::Final { block: 1, hash }), PostStep::Done),
            (Some(TransactionState::Dropped(DropReason::Replaced { nonce: 0 })), PostStep::Ask),
        ];
        for (state, want) in steps {
            assert_eq!(posting(state).next(), want, "{state:?}");
        }
    }

    #[test]
    fn another_digest_on_the_bulletin_is_refused() {
        assert_eq!(posting(None).is_posted(4, B256::ZERO), Ok(false));
        assert_eq!(posting(None).is_posted(4, DIGEST), Ok(true));
        let posted = B256::repeat_byte(9);
        let refused = RefusalReason::Posted { block: 4, posted, want: DIGEST };
        assert_eq!(posting(None).is_posted(4, posted), Err(refused));
    }

    #[test]
    fn shares_that_wait_are_bounded_but_none_with_a_nonce_is_given_up() {
        let mut postings = Postings::default();
        postings.add(0, posting(Some(TransactionState::Built)));
        for block in 1..=80 {
            postings.add(block, posting(None));
        }
        assert_eq!(postings.0.len(), BACKLOG);
        assert!(postings.get_mut(0).is_some(), "it has a transaction");
        assert!(postings.get_mut(1).is_none(), "the oldest without one");
        let active = postings.active();
        assert_eq!(active.len(), IN_FLIGHT);
        assert_eq!(active[..2], [0, 18]);
    }

    #[test]
    fn nothing_is_signed_after_the_set_expired() {
        let checkpoint = Checkpoint {
            network_id: fallow_protocol::NetworkId::ZERO,
            era: 0,
            set_number: 1,
            block_number: 4,
            block_hash: B256::ZERO,
            block_time: 1_000,
            size: 1,
            root: B256::ZERO,
            next_set: fallow_protocol::SetHash::ZERO,
        };
        assert_eq!(check_expiry(&checkpoint, 1_000), Ok(()));
        let expired = RefusalReason::SetExpired { block: 4, time: 1_000, not_after: 999 };
        assert_eq!(check_expiry(&checkpoint, 999), Err(expired));
    }
}
