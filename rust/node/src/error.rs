//! Why a node does not start, or ends.

use crate::http::AllowListError;
use crate::store::NodeStoreError;
use fallow_chain::{ChainError, ConfigError};
use std::net::SocketAddr;

/// Why a node does not start, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The set is not the network file's.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened, or failed.
    #[error(transparent)]
    Store(#[from] NodeStoreError),
    /// A chain is another one than the network file says, or does not answer at the start.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The list of keys that may submit cannot be used.
    #[error(transparent)]
    AllowList(#[from] AllowListError),
    /// The address of the API cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A peer cannot be asked.
    #[error("peer `{url}`: {error}")]
    Peer {
        /// Its URL.
        url: String,
        /// Why.
        #[source]
        error: fallow_node_client::ClientError,
    },
    /// The core's thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// A thread or task of the node ended that never should.
    #[error("the {0} ended unexpectedly")]
    Ended(&'static str),
}
