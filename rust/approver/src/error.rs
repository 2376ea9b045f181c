//! Why a request is not signed, and why an approver does not go on.

use crate::PolicyError;
use fallow_protocol::Refusal;
use fallow_store::StoreError;
use std::net::SocketAddr;

/// Why a request was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApproveError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed; whether the request was counted is unknown.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an approver does not start, or stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApproverError {
    /// There is no policy to start with.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The store cannot be opened or written; whether the last write is in it is unknown.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody could reach it.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}
