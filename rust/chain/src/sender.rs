//! Transactions of one account, followed until they are final.

use crate::transaction::{Action, Inclusion, Observation, Patience, Payload};
use crate::{Call, ChainError, Client, Fees, NonceAt, Transaction, TransactionState};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder as _, TransactionBuilder as _};
use alloy::providers::Provider as _;
use alloy::rpc::types::{TransactionInput, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Bytes, TxKind};
use fallow_protocol::SecretKey;
use std::time::Duration;

/// How a [`Sender`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderConfig {
    /// Blocks after its own until a transaction is final. Default 2.
    pub confirmations: u64,
    /// Blocks that a payload waits before its fees are raised. Default 10.
    pub patience: u64,
    /// Time between two looks at a transaction. Default 500 ms.
    pub poll: Duration,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self { confirmations: 2, patience: 10, poll: Duration::from_millis(500) }
    }
}

/// With an eighth more each time, the last of 20 payloads offers about ten times the first.
const MAX_PAYLOADS: usize = 20;

/// Sends an account's transactions. Only one sender may use an account at a time.
#[derive(Debug)]
pub struct Sender {
    client: Client,
    wallet: EthereumWallet,
    address: Address,
    chain_id: u64,
    config: SenderConfig,
    /// One above the highest nonce used so far; nodes may forget what waits in their pools.
    next_nonce: u64,
}

impl Sender {
    /// A sender for the account of `key` on the chain `chain_id`.
    ///
    /// # Errors
    /// When the key is unusable.
    pub fn new(
        client: Client,
        key: &SecretKey,
        chain_id: u64,
        config: SenderConfig,
    ) -> Result<Self, ChainError> {
        let signer = PrivateKeySigner::from_bytes(&B256::from(key.to_bytes()));
        let signer = signer.map_err(ChainError::Key)?;
        let address = signer.address();
        Ok(Self { client, wallet: signer.into(), address, chain_id, config, next_nonce: 0 })
    }

    /// The account.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a call with the account's next nonce; nothing is sent. A caller that must survive a
    /// crash stores the transaction now.
    ///
    /// # Errors
    /// When the call would revert ([`ChainError::Refused`]), or the node does not answer.
    pub async fn build(&mut self, call: Call) -> Result<Transaction, ChainError> {
        let gas = self.client.estimate_gas(self.request(&call)).await?;
        // Others may make it dearer before it is included: carries of the log cost some thousand.
        let gas = gas.saturating_add(gas / 4).saturating_add(20_000);
        let pending = self.client.nonce(self.address, NonceAt::Pending).await?;
        let nonce = pending.max(self.next_nonce);
        let fees = self.client.fees().await?;
        let state = TransactionState::Built;
        let mut transaction = Transaction { call, nonce, gas, payloads: Vec::new(), state };
        let payload = self.sign(&transaction, fees).await?;
        transaction.payloads.push(payload);
        self.next_nonce = nonce.saturating_add(1);
        Ok(transaction)
    }

    /// Looks at a transaction once and does what is to be done: it sends what was signed, or signs
    /// again, never both. A caller that must survive a crash stores the transaction after each look,
    /// so no node has a payload that was not stored.
    ///
    /// # Errors
    /// When the node does not answer or refuses it; the same again later is safe.
    pub async fn follow(&self, transaction: &mut Transaction) -> Result<(), ChainError> {
        let seen = self.observe(transaction).await?;
        let patience = Patience {
            confirmations: self.config.confirmations,
            blocks: self.config.patience,
            payloads: MAX_PAYLOADS,
        };
        match transaction.observe(&seen, &patience) {
            Action::Wait => Ok(()),
            Action::Send => self.push(transaction, seen.latest).await,
            Action::Raise => self.raise(transaction).await,
        }
    }

