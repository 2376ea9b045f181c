//! From recorded to settled, with a validator and a relayer.

use crate::support::{PATIENCE, Running, World};
use fallow_devnet::{DevAccount, DevValidator, Devnet, DevnetOptions};
use fallow_node::NodeEvent;
use fallow_node_client::types::LevelName;
use fallow_protocol::{CheckpointFile, read_json};
use fallow_relayer::Relayer;
use fallow_validator::Validator;
use std::time::Duration;
use tokio::task::JoinSet;

/// A network whose challenge period is short.
async fn start() -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut options = DevnetOptions::new(folder.path());
    options.sidechain.block_time = Duration::from_secs(1);
    options.validators = 1;
    options.parameters.challenge_period = 3;
    options.funded = ["node", "relayer"].map(|name| DevAccount::new(name).address()).to_vec();
    World { devnet: Devnet::start(&options).await.unwrap(), folder }
}

async fn anchor(world: &World, tasks: &mut JoinSet<()>) {
    let validator = DevValidator::new(1);
    let mut daemon = world.config().daemon;
    daemon.account_key = validator.account.key().clone();
    daemon.store = world.folder.path().join("validator.redb");
    let config = fallow_validator::Config { daemon: daemon.clone(), bls_key: validator.key };
    let validator = Validator::bind(config).await.unwrap();
    tasks.spawn(async { validator.run(std::future::pending()).await.unwrap() });
    daemon.account_key = DevAccount::new("relayer").key().clone();
    daemon.store = world.folder.path().join("relayer.redb");
    let mainnet_url = world.devnet.mainnet.url().to_owned();
    let min_anchor_interval = Duration::from_secs(1);
    let config = fallow_relayer::Config { daemon, mainnet_url, min_anchor_interval };
    let relayer = Relayer::bind(config).await.unwrap();
    tasks.spawn(async { relayer.run(std::future::pending()).await.unwrap() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_certified_anchored_and_settled_and_its_static_files_are_there() {
    let world = start().await;
    let node = Running::start(world.config()).await;
    let mut events = node.shared.core.events();
    let promises = node.promised(vec![world.resource(1, 1).announce()]).await;
    node.recorded(&promises).await;
    let level = |index| node.shared.level(index).unwrap();
    assert_eq!((level(1).name, level(1).confirmations), (LevelName::Recorded, None));
    let mut tasks = JoinSet::new();
    anchor(&world, &mut tasks).await;
    node.until("it is certified", |view| view.certified_size == 2).await;
    let checkpoint = level(1).checkpoint.unwrap();
    node.until("it is anchored", |view| view.anchored_size == 2).await;
    let anchored = level(1);
    assert!(matches!(anchored.name, LevelName::Anchored | LevelName::Settled), "{anchored:?}");
    assert!(anchored.confirmations.is_some_and(|blocks| blocks >= 1), "{anchored:?}");
    node.until("it is settled", |view| view.settled_size == 2).await;
    assert_eq!((level(1).name, level(1).checkpoint), (LevelName::Settled, Some(checkpoint)));
    assert!(level(1).confirmations > Some(1));
    // Nothing is known of what is not there.
    assert_eq!((level(2).name, level(2).checkpoint), (LevelName::Recorded, None));
    let heard = tokio::time::timeout(PATIENCE, async {
        let (mut certified, mut anchored) = (false, false);
        while !(certified && anchored) {
            match events.recv().await.unwrap() {
                NodeEvent::Certified(block) => certified |= block == checkpoint,
                NodeEvent::Anchored(anchoring) => anchored |= anchoring.size == 2,
                NodeEvent::Records { .. } | NodeEvent::Checkpoint(_) => {}
            }
        }
    });
    heard.await.unwrap();
    let file = world.folder.path().join("node/tiles/checkpoint");
    let published = || read_json::<CheckpointFile>(&std::fs::read(&file).ok()?).ok();
    let published = fallow_devnet::poll("files", PATIENCE, crate::support::PAUSE, async || {
        Ok::<_, fallow_devnet::DevnetError>(published().filter(|file| file.checkpoint.size == 2))
    });
    assert_eq!(published.await.unwrap().checkpoint.size, 2);
    // A restart knows all of it again.
    node.stop().await;
    let node = Running::start(world.config()).await;
    node.until("levels are known", |view| view.certified_size == 2 && view.settled_size == 2).await;
    node.stop().await;
}
