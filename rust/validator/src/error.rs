//! Why a validator stops, or tries again.

use crate::{ConfigError, StoreError};
use alloy_primitives::B256;
use fallow_chain::{ChainError, Class, Disagreement, FollowError};

/// Why a validator refuses to sign. None of these passes by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The contract claims what re-execution refuses.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// Another digest was signed for the block before: the chain was rewritten below finality, or
    /// something else signed with this store.
    #[error("block {block}: digest {stored} was signed, {got} would be a second one")]
    Signed {
        /// The checkpoint's block.
        block: u64,
        /// Digest in the store.
        stored: B256,
        /// Digest of the chain now.
        got: B256,
    },
    /// The account posted another digest: somebody else uses its keys, or the store was lost.
    #[error("block {block}: the account has posted digest {posted}, not {want}")]
    Posted {
        /// The checkpoint's block.
        block: u64,
        /// Digest on the bulletin.
        posted: B256,
        /// Our own.
        want: B256,
    },
    /// Nobody verifies with the set any more.
    #[error("block {block}: its time {time} is past {not_after}, when the set expired")]
    SetExpired {
        /// The checkpoint's block.
        block: u64,
        /// Its time, unix seconds.
        time: u64,
        /// End of the set, unix seconds.
        not_after: u64,
    },
}

/// Why a validator does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorError {
    /// The configuration's parts do not belong together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain, or the node that shows it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It refuses to sign.
    #[error("refused to sign: {0}")]
    Refused(#[from] RefusalReason),
}

impl ValidatorError {
    /// What is done about it: `Retry` and `Skip` at the next look at the chain, `Fatal` ends.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Chain(error) => error.class(),
            Self::Config(_) | Self::Store(_) | Self::Refused(_) => Class::Fatal,
        }
    }

    /// Exit code of a command: 1 when the chain is refused, 2 when something of ours failed.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Config(_) | Self::Store(_) | Self::Chain(_) => 2,
        }
    }
}

impl From<FollowError> for ValidatorError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Disagreement(disagreement) => {
                Self::Refused(RefusalReason::Disagreement(disagreement))
            }
            FollowError::Chain(error) => Self::Chain(error),
        }
    }
}
