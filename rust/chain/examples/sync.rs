//! How long a first sync takes: records so many requests on a fresh chain, then re-executes them.
//!
//! usage: cargo run --release -p fallow-chain --example sync [REQUESTS]
//!
//! Prints one JSON object for each quarter of the requests: a sync is linear in the records.
//! Fetching alone is timed, too: that is mostly the node's work.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256};
use fallow_chain::{
    Call, Client, Fetcher, Finality, Follower, Limits, Registry, Sender, SenderConfig,
};
use fallow_devnet::{DevAccount, Devnet, DevnetOptions};
use fallow_protocol::{Announcement, Request};
use serde_json::json;
use std::time::{Duration, Instant};

/// Items in a transaction. Other nodes than anvil take 128 KiB of data, about 200 items.
const BATCH: u64 = 1_000;

#[tokio::main]
async fn main() {
    let requests = std::env::args().nth(1).map_or(10_000, |count| count.parse::<u64>().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let account = DevAccount::new("measurer");
    let mut options = DevnetOptions::new(folder.path());
    for chain in [&mut options.sidechain, &mut options.mainnet] {
        chain.block_time = Duration::from_millis(100);
    }
    options.funded = vec![account.address()];
    let devnet = Devnet::start(&options).await.unwrap();
    let mut recorder = Recorder::start(&devnet, account).await;
    for quarter in 1..=4 {
        recorder.record(requests * quarter / 4).await;
        report(&devnet).await;
    }
}

async fn report(devnet: &Devnet) {
    let client = Client::new(devnet.sidechain.url(), Limits::default()).unwrap();
    let fetching = Instant::now();
    let mut fetcher = Fetcher::new(&devnet.network, client.clone(), Finality::Latest);
    while fetcher.fetch().await.unwrap().is_some() {}
    let fetching = fetching.elapsed().as_secs_f64();
    let following = Instant::now();
    let mut follower = Follower::new(&devnet.network, client, Finality::Latest);
    follower.sync().await.unwrap();
    let seconds = following.elapsed().as_secs_f64();
    let (records, blocks) = (follower.size(), follower.head().unwrap().number);
    let rate = (records as f64 / seconds).round();
    println!(
        "{}",
        json!({
            "records": records,
            "blocks": blocks,
            "fetchSeconds": fetching,
            "seconds": seconds,
            "recordsPerSecond": rate,
        })
    );
}

struct Recorder<'a> {
    devnet: &'a Devnet,
    account: DevAccount,
    client: Client,
    sender: Sender,
    /// Time of the chain, unix seconds.
    now: u64,
    resource: Announcement,
    sequence: u64,
}

impl<'a> Recorder<'a> {
    async fn start(devnet: &'a Devnet, account: DevAccount) -> Self {
        // anvil executes a batch for seconds when the machine is busy.
        let limits = Limits { timeout: Duration::from_secs(60), ..Limits::default() };
        let client = Client::new(devnet.sidechain.url(), limits).unwrap();
        let now = client.block(client.latest().await.unwrap()).await.unwrap().time;
        let config = SenderConfig {
            confirmations: 0,
            poll: Duration::from_millis(20),
            ..SenderConfig::default()
        };
        let chain_id = devnet.sidechain.chain_id();
        let sender = Sender::new(client.clone(), account.key(), chain_id, config).unwrap();
        let start_time = now - now % 3_600;
        let resource = Announcement {
            provider: account.address(),
            approver: Address::ZERO,
            volume: u16::MAX,
            start_time,
            end_time: start_time + 1_001 * 3_600,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: now,
            offer: B256::ZERO,
        };
        let mut recorder = Self { devnet, account, client, sender, now, resource, sequence: 0 };
        let id = resource.id(&devnet.network.domain()).0;
        let signatures = recorder.account.key().sign(id).0.to_vec().into();
        let call = Registry::announceCall { announcement: resource.into(), signatures };
        recorder.sender.send(recorder.call(call.abi_encode())).await.unwrap();
        recorder
    }

    fn call(&self, data: Vec<u8>) -> Call {
        Call { to: Some(self.devnet.network.network.sidechain.registry), data: data.into() }
    }

    /// Records requests until there are so many.
    async fn record(&mut self, requests: u64) {
        while self.sequence < requests {
            // Signatures older than five minutes are refused.
            let latest = self.client.latest().await.unwrap();
            self.now = self.client.block(latest).await.unwrap().time;
            let items = (0..BATCH.min(requests - self.sequence)).map(|_| self.next());
            let call = Registry::requestManyCall { items: items.collect() };
            // One batch after the other: estimating gas for sequences too far ahead would see
            // them refused, which costs less.
            self.sender.send(self.call(call.abi_encode())).await.unwrap();
        }
    }

    fn next(&mut self) -> Registry::SignedRequest {
        self.sequence += 1;
        let start_time = self.resource.start_time + (1 + self.sequence % 1_000) * 3_600;
        let domain = self.devnet.network.domain();
        let request = Request {
            resource_id: self.resource.id(&domain),
            requester: self.account.address(),
            volume: 1,
            start_time,
            end_time: start_time + 3_600,
            timestamp: self.now,
            sequence: self.sequence,
        };
        let signatures = self.account.key().sign(request.id(&domain).0).0.to_vec().into();
        Registry::SignedRequest { request: request.into(), signatures }
    }
}
