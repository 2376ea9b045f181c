//! A node is killed at random instants under load, again and again. After each start it must serve
//! the root that the chain gives, and in the end every promised message must be recorded exactly
//! once. Prints one JSON object.
//!
//! usage: kill [TIMES]      100 unless told
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

use alloy_primitives::B256;
use fallow_chain::{Client, Finality, Follower, Limits};
use fallow_devnet::DevnetOptions;
use fallow_load::connection::Connection;
use fallow_load::now;
use fallow_load::rig::{Outcome, Rig, play_role};
use fallow_load::workload::Workload;
use fallow_node_client::types::{Outcome as Answered, Outcomes, StatusAnswer};
use rand::RngExt as _;
use serde_json::json;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const CLIENTS: usize = 4;
const A_POST: usize = 20;

#[tokio::main]
async fn main() -> Outcome<()> {
    if play_role().await? {
        return Ok(());
    }
    let times: u64 = std::env::args().nth(1).map_or(Ok(100), |times| times.parse())?;
    let folder = tempfile::tempdir()?;
    let mut rig = Rig::start(folder.path(), DevnetOptions::new(folder.path())).await?;
    rig.start_node().await?;
    let workload = Workload::new(rig.devnet.network.domain(), now(), 20, 2_000);
    rig.announce(&workload).await?;
    let end = Arc::new(AtomicBool::new(false));
    let clients = tokio::spawn(load(rig.api, workload, Arc::clone(&end)));

    let client = Client::new(rig.devnet.sidechain.url(), Limits::default())?;
    let mut follower = Follower::new(&rig.devnet.network, client, Finality::Latest);
    let mut slowest = Duration::ZERO;
    for number in 1..=times {
        sleep(Duration::from_millis(rand::rng().random_range(50..1_500))).await;
        rig.node.take().unwrap().kill()?;
        slowest = slowest.max(rig.start_node().await?);
        let status = same_root(&rig, &mut follower).await?;
        eprintln!("{number:>3}: {} records, {} promises open", status.size, status.open_promises);
    }
    end.store(true, Ordering::Relaxed);
    let promised = clients.await??;
    let begin = Instant::now();
    let mut connection = Connection::open(rig.api).await?;
    while rig.status(&mut connection).await?.open_promises > 0 {
        if begin.elapsed() > Duration::from_secs(120) {
            return Err("promises stay open".into());
        }
        sleep(Duration::from_millis(100)).await;
    }
    same_root(&rig, &mut follower).await?;
    let mut counts: HashMap<B256, usize> = HashMap::new();
    follower.records().iter().for_each(|record| *counts.entry(record.id).or_default() += 1);
    let count = |id: &B256| counts.get(id).copied().unwrap_or(0);
    let lost = promised.iter().filter(|id| count(id) == 0).count();
    let twice = promised.iter().filter(|id| count(id) > 1).count();
    println!(
        "{}",
        json!({ "kills": times, "promised": promised.len(), "lost": lost, "twice": twice,
            "slowestStart": slowest.as_secs_f64(), "size": follower.size() })
    );
    if lost + twice > 0 { Err("promises were broken".into()) } else { Ok(()) }
}

/// The node's root is that of the chain at the same size.
async fn same_root(rig: &Rig, follower: &mut Follower) -> Outcome<StatusAnswer> {
    let mut connection = Connection::open(rig.api).await?;
    let status = rig.status(&mut connection).await?;
    while follower.size() < status.size {
        follower.sync().await?;
    }
    let want = follower.archive().tree().root_at(status.size)?;
    if status.root == want {
        Ok(status)
    } else {
        Err(format!("root {} at {}, the chain has {want}", status.root, status.size).into())
    }
}

/// Posts until the end; answers the ids of what was promised. A message whose answer was lost is not
/// asked for again: whether it was promised is unknown.
async fn load(api: SocketAddr, mut workload: Workload, end: Arc<AtomicBool>) -> Outcome<Vec<B256>> {
    let mut promised = Vec::new();
    while !end.load(Ordering::Relaxed) {
        let requests = workload.requests((CLIENTS * A_POST) as u64, now());
        let posts = requests.chunks(A_POST).map(|some| {
            let files: Vec<_> = some.iter().map(|one| &one.file).collect();
            let body = serde_json::to_vec(&files).unwrap();
            tokio::spawn(async move { post(api, &body).await })
        });
        for post in posts.collect::<Vec<_>>() {
            match post.await? {
                Ok(ids) => promised.extend(ids),
                // The node is away.
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }
    Ok(promised)
}

async fn post(api: SocketAddr, body: &[u8]) -> Outcome<Vec<B256>> {
    let mut connection = Connection::open(api).await?;
    let answer = connection.post("/v1/requests", body).await?;
    if answer.status != 200 {
        return Err(format!("status {}", answer.status).into());
    }
    let Outcomes { items } = serde_json::from_slice(&answer.body)?;
    let promised = items.into_iter().filter_map(|one| match one {
        Answered::Promised { id, .. } => Some(id),
        _ => None,
    });
    Ok(promised.collect())
}
