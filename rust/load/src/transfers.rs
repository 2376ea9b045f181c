//! What the chain itself does: plain transfers a second, as fast as it takes them.

use alloy::eips::eip2718::Encodable2718 as _;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder as _, TransactionBuilder as _};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, U256, keccak256};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::connection::Connection;

/// Accounts that send; many, as a chain's users are.
const SENDERS: usize = 1_000;
/// Transfers in one JSON-RPC batch.
const BATCH: usize = 100;
/// Connections at once.
const CONNECTIONS: usize = 2;
/// A transfer costs so much.
const TRANSFER_GAS: u64 = 21_000;
/// Above any base fee of a development chain.
const MAX_FEE: u128 = 2_000_000_000;

/// How many transfers went through in what time.
#[derive(Clone, Copy, Debug)]
pub struct Transfers {
    /// How many.
    pub count: usize,
    /// From the first that was sent to the block with the last.
    pub took: Duration,
}

impl Transfers {
    /// Transfers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        crate::rate(self.count, self.took)
    }
}

/// Accounts with coins that can send transfers.
#[derive(Debug)]
pub struct TransferLoad {
    signers: Vec<PrivateKeySigner>,
    sent: u64,
}

impl TransferLoad {
    /// Derives the accounts; `fund` gives them coins.
    ///
    /// # Panics
    /// If a hash is no valid key, which has a chance of 2^-128.
    #[must_use]
    pub fn new() -> Self {
        let signer = |number: usize| {
            let secret: B256 = keccak256(format!("transfer {number}"));
            PrivateKeySigner::from_bytes(&secret).expect("a hash is a valid key")
        };
        Self { signers: (0..SENDERS).map(signer).collect(), sent: 0 }
    }

    /// Who needs coins.
    #[must_use]
    pub fn accounts(&self) -> Vec<Address> {
        self.signers.iter().map(PrivateKeySigner::address).collect()
    }

    /// Sends `count` transfers signed beforehand, and waits until all are in blocks.
    ///
    /// # Errors
    /// When the chain does not take them.
    pub async fn run(
        &mut self,
        chain: SocketAddr,
        chain_id: u64,
        count: usize,
    ) -> io::Result<Transfers> {
        let rounds = count.div_ceil(SENDERS);
        let bodies = self.sign(chain_id, rounds).await;
        let count = rounds.saturating_mul(SENDERS);
        let last = self.signers.last().map(PrivateKeySigner::address).unwrap_or_default();
        let begin = Instant::now();
        let halves = bodies.chunks(bodies.len().div_ceil(CONNECTIONS).max(1));
        let tasks: Vec<_> = halves
            .map(|half| {
                let half = half.to_vec();
                tokio::spawn(async move { post_all(chain, &half).await })
            })
            .collect();
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        self.sent = self.sent.saturating_add(rounds as u64);
        // All accounts send as many, the last one last.
        wait_for_nonces(chain, &self.accounts(), self.sent, last).await?;
        Ok(Transfers { count, took: begin.elapsed() })
    }

    async fn sign(&self, chain_id: u64, rounds: usize) -> Vec<Vec<u8>> {
        let first = self.sent;
        let signers = self.signers.clone();
        let jobs: Vec<_> = (0..rounds as u64)
            .flat_map(|round| signers.iter().cloned().map(move |signer| (round, signer)))
            .collect();
        let signing = tokio::task::spawn_blocking(move || {
            jobs.par_iter()
                .map(|(round, signer)| sign(signer, chain_id, first.saturating_add(*round)))
                .collect::<Vec<_>>()
        });
        let signed = signing.await.expect("signing does not panic");
        signed.chunks(BATCH).map(batch).collect()
    }
}

impl Default for TransferLoad {
    fn default() -> Self {
        Self::new()
    }
}

fn sign(signer: &PrivateKeySigner, chain_id: u64, nonce: u64) -> String {
    let transfer = TransactionRequest::default()
        .with_to(Address::repeat_byte(0x77))
        .with_value(U256::from(1))
        .with_chain_id(chain_id)
        .with_nonce(nonce)
        .with_gas_limit(TRANSFER_GAS);
    signed(signer, transfer)
}

/// A signed transaction as `eth_sendRawTransaction` takes it, with fees that any development chain
/// takes.
///
/// # Panics
/// If fields are missing.
#[must_use]
pub fn signed(signer: &PrivateKeySigner, request: TransactionRequest) -> String {
    let request = request.with_max_fee_per_gas(MAX_FEE).with_max_priority_fee_per_gas(1);
    let wallet = EthereumWallet::from(signer.clone());
    let signed = futures_util::FutureExt::now_or_never(request.build(&wallet));
    let signed = signed.expect("a local key signs at once").expect("the request is complete");
    format!("0x{}", alloy_primitives::hex::encode(signed.encoded_2718()))
}

/// A JSON-RPC batch that sends them all.
#[must_use]
pub fn batch(payloads: &[String]) -> Vec<u8> {
    let call = |(id, payload): (usize, &String)| json!({"jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": [payload]});
    Value::from_iter(payloads.iter().enumerate().map(call)).to_string().into_bytes()
}

/// Posts JSON-RPC batches one after the other; every call must go through.
///
/// # Errors
/// When one is refused.
pub async fn post_all(chain: SocketAddr, bodies: &[Vec<u8>]) -> io::Result<()> {
    let mut connection = Connection::open(chain).await?;
    for body in bodies {
        let answer = connection.post("/", body).await?;
        let answers: Vec<Value> = serde_json::from_slice(&answer.body)?;
        if let Some(error) = answers.iter().find_map(|answer| answer.get("error")) {
            return Err(io::Error::other(format!("a transfer was refused: {error}")));
        }
    }
    Ok(())
}

async fn wait_for_nonces(
    chain: SocketAddr,
    accounts: &[Address],
    want: u64,
    last: Address,
) -> io::Result<()> {
    let mut connection = Connection::open(chain).await?;
    while nonce(&mut connection, last).await? < want {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for account in accounts {
        while nonce(&mut connection, *account).await? < want {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}

async fn nonce(connection: &mut Connection, account: Address) -> io::Result<u64> {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionCount",
        "params": [account, "latest"]});
    let answer = connection.post("/", call.to_string().as_bytes()).await?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let result = answer.get("result").and_then(Value::as_str).unwrap_or_default();
    u64::from_str_radix(result.trim_start_matches("0x"), 16)
        .map_err(|_| io::Error::other(format!("no nonce: {answer}")))
}
