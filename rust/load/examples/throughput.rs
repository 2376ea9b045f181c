//! Allocations a second through a node, over plain transfers a second of the same chain, and how
//! long a message takes by load. Prints one JSON object; what is told on the way goes to standard
//! error. Afterwards the log is re-executed from the chain: no promised message may be missing, none
//! recorded twice.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::unwrap_used
)]

use alloy_primitives::B256;
use fallow_chain::{Client, Finality, Follower, Limits};
use fallow_devnet::DevnetOptions;
use fallow_load::connection::Connection;
use fallow_load::rig::{Outcome, Rig, address_of, play_role};
use fallow_load::transfers::TransferLoad;
use fallow_load::workload::{SignedRequest, Workload};
use fallow_load::{now, percentile, rate};
use fallow_node_client::types::{Outcome as Answered, Outcomes};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TRANSFERS: usize = 20_000;
const BATCHED: u64 = 120_000;
const SINGLES: u64 = 20_000;
/// Messages of a POST in the batch case.
const A_POST: usize = 100;
const CONNECTIONS: usize = 4;
const SINGLE_CONNECTIONS: usize = 32;
/// Seconds of each step of the latency measurement.
const STEADY: u64 = 8;

struct Bench {
    rig: Rig,
    workload: Workload,
    /// Every message that was promised.
    promised: Vec<B256>,
    refused: usize,
    size: u64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if play_role().await? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut transfers = TransferLoad::new();
    let mut options = DevnetOptions::new(folder.path());
    options.funded = transfers.accounts();
    let mut rig = Rig::start(folder.path(), options).await?;
    let chain = address_of(rig.devnet.sidechain.url())?;
    let chain_id = rig.devnet.sidechain.chain_id();
    // The first run warms the chain up.
    transfers.run(chain, chain_id, 4_000).await?;
    let before = transfers.run(chain, chain_id, TRANSFERS).await?;
    eprintln!("transfers  {:8.0} a second", before.rate());

    rig.start_node().await?;
    let domain = rig.devnet.network.domain();
    let workload = Workload::new(domain, now(), 20, 4_000);
    let size = rig.announce(&workload).await?;
    let mut bench = Bench { rig, workload, promised: Vec::new(), refused: 0, size };
    bench.run("warm-up", 4_000, A_POST, CONNECTIONS).await?;
    let batch = bench.run("batch", BATCHED, A_POST, CONNECTIONS).await?;
    let single = bench.run("single", SINGLES, 1, SINGLE_CONNECTIONS).await?;
    let again = transfers.run(chain, chain_id, TRANSFERS).await?;
    eprintln!("transfers  {:8.0} a second", again.rate());
    let mut by_load = Vec::new();
    for percent in [25, 50, 75] {
        by_load.push(bench.latency(percent, batch * percent as f64 / 100.0).await?);
    }
    bench.rig.start_validators()?;
    bench.caught_up().await?;
    let with_validators = bench.run("with validators", BATCHED, A_POST, CONNECTIONS).await?;
    let (lost, twice) = bench.audit().await?;
    let plain = (before.rate() + again.rate()) / 2.0;
    let answer = json!({
        "transfers": plain,
        "batch": batch,
        "single": single,
        "withValidators": with_validators,
        "latency": by_load,
        "promised": bench.promised.len(),
        "refused": bench.refused,
        "lost": lost,
        "twice": twice,
    });
    println!("{answer}");
    if lost + twice + bench.refused > 0 {
        return Err("messages were lost, recorded twice or refused".into());
    }
    Ok(())
}

impl Bench {
    /// Posts so many messages as fast as they are taken. Answers allocations a second, from the
    /// first POST to the last record.
    async fn run(
        &mut self,
        name: &str,
        count: u64,
        a_post: usize,
        connections: usize,
    ) -> Outcome<f64> {
        let requests = self.workload.requests(count, now());
        let bodies = bodies(&requests, a_post);
        let begin = Instant::now();
        let (promised, refused) = post_all(self.rig.api, bodies, connections, None).await?;
        let taken = begin.elapsed();
        self.size += promised.len() as u64;
        self.rig.wait_for_size(self.size).await?;
        let rate = rate(promised.len(), begin.elapsed());
        eprintln!(
            "{name:<16} {rate:8.0} a second ({:.0} taken a second)",
            count as f64 / taken.as_secs_f64()
        );
        self.promised.extend(promised);
        self.refused += refused;
        Ok(rate)
    }

