//! Performs what [`Flights`](crate::batcher::Flights) asks of a chain's node.

use crate::batcher::{Effect, Input, Look, Outgoing, Trouble, Unsigned};
use alloy::providers::Provider as _;
use alloy_primitives::{Address, TxHash};
use fallow_chain::{ChainError, Client, NonceAt, Payload, Sender, SenderConfig};
use fallow_protocol::SecretKey;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// Signs and sends an account's transactions.
#[derive(Debug)]
pub struct Driver {
    client: Client,
    sender: Sender,
    started: Instant,
}

impl Driver {
    /// For the account of `key` on the chain `chain_id`.
    ///
    /// # Errors
    /// When the key is unusable.
    pub fn new(client: Client, key: &SecretKey, chain_id: u64) -> Result<Self, ChainError> {
        let sender = Sender::new(client.clone(), key, chain_id, SenderConfig::default())?;
        Ok(Self { client, sender, started: Instant::now() })
    }

    /// The account.
    #[must_use]
    pub const fn account(&self) -> Address {
        self.sender.address()
    }

    /// Performs effects until their channel closes; what comes of them goes to `report`. Effects of
    /// the core's own are passed over. What waits in the channel is bounded by the flights: each has
    /// one effect at most under way, and there is one look at a time.
    pub async fn run(
        self,
        mut effects: UnboundedReceiver<Effect>,
        report: impl Fn(Input) + Clone + Send + Sync + 'static,
    ) {
        let driver = Arc::new(self);
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                effect = effects.recv() => match effect {
                    // Nonces are stored in the order in which they are signed.
                    Some(Effect::Sign(unsigned)) => driver.sign(&unsigned, &report).await,
                    Some(effect) => {
                        tasks.spawn(Arc::clone(&driver).perform(effect, report.clone()));
                    }
                    None => return,
                },
                Some(done) = tasks.join_next() => {
                    if let Err(error) = done {
                        tracing::error!(%error, "a task of the batcher's driver failed");
                    }
                }
            }
        }
    }

    async fn perform(self: Arc<Self>, effect: Effect, report: impl Fn(Input) + Send + Sync) {
        match effect {
            Effect::Send(outgoing) => self.send(outgoing, &report).await,
            Effect::Look { applied } => report(self.look(applied).await),
            Effect::Judge { nonce, hashes } => report(self.judge(nonce, &hashes).await),
            Effect::Sign(_) | Effect::Store(_) | Effect::Landed { .. } => {}
        }
    }

    /// A payload that cannot be signed is asked for again.
    async fn sign(&self, unsigned: &Unsigned, report: impl Fn(Input)) {
        let Unsigned { nonce, call, gas, fees } = unsigned;
        match self.sender.sign_call(call, *nonce, *gas, *fees).await {
            Ok(payload) => report(Input::Signed(Outgoing { nonce: *nonce, payload })),
            Err(error) => tracing::error!(nonce, %error, "a transaction cannot be signed"),
        }
    }

    async fn send(&self, outgoing: Vec<Outgoing>, report: impl Fn(Input)) {
        for Outgoing { nonce, payload } in outgoing {
            report(match self.send_one(nonce, &payload).await {
                Ok(()) => Input::Sent { nonce },
                Err(error) => Input::NotSent { nonce, trouble: trouble(&error) },
            });
        }
    }

    async fn send_one(&self, nonce: u64, payload: &Payload) -> Result<(), ChainError> {
        match self.client.send_raw(&payload.raw).await {
            Ok(_) => Ok(()),
            // Nodes refuse what they have, each in its own words: ask instead of reading them.
            Err(ChainError::Refused { .. }) if self.is_known(nonce, payload).await? => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether the node has the payload, or the nonce is used up: the next look tells by whom.
    async fn is_known(&self, nonce: u64, payload: &Payload) -> Result<bool, ChainError> {
        let known = self.client.provider().get_transaction_by_hash(payload.hash).await?;
        let used = self.client.nonce(self.account(), NonceAt::Latest).await?;
        Ok(known.is_some() || used > nonce)
    }

    async fn look(&self, applied: u64) -> Input {
        self.see(applied).await.map_or_else(|error| Input::Blind(trouble(&error)), Input::Seen)
    }

    async fn see(&self, applied: u64) -> Result<Look, ChainError> {
        let account = self.account();
        // The nonce is asked for after the block's number, so it is not of an earlier block.
        let latest = self.client.latest().await?;
        let (settled, included, fees) = tokio::try_join!(
            self.client.nonce(account, NonceAt::Block(applied)),
            self.client.nonce(account, NonceAt::Latest),
            self.client.fees(),
        )?;
        let time = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Look { settled, latest, included, fees, time })
    }

    /// A node that has no receipt, or does not answer, tells nothing against a transaction.
    async fn judge(&self, nonce: u64, hashes: &[TxHash]) -> Input {
        for hash in hashes.iter().rev() {
            match self.client.receipt(*hash).await {
                Ok(Some(receipt)) => {
                    let reverted = !receipt.status();
                    if reverted {
                        let gas = receipt.gas_used;
                        tracing::error!(nonce, %hash, gas, "a transaction reverted");
                    }
                    return Input::Judged { nonce, reverted };
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(nonce, %hash, %error, "no receipt"),
            }
        }
        Input::Judged { nonce, reverted: false }
    }
}

fn trouble(error: &ChainError) -> Trouble {
    match error {
        ChainError::Refused { .. } => Trouble::Refused(error.to_string()),
        _ => Trouble::Away(error.to_string()),
    }
}
