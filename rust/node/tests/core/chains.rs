//! Chains that stand still, go back, or lie.

use crate::support::{PATIENCE, PAUSE, Running, World};
use fallow_chain::{Client, Finality, Limits};
use fallow_devnet::{DevnetError, Signal, poll};
use fallow_node::NotReady;
use fallow_node_client::NodeCode;
use serde_json::json;
use std::time::Duration;

/// A chain that stands still is noticed soon.
const IMPATIENT: Limits =
    Limits { timeout: Duration::from_millis(500), retries: 0, answer_bytes: 64 << 20 };

#[tokio::test(flavor = "multi_thread")]
async fn while_the_chain_is_away_nothing_is_promised_and_then_everything_goes_on() {
    let mut world = World::start().await;
    let mut config = world.config();
    config.daemon.limits = IMPATIENT;
    let node = Running::start(config).await;
    let resource = world.resource(1, 9);
    let first = node.promised(vec![resource.announce()]).await;
    world.devnet.sidechain.signal(Signal::Stop).unwrap();
    node.until("the chain is away", |view| {
        view.not_ready.as_ref().is_some_and(|why| why.code() == NodeCode::ChainAway)
    })
    .await;
    let request = resource.request(5, resource.ask(5, 1, (3, 1)));
    let refused = node.shared.core.submit(vec![request.clone()]).await.unwrap_err();
    assert!(matches!(refused, NotReady::ChainAway(_)), "{refused}");
    // Readers are served.
    assert!(node.shared.store.entry(0).unwrap().is_some());
    assert_eq!(node.shared.core.check(request.clone()).await.unwrap().1.len(), 5);
    world.devnet.sidechain.signal(Signal::Continue).unwrap();
    node.until("it is there again", |view| view.not_ready.is_none()).await;
    let second = node.promised(vec![request]).await;
    node.recorded(&[first, second].concat()).await;
    node.stop().await;
}

/// Removes the blocks after `block` with their transactions, and goes on another way.
async fn reorganise(world: &World, block: u64) {
    let sidechain = &world.devnet.sidechain;
    let client = Client::new(sidechain.url(), Limits::default()).unwrap();
    let depth = client.latest().await.unwrap() - block;
    sidechain.call("anvil_rollback", json!([depth])).await.unwrap();
    // The time of the next blocks differs, so their hashes do.
    sidechain.call("evm_increaseTime", json!([1])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_blocks_that_went_away_are_sent_again() {
    let world = World::start().await;
    let mut config = world.config();
    config.daemon.finality = Finality::Depth(4);
    let node = Running::start(config).await;
    let resource = world.resource(1, 100);
    let client = Client::new(world.devnet.sidechain.url(), Limits::default()).unwrap();
    let before = client.latest().await.unwrap();
    let registry = world.devnet.network.network.sidechain.registry;
    let mut promises = node.promised(vec![resource.announce()]).await;
    let requests = (1..=20).map(|one| resource.request(5, resource.ask(5, one, (one, 1))));
    promises.extend(node.promised(requests.collect()).await);
    poll("they are in blocks", PATIENCE, PAUSE, async || {
        let latest = client.latest().await.unwrap();
        if latest == before {
            return Ok(None);
        }
        let logs = client.logs(registry, before + 1..=latest).await.unwrap();
        Ok::<_, DevnetError>((!logs.is_empty()).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(node.shared.core.view().size, 1, "nothing is final yet");
    reorganise(&world, before).await;
    node.recorded(&promises).await;
    assert_eq!(node.shared.core.view().size, 22);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_block_that_goes_away_stops_the_node_for_good() {
    let world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 100);
    let client = Client::new(world.devnet.sidechain.url(), Limits::default()).unwrap();
    let before = client.latest().await.unwrap();
    let first = node.promised(vec![resource.announce()]).await;
    node.recorded(&first).await;
    reorganise(&world, before).await;
    let stopped = |view: &fallow_node::View| {
        view.not_ready.as_ref().is_some_and(|why| why.code() == NodeCode::Stopped)
    };
    let view = node.until("the node stops", stopped).await;
    assert!(format!("{:?}", view.not_ready).contains("reorganised below finality"), "{view:?}");
    let request = resource.request(5, resource.ask(5, 1, (3, 1)));
    let refused = node.shared.core.submit(vec![request.clone()]).await.unwrap_err();
    assert_eq!(refused.code(), NodeCode::Stopped);
    assert_eq!(node.shared.core.check(request).await.unwrap_err().code(), NodeCode::Stopped);
    node.stop().await;
    // Nor does it start again, with the reason.
    let error = fallow_node::Node::bind(world.config()).await.unwrap_err();
    assert!(error.to_string().contains("reorganised below finality"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_chain_is_refused_at_the_start() {
    let world = World::start().await;
    let mut config = world.config();
    config.daemon.sidechain_url = world.devnet.mainnet.url().to_owned();
    let error = fallow_node::Node::bind(config).await.unwrap_err();
    assert!(error.to_string().contains("chain id is"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_chain_is_away_starts_serves_and_waits() {
    let mut world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 100);
    let first = node.promised(vec![resource.announce()]).await;
    node.recorded(&first).await;
    node.stop().await;
    world.devnet.sidechain.signal(Signal::Stop).unwrap();
    let mut config = world.config();
    config.daemon.limits = IMPATIENT;
    let node = Running::open(config).await;
    let refused = node.shared.core.submit(vec![resource.announce()]).await.unwrap_err();
    assert_eq!(refused.code(), NodeCode::ChainAway);
    assert_eq!(node.shared.store.index_of(resource.id()).unwrap(), Some(1));
    world.devnet.sidechain.signal(Signal::Continue).unwrap();
    node.until("the chain is there", |view| view.not_ready.is_none()).await;
    node.stop().await;
}