    /// Posts at a steady rate and watches when each message is in a block that the node has.
    async fn latency(&mut self, percent: usize, rate: f64) -> Outcome<Value> {
        let count = (rate * STEADY as f64) as u64 / A_POST as u64 * A_POST as u64;
        let requests = self.workload.requests(count, now());
        let bodies = bodies(&requests, A_POST);
        let api = self.rig.api;
        let target = self.size + count;
        let watch = tokio::spawn(async move { watch_blocks(api, target).await });
        let begin = Instant::now();
        let every = Duration::from_secs_f64(A_POST as f64 / rate);
        let (promised, refused) = post_all(api, bodies, CONNECTIONS, Some(every)).await?;
        self.refused += refused;
        let seen = watch.await??;
        let records = records(api, self.size, count).await?;
        self.size = target;
        let posted: HashMap<B256, Duration> = requests
            .iter()
            .enumerate()
            .map(|(number, one)| (one.id, every * (number / A_POST) as u32))
            .collect();
        let mut times: Vec<_> = records
            .iter()
            .map(|(id, block)| seen[block].duration_since(begin).saturating_sub(posted[id]))
            .collect();
        self.promised.extend(promised);
        let [p50, p99] = [50, 99].map(|percent| percentile(&mut times, percent).as_secs_f64());
        eprintln!("{percent:>3} % load: {rate:6.0} a second, p50 {p50:.2} s, p99 {p99:.2} s");
        Ok(json!({ "percent": percent, "rate": rate, "p50": p50, "p99": p99 }))
    }

    /// Waits until the validators have certified all that there is.
    async fn caught_up(&self) -> Outcome<()> {
        let mut connection = Connection::open(self.rig.api).await?;
        while self.rig.status(&mut connection).await?.certified_size < self.size {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Re-executes the chain and compares with what was promised: how many are missing, how many
    /// are there twice.
    async fn audit(&self) -> Outcome<(usize, usize)> {
        let client = Client::new(self.rig.devnet.sidechain.url(), Limits::default())?;
        let mut follower = Follower::new(&self.rig.devnet.network, client, Finality::Latest);
        follower.sync().await?;
        let mut seen = HashSet::new();
        let ids = follower.records().iter().map(|record| record.id);
        let twice = ids.filter(|id| !id.is_zero() && !seen.insert(*id)).count();
        let lost = self.promised.iter().filter(|id| !seen.contains(*id)).count();
        Ok((lost, twice))
    }
}

fn bodies(requests: &[SignedRequest], a_post: usize) -> Vec<Vec<u8>> {
    let body = |some: &[SignedRequest]| {
        let files: Vec<_> = some.iter().map(|one| &one.file).collect();
        match files.as_slice() {
            [one] => serde_json::to_vec(one).unwrap(),
            many => serde_json::to_vec(many).unwrap(),
        }
    };
    requests.chunks(a_post).map(body).collect()
}

/// Posts all bodies, the next one on whichever connection is free; body `n` not before `n x every`.
async fn post_all(
    api: std::net::SocketAddr,
    bodies: Vec<Vec<u8>>,
    connections: usize,
    every: Option<Duration>,
) -> Outcome<(Vec<B256>, usize)> {
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (bodies, next) = (Arc::clone(&bodies), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(api).await?;
            let (mut promised, mut refused) = (Vec::new(), 0);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(body) = bodies.get(number) else {
                    return Outcome::Ok((promised, refused));
                };
                if let Some(every) = every {
                    tokio::time::sleep_until((begin + every * number as u32).into()).await;
                }
                let answer = connection.post("/v1/requests", body).await?;
                for one in outcomes(&answer.body, answer.status)? {
                    match one {
                        Answered::Promised { id, .. } => promised.push(id),
                        other => {
                            eprintln!("not promised: {other:?}");
                            refused += 1;
                        }
                    }
                }
            }
        }));
    }
    let (mut promised, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (ids, more) = task.await??;
        promised.extend(ids);
        refused += more;
    }
    Ok((promised, refused))
}

fn outcomes(body: &[u8], status: u16) -> Outcome<Vec<Answered>> {
    match status {
        202 => Ok(vec![serde_json::from_slice(body)?]),
        200 => Ok(serde_json::from_slice::<Outcomes>(body)?.items),
        other => Err(format!("status {other}: {}", String::from_utf8_lossy(body)).into()),
    }
}

/// When each block was first seen in the node, until it has `target` records.
async fn watch_blocks(api: std::net::SocketAddr, target: u64) -> Outcome<HashMap<u64, Instant>> {
    let mut connection = Connection::open(api).await?;
    let (mut seen, mut last) = (HashMap::new(), 0);
    loop {
        let answer = connection.get("/v1/status").await?;
        let at = Instant::now();
        let status: fallow_node_client::types::StatusAnswer = serde_json::from_slice(&answer.body)?;
        let first = if last == 0 { status.block } else { last + 1 };
        (first..=status.block).for_each(|block| {
            seen.insert(block, at);
        });
        last = status.block;
        if status.size >= target {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Ids and blocks of `count` records from `first` on.
async fn records(api: std::net::SocketAddr, first: u64, count: u64) -> Outcome<Vec<(B256, u64)>> {
    let mut connection = Connection::open(api).await?;
    let (mut all, mut after) = (Vec::new(), Some((first - 1).to_string()));
    while let Some(cursor) = after.filter(|_| (all.len() as u64) < count) {
        let answer = connection.get(&format!("/v1/records?after={cursor}&limit=1000")).await?;
        let page: Value = serde_json::from_slice(&answer.body)?;
        for item in page["items"].as_array().into_iter().flatten() {
            let id: B256 = serde_json::from_value(item["id"].clone())?;
            let block: String = serde_json::from_value(item["block"].clone())?;
            all.push((id, block.parse()?));
        }
        after = page["next"].as_str().map(str::to_owned);
    }
    all.truncate(count as usize);
    Ok(all)
}
