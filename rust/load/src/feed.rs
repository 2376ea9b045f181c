//! A long log, made on a real chain: packed batches straight to the registry, no node between.

use crate::now;
use crate::rig::{Outcome, Rig, address_of};
use crate::transfers::{batch, post_all, signed};
use crate::workload::{SignedRequest, Workload};
use alloy::eips::BlockId;
use alloy::network::TransactionBuilder as _;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, keccak256};
use fallow_chain::{Client, Limits, NonceAt, Registry};
use fallow_protocol::Evidence;
use fallow_protocol::packed::{PackItem, encode_requests, pack_requests};
use std::time::Duration;

/// Requests of a transaction: below 16 777 216 gas, which EIP-7825 allows one, even for new keys.
const A_TRANSACTION: u64 = 400;
const GAS: u64 = 16_000_000;
/// Transactions that are sent before the generator waits for blocks.
const AHEAD: u64 = 40;

/// Who pays for the transactions; it needs coins.
///
/// # Panics
/// If a hash is no valid key, which has a chance of 2^-128.
#[must_use]
pub fn feeder() -> PrivateKeySigner {
    let secret: B256 = keccak256("feeder");
    PrivateKeySigner::from_bytes(&secret).expect("a hash is a valid key")
}

/// Has all announcements and then `count` requests recorded. Returns the log's size.
///
/// # Errors
/// When the chain does not take them.
pub async fn feed(rig: &Rig, workload: &mut Workload, count: u64) -> Outcome<u64> {
    let client = Client::new(rig.devnet.sidechain.url(), Limits::default())?;
    let chain = address_of(rig.devnet.sidechain.url())?;
    let signer = feeder();
    let domain = rig.devnet.network.domain();
    let registry = rig.devnet.network.network.sidechain.registry;
    let mut nonce = client.nonce(signer.address(), NonceAt::Latest).await?;
    let mut send = async |data: Vec<u8>| {
        let request = TransactionRequest::default()
            .with_to(registry)
            .with_input(data)
            .with_chain_id(rig.devnet.sidechain.chain_id())
            .with_nonce(nonce)
            .with_gas_limit(GAS);
        nonce = nonce.saturating_add(1);
        post_all(chain, &[batch(&[signed(&signer, request)])]).await?;
        Outcome::Ok(nonce)
    };
    for some in workload.announcements().chunks(200) {
        let items = some.iter().map(|file| Registry::SignedAnnouncement {
            announcement: file.announcement.into(),
            signatures: file.signature.0.to_vec().into(),
        });
        let call = Registry::announceManyCall { items: items.collect() };
        let sent = send(call.abi_encode()).await?;
        wait(&client, signer.address(), sent).await?;
    }
    let mut left = count;
    while left > 0 {
        let some = left.min(A_TRANSACTION.saturating_mul(AHEAD));
        let requests = workload.requests(some, now());
        let mut sent = 0;
        for part in requests.chunks(usize::try_from(A_TRANSACTION)?) {
            let bytes = encode_requests(&pack_requests(&domain, &items(part))?)?;
            let call = Registry::requestPackedCall { batch: bytes.into() };
            sent = send(call.abi_encode()).await?;
        }
        wait(&client, signer.address(), sent).await?;
        left = left.saturating_sub(some);
    }
    let size = client.call(registry, &Registry::sizeCall {}, BlockId::latest()).await?;
    Ok(size)
}

/// The requests of one resource and window next to each other, as they are grouped.
fn items(requests: &[SignedRequest]) -> Vec<PackItem> {
    let item = |one: &SignedRequest| PackItem {
        request: one.file.request,
        evidence: Evidence::of(one.file.signature),
        carried: None,
    };
    let mut items: Vec<_> = requests.iter().map(item).collect();
    items.sort_by_key(|item| (item.request.resource_id.0, item.request.start_time));
    items
}

async fn wait(client: &Client, account: Address, nonce: u64) -> Outcome<()> {
    while client.nonce(account, NonceAt::Latest).await? < nonce {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
