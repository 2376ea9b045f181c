//! A crash between any two steps: what was built is sent once, whatever was known of it.

use crate::network::{Net, run, until};
use fallow_chain::TransactionState;
use fallow_devnet::{Hold, Tap};
use fallow_relayer::{Anchoring, Identity, Store};

fn stored(net: &Net) -> Vec<Anchoring> {
    let config = net.relayer_config("relayer").daemon;
    let (network_id, account) = (config.network.network_id, config.account_key.address());
    Store::open(&config.store, &Identity { network_id, account }).unwrap().all().unwrap()
}

/// Runs a relayer until `hold` holds an exchange with mainnet, crashes it there, and starts it
/// again. Returns what the store said in between.
async fn crash_at(net: &mut Net, hold: Hold) -> Vec<Anchoring> {
    let tap = Tap::start(net.devnet.mainnet.url()).await.unwrap();
    tap.hold(hold);
    let mut config = net.relayer_config("relayer");
    config.mainnet_url = tap.url().to_owned();
    let relayer = run(config).await;
    let size = net.record().await;
    tokio::time::timeout(crate::network::PATIENCE, tap.held()).await.expect("held");
    relayer.crash().await;
    let left = stored(net);

    let again = net.relayer("relayer").await;
    net.anchored(size).await;
    let digest = left.last().unwrap().digest;
    again.crash().await;
    let after = stored(net);
    let same: Vec<_> = after.iter().filter(|anchoring| anchoring.digest == digest).collect();
    assert_eq!(same.len(), 1, "one transaction for the checkpoint");
    assert_eq!(same[0].transaction.payloads, left.last().unwrap().transaction.payloads);
    left
}

async fn assert_each_once(net: &Net) {
    // The last one may still be on its way.
    until("all that was sent is anchored", async || {
        let (blocks, sent) = (net.anchored_blocks().await, net.sent("relayer").await);
        assert!(blocks.windows(2).all(|pair| pair[0] < pair[1]), "{blocks:?}");
        (blocks.len() as u64 == sent).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_crash_before_sending() {
    let mut net = Net::start().await;
    let _validators = net.validators(4).await;
    let left = crash_at(&mut net, Hold::Request("eth_sendRawTransaction")).await;
    assert_eq!(left.last().unwrap().transaction.state, TransactionState::Built);
    assert_each_once(&net).await;
}

#[tokio::test]
async fn a_crash_after_sending_before_anything_is_known() {
    let mut net = Net::start().await;
    let _validators = net.validators(4).await;
    let left = crash_at(&mut net, Hold::Answer("eth_sendRawTransaction")).await;
    assert_eq!(left.last().unwrap().transaction.state, TransactionState::Built);
    assert_each_once(&net).await;
}

#[tokio::test]
async fn a_crash_after_inclusion_before_it_is_recorded() {
    let mut net = Net::start().await;
    let _validators = net.validators(4).await;
    let left = crash_at(&mut net, Hold::Answer("eth_getTransactionReceipt")).await;
    let state = left.last().unwrap().transaction.state;
    assert!(matches!(state, TransactionState::Sent { .. }), "{state:?}");
    assert_each_once(&net).await;
}
