//! Commands that talk to chains, with two real ones and no validators.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, missing_docs)]

use fallow_devnet::{DevAccount, Devnet, DevnetOptions};
use fallow_protocol::NetworkFile;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}", self.all()))
    }

    fn all(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }

    #[track_caller]
    fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }
}

/// A running network and a folder with keys.
struct Place {
    devnet: Devnet,
    folder: tempfile::TempDir,
}

impl Place {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        options.funded = ["alice", "bob"].map(|name| DevAccount::new(name).address()).to_vec();
        let devnet = Devnet::start(&options).await.unwrap();
        let place = Self { devnet, folder };
        for name in ["alice", "bob"] {
            let key = alloy_primitives::hex::encode(DevAccount::new(name).key().to_bytes());
            std::fs::write(place.path().join("key.hex"), key).unwrap();
            place.run(&["keys", "import", name, "key.hex"]).ended(0);
        }
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, args: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_fallow"))
            .args(args)
            .current_dir(self.path())
            .env("TZ", "UTC")
            .env("FALLOW_KEYS", self.path().join("keys"))
            .env("FALLOW_PASSWORD", "x")
            .env("FALLOW_SIDECHAIN", self.devnet.sidechain.url())
            .env("FALLOW_MAINNET", self.devnet.mainnet.url())
            .env("FALLOW_FINALITY", "latest")
            .env_remove("FALLOW_NETWORK")
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn announce(&self) -> String {
        self.run(&["offer", "detect", "--volume", "4", "--out", "offer.json"]).ended(0);
        let args = ["announce", "--offer", "offer.json", "--key", "alice", "--slot", "1h"];
        let ran = self.run(&[&args[..], &["--for", "30d", "--json"]].concat()).ended(0);
        ran.json()["resourceId"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_from_signature_to_record() {
    let place = Place::start().await;
    let resource = place.announce();
    let listed = place.run(&["resources", "--json"]).ended(0).json();
    assert_eq!(
        (&listed[0]["resourceId"], &listed[0]["free"]),
        (&resource.as_str().into(), &4.into())
    );

    let ask = ["--resource", &resource, "--key", "bob", "--for", "2h", "--volume"];
    let check = [&["check"][..], &ask, &["3", "--json"]].concat();
    assert_eq!(place.run(&check).ended(0).json()["holds"], true);
    let request = [&["request"][..], &ask, &["3", "--json", "--out", "request.json"]].concat();
    let asked = place.run(&request).ended(0).json();
    let id = asked["requestId"].as_str().unwrap();

    // The same file again: its sequence is used, and too little is free.
    let checked = place.run(&["check", "request.json", "--json"]).ended(1).json();
    let codes: Vec<_> = checked["checks"].as_array().unwrap().iter().map(|c| &c["code"]).collect();
    assert_eq!(codes, [&0.into(), &0.into(), &303.into(), &0.into(), &501.into()] as [&Value; 5]);

    // Refused before anything is sent, and by the registry if it is sent all the same.
    let more = [&["request"][..], &ask, &["2"]].concat();
    let refused = place.run(&more).ended(1);
    assert!(refused.stdout.contains("volume asked: 2;"), "{}", refused.all());
    let forced = place.run(&[&more[..], &["--force"]].concat()).ended(1);
    assert!(forced.stdout.contains("501 CapacityExceeded"), "{}", forced.all());

    let listed = place.run(&["requests", "--json"]).ended(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["requestId"], &listed[0]["level"]), (&id.into(), &"recorded".into()));
    let ticket = place.run(&["ticket", id, "--out", "my.ticket"]).ended(1);
    assert!(ticket.stderr.contains("not certified"), "{}", ticket.all());
    assert!(!place.path().join("my.ticket").exists());

    let status = place.run(&["status", "--json"]).ended(0).json();
    assert_eq!((&status["records"], &status["certified"]), (&"3".into(), &false.into()));
    assert_eq!(status["shares"].as_array().unwrap().len(), 4);
    for table in ["resources", "requests", "status"] {
        let ran = place.run(&[table]).ended(0);
        assert!(ran.stdout.lines().count() >= 2, "{}", ran.all());
    }
}

/// No chain makes so many blocks in a second.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_record_ends() {
    let place = Place::start().await;
    place.run(&["offer", "detect", "--volume", "4", "--out", "offer.json"]).ended(0);
    let args = ["announce", "--offer", "offer.json", "--key", "alice", "--for", "30d"];
    let late = ["--finality", "1000000", "--wait", "1s", "--json"];
    let ran = place.run(&[&args[..], &late].concat()).ended(2);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("it was sent as transaction 0x"), "{}", ran.all());
    assert!(ran.stderr.contains("is not final after 1 s\n"), "{}", ran.all());
    assert!(ran.stderr.contains("hint: it may still be recorded: see"), "{}", ran.all());
    assert!(place.path().join("announcement.json").is_file());
}

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
