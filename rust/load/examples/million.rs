//! A node with a long log: catching up from an empty store, starting again with a full one, memory,
//! disk, and how long tickets and searches take with 100 readers at once. Prints one JSON object.
//!
//! usage: million [RECORDS]      a million unless told
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::unwrap_used
)]

use fallow_devnet::DevnetOptions;
use fallow_load::connection::Connection;
use fallow_load::feed::{feed, feeder};
use fallow_load::rig::{Outcome, Rig, play_role};
use fallow_load::workload::Workload;
use fallow_load::{now, percentile};
use rand::RngExt as _;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RESOURCES: u64 = 2_000;
const REQUESTERS: u64 = 50_000;
const READERS: usize = 100;
const READS_EACH: usize = 60;

#[tokio::main]
async fn main() -> Outcome<()> {
    if play_role().await? {
        return Ok(());
    }
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let mut options = DevnetOptions::new(folder.path());
    // One validator is enough for a certificate.
    options.validators = 1;
    options.funded = vec![feeder().address()];
    let mut rig = Rig::start(folder.path(), options).await?;
    rig.start_validators()?;
    let now = now();
    let mut workload = Workload::new(rig.devnet.network.domain(), now, RESOURCES, REQUESTERS);
    let begin = Instant::now();
    let size = feed(&rig, &mut workload, count).await?;
    eprintln!("{size} records on the chain after {:.0} s", begin.elapsed().as_secs_f64());

    let begin = Instant::now();
    rig.start_node().await?;
    rig.wait_for_size(size).await?;
    let caught_up = begin.elapsed();
    let memory_cold = memory(rig.node.as_ref().unwrap().id())?;
    eprintln!("caught up in {:.1} s, {memory_cold} bytes resident", caught_up.as_secs_f64());
    describe(&rig, &workload).await?;
    certified(&rig, size).await?;

    rig.node.take().unwrap().stop(Duration::from_secs(30)).await?;
    let warm = rig.start_node().await?;
    eprintln!("ready again after {:.2} s", warm.as_secs_f64());
    let resources = RESOURCES;
    let tickets = read(&rig, move || {
        let index = rand::rng().random_range(1 + resources..size);
        format!("/v1/tickets/{index}")
    })
    .await?;
    let start = now - now % 3_600;
    let searches = read(&rig, move || {
        let (cores, hour) = (rand::rng().random_range(2..12), rand::rng().random_range(1..20));
        let (from, to) = (start + hour * 3_600, start + (hour + 2) * 3_600);
        format!("/v1/resources?where=cpu%20%3E%3D%20{cores}%20and%20gpu&region=eu&from={from}&to={to}&volume=60000&limit=20")
    })
    .await?;
    let resident = memory(rig.node.as_ref().unwrap().id())?;
    let disk = disk(&rig.folder.join("node"))?;
    let per_record = |bytes: u64| bytes as f64 / size as f64;
    let answer = json!({
        "records": size,
        "catchUp": size as f64 / caught_up.as_secs_f64(),
        "warmStart": warm.as_secs_f64(),
        "memory": per_record(resident),
        "memoryAfterCatchUp": per_record(memory_cold),
        "disk": per_record(disk),
        "ticket": tickets,
        "search": searches,
        "readers": READERS,
    });
    println!("{answer}");
    Ok(())
}

/// Gives the node the offer documents.
async fn describe(rig: &Rig, workload: &Workload) -> Outcome<()> {
    let mut connection = Connection::open(rig.api).await?;
    for offer in workload.offers() {
        let answer = connection.post("/v1/offers", offer.as_bytes()).await?;
        if answer.status != 201 {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(format!("offer not taken: {} {body}", answer.status).into());
        }
    }
    Ok(())
}

/// Waits until a certified checkpoint is above all records.
async fn certified(rig: &Rig, size: u64) -> Outcome<()> {
    let mut connection = Connection::open(rig.api).await?;
    while rig.status(&mut connection).await?.certified_size < size {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// p50 and p99 in seconds of reads by all readers at once.
async fn read(
    rig: &Rig,
    path: impl Fn() -> String + Send + Sync + 'static,
) -> Outcome<serde_json::Value> {
    let (api, path) = (rig.api, Arc::new(path));
    let begin = Instant::now();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let path = Arc::clone(&path);
            tokio::spawn(async move {
                let mut connection = Connection::open(api).await?;
                let mut times = Vec::new();
                for _ in 0..READS_EACH {
                    let (path, begin) = (path(), Instant::now());
                    let answer = connection.get(&path).await?;
                    times.push(begin.elapsed());
                    if answer.status != 200 {
                        let body = String::from_utf8_lossy(&answer.body).into_owned();
                        return Err(format!("{path}: {} {body}", answer.status).into());
                    }
                }
                Outcome::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for reader in readers {
        times.extend(reader.await??);
    }
    let rate = fallow_load::rate(times.len(), begin.elapsed());
    let [p50, p99] = [50, 99].map(|percent| percentile(&mut times, percent).as_secs_f64());
    eprintln!("{}: {rate:.0} a second, p50 {:.1} ms, p99 {:.1} ms", path(), p50 * 1e3, p99 * 1e3);
    Ok(json!({ "p50": p50, "p99": p99, "rate": rate }))
}

/// Resident memory of a process, bytes.
fn memory(process: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

/// Bytes of all files below a folder.
fn disk(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        bytes += if kind.is_dir() { disk(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
