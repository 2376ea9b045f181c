//! One transaction from building to finality, pure: what is known of it, and what to do next.
//!
//! ```text
//! Built --sent--> Sent --receipt--> Included --confirmations--> Final
//!   ^              |  ^                |
//!   `-more offered-|  |                |
//!                  |  `-- block gone --'      a reorganisation: the same payload again
//!                  `--> Dropped               it reverted, or its nonce went to another
//! ```
//!
//! A transaction has one nonce and one call for ever. A payload that waits too long is signed again
//! with higher fees, so at most one of the payloads can ever be included: nothing is done twice.

use crate::Fees;
use alloy_primitives::{Address, B256, Bytes, TxHash};
use serde::{Deserialize, Serialize};

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The contract; `None` creates one.
    pub to: Option<Address>,
    /// Call data, or creation code with its arguments.
    pub data: Bytes,
}

/// Why a transaction can never take effect any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// It is in a block, but the call reverted there.
    #[error("it reverted in block {block}")]
    Reverted {
        /// The block.
        block: u64,
    },
    /// Another transaction of the account used the nonce.
    #[error("another transaction of the account used nonce {nonce}")]
    Replaced {
        /// The nonce.
        nonce: u64,
    },
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionState {
    /// The last payload is signed and handed to nobody.
    Built,
    /// A node took it.
    Sent {
        /// Latest block when its last payload was sent.
        at: u64,
    },
    /// It is in a block that may still go away.
    Included {
        /// Number of that block.
        block: u64,
        /// Hash of that block.
        hash: B256,
    },
    /// It is in a block with as many blocks after it as were asked for.
    Final {
        /// Number of that block.
        block: u64,
        /// Hash of that block.
        hash: B256,
    },
    /// It can never take effect.
    Dropped(DropReason),
}

/// One signed form; all of a transaction's differ in fees only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Its hash.
    pub hash: TxHash,
    /// What goes to a node.
    pub raw: Bytes,
    /// What it offers.
    pub fees: Fees,
}

/// A transaction with all that is needed to follow it, also after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// What it does.
    pub call: Call,
    /// The account's nonce.
    pub nonce: u64,
    /// Gas limit.
    pub gas: u64,
    /// All payloads that were signed, the last one is sent.
    pub payloads: Vec<Payload>,
    /// Where it stands.
    pub state: TransactionState,
}

/// A receipt of one of the payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Number of the block.
    pub block: u64,
    /// Hash of the block.
    pub hash: B256,
    /// Whether the call went through.
    pub succeeded: bool,
}

/// What a node says about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Latest block.
    pub latest: u64,
    /// Transactions of the account in blocks whose receipts are there for sure; so a nonce that is
    /// used up without a receipt was used by another transaction.
    pub account_nonce: u64,
    /// The receipt, if any payload has one.
    pub inclusion: Option<Inclusion>,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Blocks after its own until a transaction is final.
    pub confirmations: u64,
    /// Blocks that a sent payload waits before its fees are raised.
    pub blocks: u64,
    /// So many payloads are signed at most.
    pub payloads: usize,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: look again later, or never if it is final or dropped.
    Wait,
    /// Send the last payload.
    Send,
    /// Sign again with higher fees; the next look sends it, so that it can be stored before.
    Raise,
}

impl Transaction {
    /// Takes in what a node says and tells what to do.
    pub fn observe(&mut self, seen: &Observation, patience: &Patience) -> Action {
        use TransactionState::{Built, Dropped, Final, Included, Sent};
        match (self.state, seen.inclusion) {
            (Final { .. } | Dropped(_), _) => Action::Wait,
            (_, Some(inclusion)) => {
                self.state = included(&inclusion, seen.latest, patience.confirmations);
                Action::Wait
            }
            (_, None) if seen.account_nonce > self.nonce => {
                self.state = Dropped(DropReason::Replaced { nonce: self.nonce });
                Action::Wait
            }
            (Built, None) => Action::Send,
            // The block went away. The node may have put the transaction back into its pool or not.
            (Included { .. }, None) => {
                self.state = Built;
                Action::Send
            }
            (Sent { at }, None) if seen.latest.saturating_sub(at) < patience.blocks => Action::Wait,
            (Sent { .. }, None) if self.payloads.len() < patience.payloads => Action::Raise,
            // A pool may have forgotten it.
            (Sent { .. }, None) => Action::Send,
        }
    }

    /// Notes a payload that was signed. It is not sent before the next look.
    pub fn signed(&mut self, payload: Payload) {
        self.payloads.push(payload);
        self.state = TransactionState::Built;
    }

    /// Notes that a node took the last payload when `latest` was the latest block.
    pub const fn sent(&mut self, latest: u64) {
        self.state = TransactionState::Sent { at: latest };
    }

    /// Whether nothing will happen any more.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self.state, TransactionState::Final { .. } | TransactionState::Dropped(_))
    }

    /// Hash of the payload that was signed last; zero before the first.
    #[must_use]
    pub fn hash(&self) -> TxHash {
        self.payloads.last().map_or(TxHash::ZERO, |payload| payload.hash)
    }
}

