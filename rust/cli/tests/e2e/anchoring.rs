//! What gets anchored with some validators, and with some of them lying.

use crate::network::{Net, logged, until};
use fallow_chain::{Finality, Follower, ShareReader};
use fallow_devnet::{DevAccount, DevValidator};
use fallow_protocol::{Checkpoint, NetworkId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Waits until two more checkpoints have `count` shares each, from now on.
async fn shared(net: &Net, count: usize) {
    let bulletin = net.devnet.network.network.sidechain.bulletin;
    let client = net.probe.sidechain();
    let now = client.latest().await.unwrap();
    let mut reader = ShareReader::new(client.clone(), bulletin, &net.devnet.set, now);
    let mut shares = BTreeMap::<u64, usize>::new();
    until("two more checkpoints with shares", async || {
        let latest = client.latest().await.unwrap();
        while let Some(posted) = reader.read(latest).await.unwrap() {
            for share in posted {
                *shares.entry(share.block_number).or_default() += 1;
            }
        }
        let full = shares.iter().filter(|(block, shares)| **block >= now && **shares >= count);
        (full.count() >= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_validator_down_anchoring_goes_on_two_down_it_stops() {
    let mut net = Net::start().await;
    let mut validators = net.validators(4);
    let mut relayer = net.relayer("relayer");
    let size = net.allocate().await;
    net.anchored(size).await;

    validators.pop().unwrap().kill().unwrap();
    let size = net.allocate().await;
    net.anchored(size).await;

    validators.pop().unwrap().kill().unwrap();
    let size = net.allocate().await;
    shared(&net, 2).await;
    assert!(net.probe.head().await.unwrap().size < size, "two of four are no quorum");

    let _back = net.validator(2);
    net.anchored(size).await;
    relayer.require_running().unwrap();
    let status = relayer.stop(Duration::from_secs(20)).await.unwrap();
    assert_eq!(status.code(), Some(0), "asked to end, it ends well");
    net.assert_each_once("relayer").await;
}

#[tokio::test]
async fn two_relayers_at_once_are_harmless() {
    let mut net = Net::start().await;
    let _validators = net.validators(4);
    let mut relayers = ["relayer", "second"].map(|name| net.relayer(name));
    for _ in 0..3 {
        let size = net.allocate().await;
        net.anchored(size).await;
    }
    for relayer in &mut relayers {
        relayer.require_running().unwrap();
    }
    let blocks = net.anchored_blocks().await;
    assert!(blocks.windows(2).all(|pair| pair[0] < pair[1]), "{blocks:?}");
}

/// The newest checkpoint that holds `size` records.
async fn checkpoint(net: &Net, size: u64) -> Checkpoint {
    let (network, client) = (&net.devnet.network, net.probe.sidechain());
    let mut follower = Follower::new(network, client.clone(), Finality::Latest);
    until("a checkpoint", async || {
        follower.sync().await.unwrap();
        follower.latest_checkpoint().filter(|checkpoint| checkpoint.size >= size)
    })
    .await
}

#[tokio::test]
async fn shares_of_a_stranger_or_for_another_network_are_ignored() {
    let mut net = Net::start().await;
    let mut relayer = net.relayer("relayer");
    let size = net.allocate().await;
    let found = checkpoint(&net, size).await;
    let (block, digest) = (found.block_number, found.digest());

    let stranger = DevAccount::new("stranger");
    let share = DevValidator::new(9).key.sign(digest).to_bytes();
    net.probe.post(stranger.key(), block, digest, share).await.unwrap();

    let liar = net.devnet.validators[3].clone();
    let elsewhere = Checkpoint { network_id: NetworkId::repeat_byte(1), ..found }.digest();
    let share = liar.key.sign(elsewhere).to_bytes();
    net.probe.post(liar.account.key(), block, elsewhere, share).await.unwrap();
    // The stranger's is before it on the bulletin.
    logged(&mut relayer, &format!("signed digest {elsewhere}")).await;
    assert_eq!(net.probe.head().await.unwrap().count, 0);

    // Without the liar there are three, who are a quorum.
    let _validators = net.validators(3);
    net.anchored(size).await;
    let position = net.devnet.set.position(liar.account.address()).unwrap();
    for anchoring in net.probe.anchorings().await.unwrap() {
        assert_eq!(anchoring.bitmap[0], 0b1111 ^ (1 << position), "three signed");
    }
    net.assert_each_once("relayer").await;
}
