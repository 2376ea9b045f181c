//! Networks: made, and mixed up.

use crate::place::Place;
use fallow_devnet::DevAccount;
use fallow_protocol::NetworkFile;

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_deployed_in_two_steps() {
    let place = Place::start().await;
    let alice = DevAccount::new("alice").address().to_string();
    let plan = ["deploy", "plan", "--deployer", &alice, "--ring-size", "64"];
    place.run(&[&plan[..], &["--challenge-period", "1m"]].concat()).ended(0);
    place.run(&plan).ended(2);
    place.run(&["keys", "new", "v", "--bls"]).ended(0);
    for (name, account) in [("one", "alice"), ("two", "bob")] {
        let account = DevAccount::new(account).address().to_string();
        let key = format!("bls-{name}");
        place.run(&["keys", "new", &key, "--bls"]).ended(0);
        let prove = ["keys", "prove", "--plan", "plan.json", "--account", &account, "--key", &key];
        place.run(&[&prove[..], &["--out", name]].concat()).ended(0);
    }
    let run = ["deploy", "run", "--key", "alice", "--member", "one", "--member", "two", "--out"];
    let wrong_key = [&run[..2], &["--key", "bob"], &run[4..], &["new.json"]].concat();
    let refused = place.run(&wrong_key).ended(2);
    assert!(refused.stderr.contains("plan"), "{}", refused.all());
    assert!(!place.path().join("new.json").exists());

    place.run(&[&run[..], &["new.json"]].concat()).ended(0);
    let file = std::fs::read(place.path().join("new.json")).unwrap();
    let network = NetworkFile::read(&file).unwrap();
    assert!(place.path().join(network.set_file_name()).is_file());
    let status = place.run(&["status", "--network", "new.json", "--json"]).ended(0).json();
    assert_eq!(status["networkId"], network.network_id.to_string());
    // The plan's nonces are spent.
    let again = place.run(&[&run[..], &["again.json"]].concat()).ended(2);
    assert!(again.stderr.contains("make a new plan"), "{}", again.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_nodes_than_the_networks_are_refused_first() {
    let place = Place::start().await;
    let (sidechain, mainnet) = (place.devnet.sidechain.url(), place.devnet.mainnet.url());
    let swapped = place.run(&["status", "--sidechain", mainnet, "--mainnet", sidechain]).ended(2);
    assert!(swapped.stderr.contains("sidechain: chain id is"), "{}", swapped.all());

    let mut other = place.devnet.network.clone();
    other.network.code_hashes.registry.0[0] ^= 1;
    std::fs::write(place.path().join("other.json"), serde_json::to_vec(&other).unwrap()).unwrap();
    let forged = place.run(&["resources", "--network", "other.json"]).ended(2);
    assert!(forged.stderr.contains("code hash"), "{}", forged.all());
    assert_eq!(forged.stdout, "");

    // Nobody listens on the port of a listener that was just closed.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = place.run(&["resources", "--sidechain", &format!("http://{closed}")]).ended(2);
    assert!(away.stderr.contains("hint: is the node running?"), "{}", away.all());
    let no_url = place.run(&["resources", "--sidechain", "nonsense"]).ended(2);
    assert!(no_url.stderr.contains("is no http"), "{}", no_url.all());
}
