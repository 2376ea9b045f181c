//! Shares that do not count.

use crate::network::Net;
use fallow_chain::{Finality, Follower};
use fallow_devnet::{DevAccount, DevValidator};
use fallow_protocol::bls::SecretKey;
use fallow_protocol::{Checkpoint, NetworkId};

/// The newest checkpoint that holds `size` records.
async fn checkpoint(net: &Net, size: u64) -> Checkpoint {
    let network = &net.devnet.network;
    let mut follower = Follower::new(network, net.probe.sidechain().clone(), Finality::Latest);
    crate::network::until("a checkpoint", async || {
        follower.sync().await.unwrap();
        follower.latest_checkpoint().filter(|checkpoint| checkpoint.size >= size)
    })
    .await
}

#[tokio::test]
async fn shares_of_strangers_or_over_something_else_are_ignored() {
    let mut net = Net::start().await;
    let size = net.record().await;
    let found = checkpoint(&net, size).await;
    let (block, digest) = (found.block_number, found.digest());
    let members = net.devnet.validators.clone();
    let sign = |key: &SecretKey, digest| key.sign(digest).to_bytes();

    // A stranger with a valid signature of its own, and one with a member's.
    let stranger = DevAccount::new("stranger");
    let own = DevValidator::new(9).key;
    net.probe.post(stranger.key(), block, digest, sign(&own, digest)).await.unwrap();
    let second = DevAccount::new("second");
    net.probe.post(second.key(), block, digest, sign(&members[0].key, digest)).await.unwrap();
    // A member that signed the same block of another network, under its true digest.
    let elsewhere = Checkpoint { network_id: NetworkId::repeat_byte(1), ..found }.digest();
    let account = &members[0].account;
    net.probe
        .post(account.key(), block, elsewhere, sign(&members[0].key, elsewhere))
        .await
        .unwrap();
    // A member that names this network's digest, over the other's signature.
    let account = &members[1].account;
    net.probe.post(account.key(), block, digest, sign(&members[1].key, elsewhere)).await.unwrap();
    // A share that is no point.
    net.probe.post(members[2].account.key(), block, digest, [0xff; 48]).await.unwrap();

    let mut relayer = net.relayer("relayer").await;
    // Those of the strangers are not even read.
    let shown = relayer.shows("three ignored", |status| status.ignored >= 3).await;
    assert_eq!((shown.ignored, shown.counted, shown.certified), (3, 0, None));
    // The one good share left is no quorum.
    net.probe
        .post(members[3].account.key(), block, digest, sign(&members[3].key, digest))
        .await
        .unwrap();
    let shown = relayer.shows("one counted", |status| status.counted >= 1).await;
    assert_eq!((shown.ignored, shown.certified), (3, None));
    assert_eq!(net.probe.head().await.unwrap().count, 0);
    assert!(!relayer.task.is_finished(), "nobody can stop it with a share");
}
