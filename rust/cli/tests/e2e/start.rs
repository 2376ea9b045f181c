//! Daemons whose nodes do not answer while they start.

use crate::network::{Net, PATIENCE};
use fallow_devnet::{Hold, ManagedProcess, Tap};

/// Asks a daemon to end while its node keeps it waiting for the first answer.
async fn ended_while_starting(tap: &Tap, daemon: ManagedProcess) {
    tokio::time::timeout(PATIENCE, tap.held()).await.expect("held");
    let status = daemon.stop(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test]
async fn a_daemon_that_starts_ends_when_asked_to() {
    let net = Net::start().await;
    let tap = Tap::start(net.devnet.sidechain.url()).await.unwrap();
    tap.hold(Hold::Request("eth_chainId"));
    ended_while_starting(&tap, net.validator_at(0, tap.url())).await;

    let tap = Tap::start(net.devnet.mainnet.url()).await.unwrap();
    tap.hold(Hold::Request("eth_chainId"));
    ended_while_starting(&tap, net.relayer_at("relayer", tap.url())).await;
}

#[tokio::test]
async fn an_error_at_the_start_names_the_chain_that_did_not_answer() {
    let net = Net::start().await;
    // Nobody listens on the port of a listener that was just closed.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = format!("http://{closed}");
    for (which, mut daemon) in
        [("mainnet", net.relayer_at("relayer", &away)), ("sidechain", net.validator_at(0, &away))]
    {
        let status = daemon.wait(PATIENCE).await.unwrap();
        let log = daemon.log().unwrap();
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains(&format!("error: {which}: the node did not answer")), "{log}");
        assert!(log.contains(&format!("`--{which}` names its URL")), "{log}");
    }
}
