//! Certificates of the newest checkpoints, and of those that were anchored.

use crate::world::{Core, World, client};
use alloy_primitives::{B256, U256};
use fallow_chain::{Finality, Follower};
use fallow_devnet::{DevAccount, DevValidator};
use fallow_node::ChainInput;
use fallow_node::follow::{Certifier, Feed, Shares, certificates};
use fallow_node::store::types::{Anchored, Change, Head, Kept};
use fallow_node::store::{DiskSettings, DiskStore, NodeStore};
use fallow_protocol::{Certificate, Checkpoint};
use futures_util::future::join_all;
use serde_json::json;
use std::sync::Arc;

/// A core that commits what it hears.
struct Committing {
    world: World,
    follower: Follower,
    store: Arc<DiskStore>,
    shares: Shares,
    core: Core,
    feed: Feed,
}

impl Committing {
    async fn start() -> Self {
        let world = World::start().await;
        let network = &world.devnet.network;
        let sidechain = client(world.devnet.sidechain.url());
        let follower = Follower::new(network, sidechain, Finality::Latest);
        let settings = DiskSettings { reserve_bytes: 0, ..DiskSettings::default() };
        let (dir, account) = (world.folder.path().join("node"), DevAccount::new("node").address());
        let store = DiskStore::open_with(&dir, network, account, settings).unwrap();
        let (core, feed) = Core::start();
        let (store, shares) = (Arc::new(store), Shares::default());
        Self { world, follower, store, shares, core, feed }
    }

    fn spawn(&self) {
        let (network, set) = (&self.world.devnet.network, self.world.devnet.set.clone());
        let sidechain = client(self.world.devnet.sidechain.url());
        let store = Arc::clone(&self.store) as Arc<dyn NodeStore>;
        let certifier = Certifier::new(network, set, sidechain, store, self.shares.clone());
        tokio::spawn(certificates(certifier, self.feed.clone()));
    }

    /// Follows the sidechain, and commits what is new.
    async fn commit(&mut self) {
        let known = self.store.head().unwrap();
        self.follower.sync().await.unwrap();
        let ledger = self.follower.ledger().unwrap();
        let first = known.as_ref().map_or(0, |head| head.size) as usize;
        let new = self.follower.records()[first..].iter().cloned();
        let records = new.map(|one| Kept {
            index: one.index,
            entry: one.entry,
            id: one.id,
            block: one.block,
        });
        let frontier = ledger.frontier();
        let heights = (0..frontier.peaks().len()).rev();
        let peaks = heights.filter(|height| ledger.size() >> height & 1 == 1);
        let head = Head {
            block: *self.follower.head().unwrap(),
            candidate: self.follower.candidate(),
            size: ledger.size(),
            peaks: peaks.map(|height| frontier.peaks()[height]).collect(),
        };
        let after = known.map_or(0, |head| head.block.number);
        let checkpoints = self.follower.checkpoints_after(after, usize::MAX);
        let change = Change { checkpoints, records: records.collect(), ..Change::default() };
        self.store.commit(&Change { head: Some(head), ..change }).unwrap();
    }

