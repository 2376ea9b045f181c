//! What goes into [`Flights`](crate::batcher::Flights), and what comes out.

use crate::batcher::Planned;
use crate::store::types::Flight;
use alloy_primitives::TxHash;
use fallow_chain::{Call, Fees, Payload};

/// What a node of the chain says of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The account's nonce after the block that was asked for: the last final one that the core has
    /// applied.
    pub settled: u64,
    /// The latest block.
    pub latest: u64,
    /// The account's nonce after it.
    pub included: u64,
    /// What a transaction should offer.
    pub fees: Fees,
    /// Milliseconds of a clock that never goes back.
    pub time: u64,
}

/// A transaction to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// The account's nonce.
    pub nonce: u64,
    /// What it does.
    pub call: Call,
    /// Gas limit.
    pub gas: u64,
    /// What it offers.
    pub fees: Fees,
}

/// A payload to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The account's nonce.
    pub nonce: u64,
    /// What was signed.
    pub payload: Payload,
}

/// Why transactions do not get on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The chain's node does not answer.
    #[error("the sidechain's node does not answer: {0}")]
    Away(String),
    /// The chain's node refuses a transaction, for instance as the account has no coins.
    #[error("the sidechain's node refuses transactions: {0}")]
    Refused(String),
    /// A transaction is in a block and reverted there.
    #[error("the transaction of nonce {nonce} reverted")]
    Reverted {
        /// The account's nonce.
        nonce: u64,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The core has applied a final block in which these messages (arrival numbers) were recorded.
    /// Once at the start, too.
    Applied {
        /// Its number.
        block: u64,
        /// What is recorded now.
        recorded: Vec<u64>,
    },
    /// The core wants these sent; the first [`Flights::room`](crate::batcher::Flights::room) are
    /// taken, in order.
    Launch(Vec<Planned>),
    /// Some time passed, a second or less.
    Tick,
    /// What was stored is durable.
    Stored {
        /// The account's nonce.
        nonce: u64,
    },
    /// From the driver: a payload was signed.
    Signed(Outgoing),
    /// From the driver: a chain's node has the payload, or its nonce is used up.
    Sent {
        /// The account's nonce.
        nonce: u64,
    },
    /// From the driver: a payload was not taken, or nobody knows.
    NotSent {
        /// The account's nonce.
        nonce: u64,
        /// Why.
        trouble: Trouble,
    },
    /// From the driver: what the chain says now.
    Seen(Look),
    /// From the driver: the chain does not answer.
    Blind(Trouble),
    /// From the driver: whether the transaction is in a block and failed there.
    Judged {
        /// The account's nonce.
        nonce: u64,
        /// Whether it reverted.
        reverted: bool,
    },
}

/// What is to be done. The core stores and forgets; everything else goes to the driver as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// For the core: make this durable, in the order of these effects, then say [`Input::Stored`].
    Store(Flight),
    /// For the core: the transaction is over. Remove it, and plan those of its messages again that
    /// are not recorded.
    Landed {
        /// The account's nonce.
        nonce: u64,
        /// Arrival numbers of its messages that are not recorded.
        again: Vec<u64>,
    },
    /// For the driver: sign this.
    Sign(Unsigned),
    /// For the driver: hand these over, in order.
    Send(Vec<Outgoing>),
    /// For the driver: ask for the account's nonce after this block and after the latest.
    Look {
        /// The last final block that was applied.
        applied: u64,
    },
    /// For the driver: ask for receipts of these payloads of a transaction.
    Judge {
        /// The account's nonce.
        nonce: u64,
        /// Hashes of all its payloads.
        hashes: Vec<TxHash>,
    },
}
