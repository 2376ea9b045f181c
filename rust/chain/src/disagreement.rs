//! Where the contract and the re-execution part, and why following stops.

use crate::{ChainError, Class};
use alloy_primitives::B256;
use fallow_ledger::ApplyError;
use fallow_log::LogError;
use fallow_protocol::{Code, DecodeError, NetworkId};
use std::fmt;

/// What the contract claims and the re-execution refuses. Nobody signs after one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disagreement {
    /// The contract recorded what breaks a rule.
    #[error("block {block}: the contract recorded {index}, which is refused: {error}")]
    Refused {
        /// Block of the event.
        block: u64,
        /// Index that the contract gave it.
        index: u64,
        /// The rule.
        error: ApplyError,
    },
    /// A record is not at the log's end.
    #[error("block {block}: the contract recorded {got} where {want} is next")]
    Index {
        /// Block of the event.
        block: u64,
        /// Index in the event.
        got: u64,
        /// Size of the log before it.
        want: u64,
    },
    /// A release is of what is no record, or of another resource's.
    #[error(
        "block {block}: the contract recorded {index}, a release of {allocation}, which {flaw}"
    )]
    Release {
        /// Block of the event.
        block: u64,
        /// Index that the contract gave it.
        index: u64,
        /// Index of what is released.
        allocation: u64,
        /// What is wrong with that.
        flaw: ReleaseFlaw,
    },
    /// The registry emitted what is no event of a registry.
    #[error("block {block}: log {position} is no event of a registry")]
    Event {
        /// Block of the log.
        block: u64,
        /// Position among the block's logs.
        position: u64,
    },
    /// The registry is of another network.
    #[error("block {block}: the registry started network {got}, not {want}")]
    Network {
        /// Block of the event.
        block: u64,
        /// Its network.
        got: NetworkId,
        /// The network file's.
        want: NetworkId,
    },
    /// The first event is not the registry's start, or another one is.
    #[error("block {block}: the registry must start once, with its first event")]
    Start {
        /// Block of the event.
        block: u64,
    },
    /// The registry has another size than the re-execution.
    #[error("block {block}: the contract has {got} records, re-execution gives {want}")]
    Size {
        /// After this block.
        block: u64,
        /// The contract's.
        got: u64,
        /// Our own.
        want: u64,
    },
    /// The registry has another root than the re-execution.
    #[error("block {block}: the contract has root {got}, re-execution gives {want}")]
    Root {
        /// After this block.
        block: u64,
        /// The contract's.
        got: B256,
        /// Our own.
        want: B256,
    },
}

/// Why an event's release cannot be one, whatever the ledger says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseFlaw {
    /// There is no record of that index.
    Missing,
    /// The event names another resource than the record.
    Resource,
}

impl fmt::Display for ReleaseFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is not in the log",
            Self::Resource => "is of another resource than the event says",
        })
    }
}

impl Disagreement {
    /// The sidechain block in which it came up.
    #[must_use]
    pub const fn block(&self) -> u64 {
        match self {
            Self::Refused { block, .. }
            | Self::Index { block, .. }
            | Self::Release { block, .. }
            | Self::Event { block, .. }
            | Self::Network { block, .. }
            | Self::Start { block }
            | Self::Size { block, .. }
            | Self::Root { block, .. } => *block,
        }
    }

    /// The rule that the contract let pass, if it has a code.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { error, .. } => error.refusal().map(|refusal| refusal.code),
            _ => None,
        }
    }
}

/// Why following stopped: there are these two sides, and no third.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The chain, or the node that shows it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The contract claims what re-execution refuses.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
}

impl FollowError {
    /// What a daemon does about it.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Chain(error) => error.class(),
            Self::Disagreement(_) => Class::Fatal,
        }
    }
}

/// Why there is no ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// The record is not there, or not under the checkpoint.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The checkpoint is not of the chain that was followed.
    #[error("the checkpoint's root {got} is not that of the log at its size, {want}")]
    Root {
        /// The checkpoint's.
        got: B256,
        /// Our own.
        want: B256,
    },
    /// The record cannot be decoded: of a later version.
    #[error(transparent)]
    Record(#[from] DecodeError),
}