    /// A checkpoint of a record that nobody has signed yet.
    async fn checkpoint(&mut self) -> Checkpoint {
        let size = self.world.probe.announce().await.unwrap().1;
        loop {
            self.follower.sync().await.unwrap();
            if let Some(found) = self.follower.latest_checkpoint().filter(|one| one.size >= size) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn post(&self, member: &DevValidator, over: &Checkpoint, digest: B256) {
        let share = member.key.sign(digest).to_bytes();
        let (key, block) = (member.account.key(), over.block_number);
        self.world.probe.post(key, block, over.digest(), share).await.unwrap();
    }

    /// All of these sign it.
    async fn post_all(&self, members: &[DevValidator], over: &Checkpoint) {
        join_all(members.iter().map(|member| self.post(member, over, over.digest()))).await;
    }

    async fn certified(&mut self) -> Vec<(u64, Certificate)> {
        self.core
            .until(|input| match input {
                ChainInput::Certificates(certified) => Some(certified),
                other => panic!("{other:?}"),
            })
            .await
    }
}

/// Mainnet's event of a checkpoint.
fn anchoring(checkpoint: &Checkpoint, root: B256) -> Anchored {
    Anchored {
        sidechain_block: checkpoint.block_number,
        size: checkpoint.size,
        root,
        block: 5,
        block_hash: B256::repeat_byte(5),
        transaction: B256::repeat_byte(6),
        anchored_at: 1_000,
    }
}

#[tokio::test]
async fn no_record_is_told_to_be_anchored_under_a_root_that_the_log_does_not_have() {
    let mut core = Committing::start().await;
    let checkpoint = core.checkpoint().await;
    core.commit().await;
    let anchored = vec![anchoring(&checkpoint, B256::repeat_byte(1))];
    core.store.commit(&Change { anchored, ..Change::default() }).unwrap();
    core.spawn();
    let why = core.core.hears().await;
    let root = B256::repeat_byte(1).to_string();
    assert!(matches!(&why, ChainInput::Stopped(why) if why.contains(&root)), "{why:?}");
}

#[tokio::test]
async fn the_newest_checkpoints_are_certified_by_a_quorum_of_good_shares() {
    let mut core = Committing::start().await;
    let checkpoint = core.checkpoint().await;
    let members = core.world.devnet.validators.clone();
    // A stranger, a share over something else, and two good ones of four.
    core.post(
        &DevValidator { account: DevAccount::new("stranger"), ..DevValidator::new(1) },
        &checkpoint,
        checkpoint.digest(),
    )
    .await;
    core.post(&members[0], &checkpoint, B256::repeat_byte(1)).await;
    core.post_all(&members[1..3], &checkpoint).await;
    core.commit().await;
    core.spawn();
    let shares = core.shares.clone();
    let block = checkpoint.block_number;
    fallow_devnet::poll(
        "two shares",
        crate::world::PATIENCE,
        std::time::Duration::from_millis(20),
        async || {
            let tally = shares.of(block).filter(|tally| tally.weight() == 2);
            Ok::<_, fallow_devnet::DevnetError>(tally)
        },
    )
    .await
    .unwrap();
    core.post(&members[3], &checkpoint, checkpoint.digest()).await;
    core.commit().await;
    let certified = core.certified().await;
    let [(certified_block, certificate)] = &certified[..] else { panic!("{certified:?}") };
    assert_eq!(*certified_block, block);
    let set = &core.world.devnet.set;
    assert_eq!(certificate.verify(set, checkpoint.digest()), Ok(3));
    let tally = shares.of(block).unwrap();
    assert_eq!((tally.signers(), tally.weight()), (3, 3));
    assert!(shares.of(block - 1).is_none());
}

#[tokio::test]
async fn of_an_old_history_only_what_was_anchored_is_certified() {
    let mut core = Committing::start().await;
    let members = core.world.devnet.validators.clone();
    let (old, anchored) = (core.checkpoint().await, core.checkpoint().await);
    for checkpoint in [old, anchored] {
        core.post_all(&members, &checkpoint).await;
    }
    // A checkpoint every 20 blocks: more than are counted.
    let blocks = format!("{:#x}", U256::from(1_000));
    core.world.devnet.sidechain.call("anvil_mine", json!([blocks, "0x1"])).await.unwrap();
    core.commit().await;
    let anchoring = anchoring(&anchored, anchored.root);
    let change = Change { anchored: vec![anchoring], ..Change::default() };
    core.store.commit(&change).unwrap();
    core.spawn();
    let certified = core.certified().await;
    let [(block, certificate)] = &certified[..] else { panic!("{certified:?}") };
    assert_eq!(*block, anchored.block_number);
    assert_eq!(certificate.verify(&core.world.devnet.set, anchored.digest()), Ok(4));
    for known in [old, anchored] {
        assert!(core.shares.of(known.block_number).is_none(), "too old to be counted");
    }
    // What is new afterwards is certified as usual.
    let newest = core.checkpoint().await;
    core.post_all(&members, &newest).await;
    core.commit().await;
    assert_eq!(core.certified().await[0].0, newest.block_number);
}
