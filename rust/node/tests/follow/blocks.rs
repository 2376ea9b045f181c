//! The sidechain's blocks, and mainnet's head.

use crate::world::{Core, PATIENCE, World, client};
use fallow_chain::{AnchorReader, BlockEvents, Event, Fetcher, Finality, Replay};
use fallow_devnet::{Hold, Tap};
use fallow_ledger::Recoverer;
use fallow_node::ChainInput;
use fallow_node::follow::{anchors, blocks};
use serde_json::json;
use std::num::NonZeroUsize;

fn recoverer() -> Recoverer {
    Recoverer::remembering(NonZeroUsize::new(1_000).unwrap())
}

/// A core that re-executes what it hears.
struct Executing {
    core: Core,
    replay: Replay,
    recoverer: Recoverer,
}

impl Executing {
    fn start(world: &World, url: &str) -> Self {
        let network = &world.devnet.network;
        let (core, feed) = Core::start();
        let recoverer = recoverer();
        let fetcher = Fetcher::new(network, client(url), Finality::Latest);
        tokio::spawn(blocks(fetcher, network.domain(), recoverer.clone(), feed));
        let replay = Replay::new(network).with_recoverer(recoverer.clone());
        Self { core, replay, recoverer }
    }

    fn apply(&mut self, block: &BlockEvents) {
        for event in &block.events {
            if let Event::Recorded { message, .. } = event {
                let claims = message.claims(self.replay.domain());
                assert!(!claims.is_empty());
                assert!(claims.iter().all(|claim| self.recoverer.knows(claim)), "not warmed");
            }
        }
        self.replay.apply(block).unwrap();
    }

    /// Goes on until the log has so many records and nothing more is there.
    async fn until(&mut self, size: u64) {
        loop {
            match self.core.hears().await {
                ChainInput::Blocks(blocks) => blocks.iter().for_each(|block| self.apply(block)),
                ChainInput::CaughtUp if self.replay.size() >= size => break,
                ChainInput::Latest(_) | ChainInput::CaughtUp => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(self.replay.size(), size);
    }
}

#[tokio::test]
async fn every_block_comes_once_in_order_with_its_signers_known() {
    let mut world = World::start().await;
    world.probe.allocate().await.unwrap();
    let mut executing = Executing::start(&world, world.devnet.sidechain.url());
    executing.until(3).await;
    let size = world.probe.allocate().await.unwrap();
    executing.until(size).await;
    // Another one that goes on from there.
    let (mut core, feed) = Core::start();
    let (network, head) = (&world.devnet.network, *executing.replay.head().unwrap());
    let sidechain = client(world.devnet.sidechain.url());
    let fetcher = Fetcher::new(network, sidechain, Finality::Latest).resume(head, size);
    tokio::spawn(blocks(fetcher, network.domain(), recoverer(), feed));
    let blocks = core
        .until(|input| match input {
            ChainInput::Blocks(blocks) => Some(blocks),
            _ => None,
        })
        .await;
    assert_eq!(blocks[0].block.parent, head.hash);
}

#[tokio::test]
async fn a_sidechain_that_is_away_is_said_and_looked_for() {
    let mut world = World::start().await;
    let tap = Tap::start(world.devnet.sidechain.url()).await.unwrap();
    let mut executing = Executing::start(&world, tap.url());
    executing.until(1).await;
    for held in ["eth_getBlockByNumber", "eth_getLogs"] {
        tap.hold(Hold::Request(held));
        let away = executing.away().await;
        assert!(away.contains("did not answer"), "{away}");
        let size = world.probe.announce().await.unwrap().1;
        tap.release();
        executing.back(size).await;
    }
}

impl Executing {
    async fn away(&mut self) -> String {
        loop {
            match self.core.hears().await {
                ChainInput::Away(why) => return why,
                ChainInput::Blocks(blocks) => blocks.iter().for_each(|block| self.apply(block)),
                _ => {}
            }
        }
    }

    /// As `until`, but it may be away for a while.
    async fn back(&mut self, size: u64) {
        while self.replay.size() < size {
            if let ChainInput::Blocks(blocks) = self.core.hears().await {
                blocks.iter().for_each(|block| self.apply(block));
            }
        }
    }
}

#[tokio::test]
async fn a_final_block_that_is_gone_stops_the_core_and_the_task() {
    let mut world = World::start().await;
    world.probe.announce().await.unwrap();
    let mut executing = Executing::start(&world, world.devnet.sidechain.url());
    executing.until(2).await;
    // At another time the blocks that follow are others than those that are gone.
    let sidechain = &world.devnet.sidechain;
    sidechain.call("evm_increaseTime", json!([100])).await.unwrap();
    sidechain.call("anvil_rollback", json!([4])).await.unwrap();
    let why = executing
        .core
        .until(|input| match input {
            ChainInput::Stopped(why) => Some(why),
            _ => None,
        })
        .await;
    assert!(why.contains("reorganised"), "{why}");
    executing.core.is_left().await;
}

#[tokio::test]
async fn mainnets_head_is_told_and_the_task_ends_with_the_core() {
    let world = World::start().await;
    let (mut core, feed) = Core::start();
    let mainnet = client(world.devnet.mainnet.url());
    let reader = AnchorReader::new(&world.devnet.network, mainnet);
    let task = tokio::spawn(anchors(reader, feed));
    let mut before = 0;
    for _ in 0..2 {
        let ChainInput::Mainnet { head, unanchored_from, anchored, view } = core.hears().await
        else {
            panic!("mainnet says nothing of the sidechain");
        };
        assert_eq!((unanchored_from, anchored), (None, vec![]));
        assert!(head.number > before && head.number <= view.latest && view.time > 0);
        before = head.number;
    }
    drop(core);
    tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
}