    /// Builds, sends and follows a call until it is final.
    ///
    /// # Errors
    /// When it would revert, was dropped, or the node does not answer.
    pub async fn send(&mut self, call: Call) -> Result<Transaction, ChainError> {
        let mut transaction = self.build(call).await?;
        loop {
            self.follow(&mut transaction).await?;
            match transaction.state {
                TransactionState::Final { .. } => return Ok(transaction),
                TransactionState::Dropped(reason) => {
                    return Err(ChainError::Dropped { hash: transaction.hash(), reason });
                }
                _ => tokio::time::sleep(self.config.poll).await,
            }
        }
    }

    async fn observe(&self, transaction: &Transaction) -> Result<Observation, ChainError> {
        let latest = self.client.latest().await?;
        let settled = latest.saturating_sub(self.config.confirmations.max(1));
        let account_nonce = self.client.nonce(self.address, NonceAt::Block(settled)).await?;
        let mut inclusion = None;
        for payload in transaction.payloads.iter().rev() {
            inclusion = self.inclusion(payload).await?;
            if inclusion.is_some() {
                break;
            }
        }
        Ok(Observation { latest, account_nonce, inclusion })
    }

    async fn inclusion(&self, payload: &Payload) -> Result<Option<Inclusion>, ChainError> {
        let receipt = self.client.receipt(payload.hash).await?;
        Ok(receipt.and_then(|receipt| {
            let (block, hash) = (receipt.block_number?, receipt.block_hash?);
            Some(Inclusion { block, hash, succeeded: receipt.status() })
        }))
    }

    async fn raise(&self, transaction: &mut Transaction) -> Result<(), ChainError> {
        let now = self.client.fees().await?;
        let fees = transaction.payloads.last().map_or(now, |last| last.fees.raised(now));
        let payload = self.sign(transaction, fees).await?;
        transaction.signed(payload);
        Ok(())
    }

    async fn push(&self, transaction: &mut Transaction, latest: u64) -> Result<(), ChainError> {
        let Some(payload) = transaction.payloads.last() else {
            return self.raise(transaction).await;
        };
        match self.client.send_raw(&payload.raw).await {
            Ok(_) => {}
            // Nodes refuse what they have, each in its own words: ask instead of reading them.
            Err(ChainError::Refused { .. }) if self.is_known(transaction, payload).await? => {}
            Err(error) => return Err(error),
        }
        tracing::debug!(hash = %payload.hash, nonce = transaction.nonce, "transaction sent");
        transaction.sent(latest);
        Ok(())
    }

    /// Whether the node has the payload, or the nonce is used up: the next look tells by whom.
    async fn is_known(
        &self,
        transaction: &Transaction,
        payload: &Payload,
    ) -> Result<bool, ChainError> {
        let known = self.client.provider().get_transaction_by_hash(payload.hash).await?;
        let used = self.client.nonce(self.address, NonceAt::Latest).await?;
        Ok(known.is_some() || used > transaction.nonce)
    }

    async fn sign(&self, transaction: &Transaction, fees: Fees) -> Result<Payload, ChainError> {
        self.sign_call(&transaction.call, transaction.nonce, transaction.gas, fees).await
    }

    /// Signs a call with a nonce, gas limit and fees of the caller's choice; no node is asked.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn sign_call(
        &self,
        call: &Call,
        nonce: u64,
        gas: u64,
        fees: Fees,
    ) -> Result<Payload, ChainError> {
        let request = self
            .request(call)
            .with_chain_id(self.chain_id)
            .with_nonce(nonce)
            .with_gas_limit(gas)
            .with_max_fee_per_gas(fees.max)
            .with_max_priority_fee_per_gas(fees.tip);
        let signed = request.build(&self.wallet).await;
        let signed = signed.map_err(|error| ChainError::Sign(Box::new(error)))?;
        let raw = Bytes::from(signed.encoded_2718());
        Ok(Payload { hash: *signed.tx_hash(), raw, fees })
    }

    fn request(&self, call: &Call) -> TransactionRequest {
        let input = TransactionInput::new(call.data.clone());
        let mut request = TransactionRequest::default().from(self.address).input(input);
        request.to = Some(call.to.map_or(TxKind::Create, TxKind::Call));
        request
    }
}
