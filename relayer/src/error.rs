//! Why a relayer stops, or tries again.

use crate::StoreError;
use alloy_primitives::B256;
use fallow_chain::{ChainError, Class, ConfigError, Disagreement, FollowError};
use fallow_log::LogError;
use fallow_protocol::CertificateError;

/// Why a relayer does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayerError {
    /// The configuration's parts do not belong together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened or written; whether the last write is in it is unknown.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chain, or the node that shows it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The sidechain's contract claims what re-execution refuses.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// What is anchored is not the beginning of the log that we see.
    #[error("at {size} records the anchor has root {got}, the sidechain's log {want}")]
    Fork {
        /// Records under the last anchored checkpoint.
        size: u64,
        /// The anchor's root.
        got: B256,
        /// Root of the log at that size.
        want: B256,
    },
    /// The set expired: nobody can anchor in this network any more.
    #[error("the validator set expired at {not_after}, mainnet's time is {now}")]
    SetExpired {
        /// End of the set, unix seconds.
        not_after: u64,
        /// Time of mainnet's latest block.
        now: u64,
    },
    /// Shares of a quorum cancel each other out.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Sizes of the log that cannot be, as the caller compared them.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl RelayerError {
    /// What is done about it: `Retry` and `Skip` at the next look, `Fatal` ends.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Chain(error) => error.class(),
            Self::Config(_)
            | Self::Store(_)
            | Self::Disagreement(_)
            | Self::Fork { .. }
            | Self::SetExpired { .. }
            | Self::Certificate(_)
            | Self::Log(_) => Class::Fatal,
        }
    }

    /// Exit code of a command: 1 when a chain is refused, 2 when something of ours failed.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Disagreement(_)
            | Self::Fork { .. }
            | Self::SetExpired { .. }
            | Self::Certificate(_) => 1,
            _ => 2,
        }
    }
}

impl From<FollowError> for RelayerError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Chain(error) => Self::Chain(error),
            FollowError::Disagreement(disagreement) => Self::Disagreement(disagreement),
        }
    }
}
