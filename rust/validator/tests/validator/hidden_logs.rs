//! A node that shows no logs: behind with its index of them, or hostile.

use crate::support::{Chain, PATIENCE};
use alloy_primitives::B256;
use fallow_chain::Registry;
use fallow_devnet::{DevAccount, Tap};
use fallow_validator::Validator;
use std::future::pending;

/// Heartbeats come whether events are shown or not. The chain's own size then differs from what was
/// re-executed, so nothing may be signed; when the events are there, it goes on by itself.
#[tokio::test]
async fn nothing_is_signed_while_the_node_hides_what_was_recorded() {
    let mut chain = Chain::start(&Registry::BYTECODE).await;
    let tap = Tap::start(chain.anvil.url()).await.unwrap();
    let config = chain.config_at(tap.url());
    let validator = Validator::bind(config).await.unwrap();
    let mut status = validator.status();
    let running = tokio::spawn(validator.run(pending()));
    let signed = status.wait_for(|status| status.posted.is_some());
    tokio::time::timeout(PATIENCE, signed).await.unwrap().unwrap();

    tap.hide_logs(true);
    let before = chain.client.latest().await.unwrap();
    let provider = DevAccount::new("provider").key().clone();
    chain.announce(chain.announcement(&provider, 2), &provider).await.unwrap();
    let recorded = chain.client.latest().await.unwrap();
    // Two heartbeats later it has been asked for a signature twice.
    let heartbeats = recorded + 2 * chain.network.network.parameters.heartbeat;
    chain.reaches(heartbeats).await;
    tap.hidden().await;
    let seen = status.borrow().clone();
    assert_eq!(seen.size, 1, "it knows of nothing");
    assert!(seen.head.unwrap() < recorded, "stops before the block: {seen:?}");
    for block in recorded..=heartbeats {
        assert_eq!(chain.posted(block).await, B256::ZERO, "{block} is signed");
    }
    assert!(!running.is_finished(), "a node that is behind stops nobody");

    tap.hide_logs(false);
    let signed = status.wait_for(|status| status.size == 2 && status.posted > Some(before));
    let shown = tokio::time::timeout(PATIENCE, signed).await.unwrap().unwrap().clone();
    assert!(shown.posted >= Some(recorded), "{shown:?}");
    running.abort();
}
