//! What gets anchored, and what does not.

use crate::network::Net;
use fallow_protocol::Certificate;
use std::collections::BTreeSet;

#[track_caller]
fn assert_each_once(blocks: &[u64]) {
    assert!(blocks.windows(2).all(|pair| pair[0] < pair[1]), "{blocks:?}");
}

#[tokio::test]
async fn records_are_anchored_once_each_and_settle() {
    let mut net = Net::start().await;
    let _validators = net.validators(4).await;
    let mut relayer = net.relayer("relayer").await;
    for _ in 0..3 {
        let size = net.record().await;
        net.anchored(size).await;
    }
    let size = net.probe.head().await.unwrap().size;
    relayer.shows("final", |status| status.settled.is_some() && status.size >= size).await;
    relayer.crash().await;
    let blocks = net.anchored_blocks().await;
    assert_each_once(&blocks);
    // The transaction on its way when it was stopped may still come.
    let sent = net.sent("relayer").await;
    assert_eq!(sent, net.anchored_blocks().await.len() as u64, "none reverted");
}

#[tokio::test]
async fn anchoring_goes_on_without_one_validator_and_stops_without_two() {
    let mut net = Net::start().await;
    let mut validators = net.validators(4).await;
    let mut relayer = net.relayer("relayer").await;
    let size = net.record().await;
    net.anchored(size).await;

    validators.pop().unwrap().abort();
    let size = net.record().await;
    net.anchored(size).await;

    validators.pop().unwrap().abort();
    let size = net.record().await;
    // Both of the others have signed the record's checkpoint, and it is not certified.
    let counted = relayer.status.borrow().counted;
    let two =
        relayer.shows("two shares", |status| status.size >= size && status.counted >= counted + 4);
    two.await;
    let head = net.probe.head().await.unwrap();
    assert!(head.size < size, "two of four are no quorum");

    let _back = net.validator(2).await;
    net.anchored(size).await;
    assert_each_once(&net.anchored_blocks().await);
}

#[tokio::test]
async fn two_relayers_at_once_are_harmless() {
    let mut net = Net::start().await;
    let _validators = net.validators(4).await;
    let one = net.relayer("relayer").await;
    let two = net.relayer("second").await;
    for _ in 0..4 {
        let size = net.record().await;
        net.anchored(size).await;
    }
    assert!(!one.task.is_finished() && !two.task.is_finished());
    assert_each_once(&net.anchored_blocks().await);
    // The one that stays goes on with whatever the other left.
    one.crash().await;
    let size = net.record().await;
    net.anchored(size).await;
    assert_each_once(&net.anchored_blocks().await);
    assert!(!two.task.is_finished());
}

/// Replaces mainnet's last `depth` blocks by empty ones.
async fn reorganise(net: &Net, depth: u64) {
    let blocks = serde_json::json!([depth, []]);
    net.devnet.mainnet.call("anvil_reorg", blocks).await.unwrap();
}

#[tokio::test]
async fn what_mainnet_forgets_is_anchored_again() {
    let mut net = Net::start().await;
    let _validators = net.validators(4).await;
    let relayer = net.relayer("relayer").await;
    let size = net.record().await;
    net.anchored(size).await;
    reorganise(&net, 1).await;
    let size = net.record().await;
    net.anchored(size).await;
    assert!(!relayer.task.is_finished());
    assert_each_once(&net.anchored_blocks().await);
}

#[tokio::test]
async fn what_mainnet_forgets_after_it_was_settled_is_anchored_again() {
    let mut net = Net::start().await;
    let _validators = net.validators(4).await;
    let mut relayer = net.relayer("relayer").await;
    let size = net.record().await;
    net.anchored(size).await;
    relayer.shows("settled", |status| status.settled.is_some()).await;
    let before = net.anchored_blocks().await;
    let (mainnet, chain) = (net.probe.mainnet(), net.devnet.network.network.anchor_chain);
    let latest = mainnet.latest().await.unwrap();
    let logs = mainnet.logs(chain.anchor, chain.block + 1..=latest).await.unwrap();
    let included = logs[0].number;
    // One block more than needed now, in case another one comes before this call.
    reorganise(&net, latest - included + 2).await;
    let now = mainnet.block(included).await.unwrap().hash;
    assert_ne!(now, logs[0].block_hash, "the block of the first anchoring is gone");
    let size = net.record().await;
    net.anchored(size).await;
    assert!(!relayer.task.is_finished());
    let after = net.anchored_blocks().await;
    assert_each_once(&after);
    assert_eq!(after.first(), before.first(), "the same payload, sent again");
}

#[tokio::test]
async fn anybody_makes_the_certificate_from_the_bulletin() {
    let mut net = Net::start().await;
    let _validators = net.validators(3).await;
    let relayer = net.relayer("relayer").await;
    let size = net.record().await;
    let head = net.probe.anchored(size).await.unwrap();
    relayer.crash().await;
    let finality = fallow_chain::Finality::Latest;
    let network = &net.devnet.network;
    let mut follower =
        fallow_chain::Follower::new(network, net.probe.sidechain().clone(), finality);
    follower.sync().await.unwrap();
    let checkpoint = follower.checkpoint(head.blockNumber).unwrap();
    assert_eq!(checkpoint.root, head.root);
    let bulletin = network.network.sidechain.bulletin;
    let set = &net.devnet.set;
    let certificate = net.probe.sidechain().certificate(bulletin, set, &checkpoint).await.unwrap();
    assert_eq!(certificate.verify(set, checkpoint.digest()), Ok(3));
    assert_eq!(Certificate::decode(&certificate.encode()), Ok(certificate.clone()));
    let signers: BTreeSet<_> = (0..4).filter(|member| certificate.has_signed(*member)).collect();
    assert_eq!(signers.len(), 3);
    let ticket = follower.ticket(size - 1, &checkpoint, certificate).unwrap();
    assert_eq!(ticket.record.index, size - 1);
}
