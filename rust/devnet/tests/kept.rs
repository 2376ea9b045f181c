//! A kept network is the same after any end, and goes on.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

use fallow_chain::{Client, Finality, Follower, Limits};
use fallow_devnet::{
    ChainPhase, DevnetError, KeptNetwork, NetworkOptions, Opened, Probe, poll, probe_accounts,
};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

fn options(dir: &Path) -> NetworkOptions {
    let mut options = NetworkOptions::new(dir);
    options.funded = probe_accounts().to_vec();
    options
}

fn probe(network: &KeptNetwork) -> Probe {
    Probe::at(&network.network, network.sidechain.url(), network.mainnet.url()).unwrap()
}

/// Every block, re-executed from the first one with what the chain says about each.
async fn followed(network: &KeptNetwork) -> Follower {
    let client = Client::new(network.sidechain.url(), Limits::default()).unwrap();
    let mut follower = Follower::new(&network.network, client, Finality::Depth(1));
    follower.sync().await.unwrap();
    follower
}

async fn safe(network: &KeptNetwork, block: u64) {
    let look =
        async || Ok::<_, DevnetError>((network.sidechain.state().block > block).then_some(()));
    poll("a block after it", PATIENCE, PAUSE, look).await.unwrap();
}

#[tokio::test]
async fn a_network_is_resumed_with_all_its_blocks_after_any_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    let (network, opened) = KeptNetwork::open(&options).await.unwrap();
    assert_eq!(opened, Opened::Founded);
    options.ports = [network.sidechain.port(), network.mainnet.port()];
    assert_eq!(probe(&network).allocate().await.unwrap(), 3);
    let block = network.sidechain.state().block;
    safe(&network, block).await;
    let before = followed(&network).await;
    let head = *before.head().unwrap();
    assert_eq!(before.size(), 3);
    let id = network.network.network_id;
    // As a SIGKILL does, it leaves nobody the time to write anything.
    drop(network);

    let (network, opened) = KeptNetwork::open(&options).await.unwrap();
    assert_eq!((opened, network.network.network_id), (Opened::Resumed, id));
    assert_eq!([network.sidechain.port(), network.mainnet.port()], options.ports);
    let after = followed(&network).await;
    assert_eq!((after.size(), after.root()), (before.size(), before.root()));
    let client = Client::new(network.sidechain.url(), Limits::default()).unwrap();
    assert_eq!(client.block(head.number).await.unwrap().hash, head.hash);
    let mut probe = probe(&network);
    // Another announcement than the first one, whose number it would have.
    probe.skip(1);
    assert_eq!(probe.allocate().await.unwrap(), 5, "and it goes on");
    network.stop().await.unwrap();
}

#[tokio::test]
async fn a_chain_that_dies_is_started_again_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _) = KeptNetwork::open(&options(dir.path())).await.unwrap();
    let mut probe = probe(&network);
    probe.announce().await.unwrap();
    let state = network.sidechain.state();
    safe(&network, state.block).await;
    let process = state.process.to_string();
    assert!(Command::new("kill").args(["-s", "KILL", &process]).status().unwrap().success());
    let look = async || {
        let state = network.sidechain.state();
        let is_back = state.restarts == 1 && state.phase == ChainPhase::Running;
        Ok::<_, DevnetError>(is_back.then_some(()))
    };
    poll("the chain is back", PATIENCE, PAUSE, look).await.unwrap();
    assert!(network.sidechain.state().block >= state.block);
    assert_eq!(followed(&network).await.size(), 2);
    assert_eq!(probe.allocate().await.unwrap(), 4);
}

#[tokio::test]
async fn what_is_no_whole_network_is_founded_anew_and_what_is_damaged_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    // An end while it was founded: chains without a network file.
    std::fs::create_dir_all(dir.path().join("chains")).unwrap();
    std::fs::write(dir.path().join("chains/sidechain.journal"), "{\"vers").unwrap();
    let (network, opened) = KeptNetwork::open(&options).await.unwrap();
    assert_eq!(opened, Opened::Founded);
    options.ports = [network.sidechain.port(), None];
    let port = options.ports[0].unwrap();
    network.stop().await.unwrap();

    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let error = KeptNetwork::open(&options).await.unwrap_err();
    assert!(matches!(error, DevnetError::PortTaken(at) if at == port), "{error}");
    drop(taken);

    let journal = dir.path().join("chains/sidechain.journal");
    let whole = std::fs::read_to_string(&journal).unwrap();
    let hash = whole.lines().nth(1).unwrap().split("\"hash\":\"").nth(1).unwrap();
    let hash = hash.split('"').next().unwrap().to_owned();
    std::fs::write(&journal, whole.replacen(&hash, &format!("0x{}", "7".repeat(64)), 1)).unwrap();
    let error = KeptNetwork::open(&options).await.unwrap_err();
    assert!(matches!(error, DevnetError::Replayed { number: 1, .. }), "{error}");
    std::fs::remove_file(&journal).unwrap();
    let error = KeptNetwork::open(&options).await.unwrap_err();
    assert!(matches!(error, DevnetError::ChainsGone(_)), "{error}");
}