const fn included(inclusion: &Inclusion, latest: u64, confirmations: u64) -> TransactionState {
    let Inclusion { block, hash, succeeded } = *inclusion;
    if latest.saturating_sub(block) < confirmations {
        return TransactionState::Included { block, hash };
    }
    if succeeded {
        TransactionState::Final { block, hash }
    } else {
        TransactionState::Dropped(DropReason::Reverted { block })
    }
}

impl Fees {
    /// Enough more that nodes replace a waiting transaction: they ask for a tenth more of both.
    #[must_use]
    pub fn raised(self, now: Self) -> Self {
        let more = |fee: u128| fee.saturating_add(fee / 8).saturating_add(1);
        let tip = more(self.tip).max(now.tip);
        Self { max: more(self.max).max(now.max).max(tip), tip }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { confirmations: 2, blocks: 5, payloads: 2 };

    fn payload(fee: u128) -> Payload {
        let fees = Fees { max: fee, tip: 0 };
        Payload { hash: TxHash::repeat_byte(1), raw: Bytes::new(), fees }
    }

    fn transaction(state: TransactionState) -> Transaction {
        let call = Call { to: None, data: Bytes::new() };
        Transaction { call, nonce: 7, gas: 21_000, payloads: vec![payload(1)], state }
    }

    fn nothing(latest: u64) -> Observation {
        Observation { latest, account_nonce: 7, inclusion: None }
    }

    fn in_block(block: u64, latest: u64, succeeded: bool) -> Observation {
        let inclusion = Inclusion { block, hash: B256::repeat_byte(2), succeeded };
        Observation { latest, account_nonce: 8, inclusion: Some(inclusion) }
    }

    const SENT: TransactionState = TransactionState::Sent { at: 10 };
    const INCLUDED: TransactionState =
        TransactionState::Included { block: 12, hash: B256::repeat_byte(2) };
    const FINAL: TransactionState =
        TransactionState::Final { block: 12, hash: B256::repeat_byte(2) };

    #[track_caller]
    fn check(
        from: TransactionState,
        seen: Observation,
        want: (TransactionState, Action),
    ) -> Transaction {
        let mut transaction = transaction(from);
        let action = transaction.observe(&seen, &PATIENCE);
        assert_eq!((transaction.state, action), want);
        transaction
    }

    #[test]
    fn a_built_one_is_sent() {
        let mut built =
            check(TransactionState::Built, nothing(10), (TransactionState::Built, Action::Send));
        built.sent(10);
        assert_eq!(built.state, SENT);
    }

    #[test]
    fn a_sent_one_waits_then_offers_more_then_is_sent_again() {
        check(SENT, nothing(14), (SENT, Action::Wait));
        let mut waiting = check(SENT, nothing(15), (SENT, Action::Raise));
        waiting.signed(payload(2));
        assert_eq!(waiting.state, TransactionState::Built, "stored first");
        assert_eq!(waiting.observe(&nothing(15), &PATIENCE), Action::Send);
        waiting.sent(15);
        // That was the last payload: now only the pool is reminded.
        assert_eq!(waiting.observe(&nothing(20), &PATIENCE), Action::Send);
    }

    #[test]
    fn an_included_one_becomes_final_with_its_confirmations() {
        check(SENT, in_block(12, 12, true), (INCLUDED, Action::Wait));
        check(INCLUDED, in_block(12, 13, true), (INCLUDED, Action::Wait));
        check(INCLUDED, in_block(12, 14, true), (FINAL, Action::Wait));
    }

    #[test]
    fn a_reorganisation_sends_the_same_payload_again() {
        let again = check(INCLUDED, nothing(13), (TransactionState::Built, Action::Send));
        assert_eq!(again.payloads, [payload(1)]);
        let moved = TransactionState::Included { block: 13, hash: B256::repeat_byte(2) };
        check(INCLUDED, in_block(13, 13, true), (moved, Action::Wait));
    }

    #[test]
    fn a_reverted_one_is_dropped_once_its_block_is_final() {
        let dropped = TransactionState::Dropped(DropReason::Reverted { block: 12 });
        check(SENT, in_block(12, 13, false), (INCLUDED, Action::Wait));
        check(INCLUDED, in_block(12, 14, false), (dropped, Action::Wait));
    }

    #[test]
    fn a_nonce_used_by_another_drops_it() {
        let dropped = TransactionState::Dropped(DropReason::Replaced { nonce: 7 });
        let seen = Observation { account_nonce: 8, ..nothing(12) };
        check(SENT, seen, (dropped, Action::Wait));
        check(TransactionState::Built, seen, (dropped, Action::Wait));
    }

    #[test]
    fn settled_ones_stay() {
        check(FINAL, nothing(99), (FINAL, Action::Wait));
        let dropped = TransactionState::Dropped(DropReason::Reverted { block: 12 });
        check(dropped, in_block(12, 99, true), (dropped, Action::Wait));
    }

    #[test]
    fn raised_fees_replace_a_waiting_payload_also_from_nothing() {
        let raised = Fees { max: 0, tip: 0 }.raised(Fees { max: 0, tip: 0 });
        assert_eq!(raised, Fees { max: 1, tip: 1 });
        let raised = Fees { max: 80, tip: 8 }.raised(Fees { max: 500, tip: 0 });
        assert_eq!(raised, Fees { max: 500, tip: 10 });
    }
}
