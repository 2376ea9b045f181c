//! A relayer that is killed with SIGKILL at any point and started again.

use crate::network::{Net, PATIENCE};
use fallow_devnet::{Hold, Tap};
use std::os::unix::process::ExitStatusExt as _;

/// Runs a relayer until `hold` holds an exchange with mainnet, kills it there, and lets another
/// process go on with its store.
async fn killed_at(hold: Hold) {
    let mut net = Net::start().await;
    let _validators = net.validators(4);
    let tap = Tap::start(net.devnet.mainnet.url()).await.unwrap();
    tap.hold(hold);
    let relayer = net.relayer_at("relayer", tap.url());
    let size = net.allocate().await;
    tokio::time::timeout(PATIENCE, tap.held()).await.expect("held");
    assert_eq!(relayer.kill().unwrap().signal(), Some(9));

    let again = net.relayer("relayer");
    net.anchored(size).await;
    let size = net.allocate().await;
    net.anchored(size).await;
    assert_eq!(again.kill().unwrap().signal(), Some(9));
    net.assert_each_once("relayer").await;
}

#[tokio::test]
async fn a_relayer_killed_before_sending_anchors_once() {
    killed_at(Hold::Request("eth_sendRawTransaction")).await;
}

#[tokio::test]
async fn a_relayer_killed_after_sending_anchors_once() {
    killed_at(Hold::Answer("eth_sendRawTransaction")).await;
}

#[tokio::test]
async fn a_relayer_killed_after_inclusion_anchors_once() {
    killed_at(Hold::Answer("eth_getTransactionReceipt")).await;
}
