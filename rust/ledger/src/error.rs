//! Why a message was not recorded.

use crate::MAX_BODY_BYTES;
use alloy_primitives::Address;
use fallow_protocol::Refusal;

/// Why nothing was recorded; the ledger is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A message broke a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller of `append` is not the writer named for the kind.
    #[error("records of kind {kind} are not written by {got}, but by {want:?}")]
    WriterInvalid {
        /// Record kind.
        kind: u8,
        /// Who called.
        got: Address,
        /// Who may, if anybody.
        want: Option<Address>,
    },
    /// The body of a further writer is too long.
    #[error("the body has {0} bytes, at most {MAX_BODY_BYTES} are recorded")]
    BodyTooLong(usize),
}

impl ApplyError {
    /// The refusal, if a rule of section 4 was broken.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::WriterInvalid { .. } | Self::BodyTooLong(_) => None,
        }
    }
}
