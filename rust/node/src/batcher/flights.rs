//! Transactions on their way, pure.

use crate::batcher::{Limits, Planned};
use crate::store::types::Flight;
use fallow_chain::{Call, Fees, Payload};

/// How flights wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlightsConfig {
    /// So many transactions are on their way at most. Default 32.
    pub in_flight: usize,
    /// Blocks that a payload waits before its fees are raised. Default 10.
    pub patience: u64,
    /// Milliseconds after which a transaction that is in no block is handed over again. Default
    /// 4000.
    pub resend: u64,
}

impl Default for FlightsConfig {
    fn default() -> Self {
        Self { in_flight: 32, patience: 10, resend: 4_000 }
    }
}

/// What a node of the chain says of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The block that was asked for: the last final one that the core has applied.
    pub applied: u64,
    /// The account's nonce after that block.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The chain's node does not answer.
    Away(String),
    /// The chain's node refuses the next transaction, for instance as the account has no coins.
    Refused(String),
    /// The last transaction reverted.
    Reverted {
        /// The account's nonce.
        nonce: u64,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The core has applied a final block in which these messages (arrival numbers) were recorded.
    Applied {
        /// Its number.
        block: u64,
        /// What is recorded now.
        recorded: Vec<u64>,
    },
    /// The core wants these sent; the first [`Flights::room`] are taken, in order.
    Launch(Vec<Planned>),
    /// Time passed without a block.
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
    /// For the core: make this durable, then say [`Input::Stored`].
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
        hashes: Vec<alloy_primitives::TxHash>,
    },
}

/// All transactions that are not over.
#[derive(Clone, Debug)]
pub struct Flights {
    config: FlightsConfig,
}

impl Flights {
    /// Goes on with what was stored. Of their messages only those count that `waits` says are not
    /// recorded.
    #[must_use]
    pub fn resume(
        config: FlightsConfig,
        _stored: Vec<Flight>,
        _waits: impl Fn(u64) -> bool,
    ) -> Self {
        Self { config }
    }

    /// Takes in what happened, and says what to do, in order.
    pub fn apply(&mut self, _input: Input) -> Vec<Effect> {
        Vec::new()
    }

    /// How many more transactions may be launched now: none before the first look at the chain.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.config.in_flight
    }

    /// Arrival numbers of the messages that are on their way and not recorded.
    pub fn arrivals(&self) -> impl Iterator<Item = u64> {
        std::iter::empty()
    }

    /// The bounds with more caution, if a transaction ran out of gas lately.
    #[must_use]
    pub const fn limits(&self, limits: Limits) -> Limits {
        limits
    }

    /// Why nothing gets on, if so.
    #[must_use]
    pub const fn trouble(&self) -> Option<&Trouble> {
        None
    }
}
