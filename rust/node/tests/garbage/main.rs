//! A thousand connections that send garbage, or nothing, or too much: each is answered or cut, the
//! node goes on, and its memory stays bounded. The node runs in a process of its own, which is this
//! program once more.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]
#![allow(missing_docs)]

mod garbage;
#[path = "../http/made.rs"]
mod made;

use fallow_node::{HttpLimits, Node};
use garbage::Kind;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// Says that this process is the node.
const ROLE: &str = "FALLOW_GARBAGE_NODE";
const CONNECTIONS: usize = 1_000;
/// Records of the history that is served.
const RECORDS: u64 = 1_000;
/// The node may take so much more than it took at rest: its budget for bodies and answers, what it
/// makes of those that it is reading, and buffers of each connection.
const MORE_BYTES: u64 = 128 << 20;
/// Longest wait for all connections to end: a machine under load, not what is expected.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() {
    if std::env::var_os(ROLE).is_some() {
        return serve().await;
    }
    let (node, address) = start().await;
    let pid = node.id().unwrap();
    garbage::healthy(address).await;
    garbage::warm_up(address).await;
    let before = bytes(pid, "VmRSS");
    let mut connections = JoinSet::new();
    for (number, kind) in (0..CONNECTIONS).zip(Kind::ALL.iter().cycle()) {
        connections.spawn(kind.send(address, number));
    }
    let watched = async {
        while let Some(ended) = connections.join_next().await {
            ended.unwrap();
            if connections.len().is_multiple_of(100) {
                garbage::healthy(address).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, watched).await.expect("every connection is answered or cut");
    garbage::healthy(address).await;
    let (peak, after) = (bytes(pid, "VmHWM"), bytes(pid, "VmRSS"));
    println!(
        "{CONNECTIONS} connections of garbage: {} MiB at rest, {} at most, {} after",
        before >> 20,
        peak >> 20,
        after >> 20,
    );
    assert!(peak < before + MORE_BYTES, "{peak} bytes, {before} at rest");
}

/// The node, until its standard input ends.
async fn serve() {
    let folder = tempfile::tempdir().unwrap();
    let limits = HttpLimits {
        connections: 2_048,
        connections_per_address: 2_048,
        head_time: Duration::from_secs(2),
        body_time: Duration::from_secs(2),
        per_address: u32::MAX,
        per_key: u32::MAX,
        ..HttpLimits::default()
    };
    let (config, _) = made::make(folder.path(), RECORDS, limits);
    let node = Node::bind(config).await.unwrap();
    println!("{}", node.address());
    std::io::stdout().flush().unwrap();
    let ended = tokio::task::spawn_blocking(|| {
        // Nobody writes; whoever started this process has ended.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    });
    let ended = async { ended.await.unwrap() };
    node.run(ended).await.unwrap();
}

/// It ends with the value.
async fn start() -> (Child, SocketAddr) {
    let mut node = Command::new(std::env::current_exe().unwrap())
        .env(ROLE, "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(node.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().expect("it tells its address");
    (node, address.parse().unwrap())
}

/// A figure of `/proc/<pid>/status`, which has it in KiB.
fn bytes(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.unwrap().split_whitespace().next().unwrap();
    number.parse::<u64>().unwrap() << 10
}
