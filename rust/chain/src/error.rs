//! What can go wrong between us and a chain, classified once (`Class`).

use alloy::network::{Ethereum, TransactionBuilderError};
use alloy::transports::{RpcError, TransportError};
use alloy_primitives::{Address, B256, Bytes, TxHash};

/// What a daemon does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same again later: the node is away, slow or behind.
    Retry,
    /// Record it and go on with the next: this one call is refused, others are not.
    Skip,
    /// Stop: going on could do harm, or cannot help.
    Fatal,
}

/// An error of a chain, or of the node that shows it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The URL is none, or not of HTTP. It is not shown: URLs of nodes have keys in them.
    #[error("the URL of the node is no http or https URL")]
    Url,
    /// The node is away, too slow, or talks something else than JSON-RPC.
    #[error("the node did not answer: {0}")]
    Transport(#[source] TransportError),
    /// The node answered with an error: a call that reverts, a transaction it does not take.
    #[error("the node refused: {message} (code {code})")]
    Refused {
        /// JSON-RPC error code.
        code: i64,
        /// The node's words.
        message: String,
        /// What a contract reverted with.
        data: Option<Bytes>,
    },
    /// The node does not have what others have: it is behind or pruned.
    #[error("the node has no {what} {number}")]
    Missing {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// The node contradicts itself, or says what nobody asked.
    #[error("the node's answer is wrong: {0}")]
    Answer(#[from] AnswerError),
    /// Another chain answers.
    #[error("chain id is {got}, the network's is {want}")]
    ChainId {
        /// Of the node.
        got: u64,
        /// Of the network file.
        want: u64,
    },
    /// The contract has other code than the network file says.
    #[error("the {contract} at {address} has code hash {got}, the network's is {want}")]
    CodeHash {
        /// Which of the three contracts.
        contract: &'static str,
        /// Where.
        address: Address,
        /// Hash of the deployed code; that of nothing if there is none.
        got: B256,
        /// Of the network file.
        want: B256,
    },
    /// A block that was followed is gone from the chain.
    #[error("block {number} was {want}, the chain now has {got}: reorganised below finality")]
    Reorganised {
        /// The block's number.
        number: u64,
        /// Hash it has now.
        got: B256,
        /// Hash it had.
        want: B256,
    },
    /// A transaction cannot be included any more.
    #[error("transaction {hash} was dropped: {reason}")]
    Dropped {
        /// Of its last payload.
        hash: TxHash,
        /// Why.
        reason: crate::DropReason,
    },
    /// The key is none.
    #[error("the account key is unusable: {0}")]
    Key(#[source] alloy::signers::k256::ecdsa::Error),
    /// Signing failed.
    #[error("signing failed: {0}")]
    Sign(#[source] Box<TransactionBuilderError<Ethereum>>),
}

/// How an answer is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// A header does not hash to what the node says.
    #[error("header {number} hashes to {got}, the node says {want}")]
    HeaderHash {
        /// Block number.
        number: u64,
        /// Computed.
        got: B256,
        /// Claimed.
        want: B256,
    },
    /// Another block was sent than the one asked for.
    #[error("block {got} came, {want} was asked for")]
    BlockNumber {
        /// Sent.
        got: u64,
        /// Asked.
        want: u64,
    },
    /// A header does not follow from the one before it.
    #[error("block {number} has parent {got}, the block before it is {want}")]
    Parent {
        /// Block number.
        number: u64,
        /// Its parent.
        got: B256,
        /// Hash of the block before it.
        want: B256,
    },
    /// A log is of another contract, block or order than asked for.
    #[error("log {position} of block {number} is not where it was asked for")]
    Log {
        /// Block number as the node says it.
        number: u64,
        /// Position in the block as the node says it.
        position: u64,
    },
    /// A log lacks its block or position.
    #[error("a log is pending, only mined ones were asked for")]
    PendingLog,
    /// Bytes are not what the contract's ABI says.
    #[error("{what} cannot be decoded: {error}")]
    Abi {
        /// Which call or event.
        what: &'static str,
        /// Why.
        #[source]
        error: alloy::sol_types::Error,
    },
    /// The hash of a transaction is not that of the payload sent.
    #[error("transaction {got} was taken, {want} was sent")]
    TransactionHash {
        /// Answered.
        got: TxHash,
        /// Computed.
        want: TxHash,
    },
}

impl ChainError {
    /// What a daemon does about it.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Transport(_) | Self::Missing { .. } | Self::Answer(_) => Class::Retry,
            Self::Refused { .. } | Self::Dropped { .. } => Class::Skip,
            Self::Url
            | Self::ChainId { .. }
            | Self::CodeHash { .. }
            | Self::Reorganised { .. }
            | Self::Key(_)
            | Self::Sign(_) => Class::Fatal,
        }
    }
}

impl ChainError {
    /// Whether less at once may go better: the node refuses a range of blocks as too long, or its
    /// answer was, or did not come in time.
    pub(crate) fn is_too_much(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Transport(error) => crate::transport::is_too_much(error),
            _ => false,
        }
    }
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::Refused {
                code: payload.code,
                data: payload.as_revert_data(),
                message: payload.message.into_owned(),
            },
            other => Self::Transport(other),
        }
    }
}
