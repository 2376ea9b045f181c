//! People who go through a node: no chain is asked, everything that it answers is verified.

use crate::network::{Net, until};
use fallow_devnet::ManagedProcess;
use serde_json::Value;
use std::net::TcpListener;

/// A network with three validators, a relayer and a node.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) net: Net,
    pub(crate) url: String,
    pub(crate) node: ManagedProcess,
    _daemons: Vec<ManagedProcess>,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Its standard output, if it went well.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }
}

impl Served {
    pub(crate) async fn start() -> Self {
        let net = Net::start().await;
        let mut daemons = net.validators(3);
        daemons.push(net.relayer("relayer"));
        // Nobody else takes the port in so short a time.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let node = net.node(&address);
        let mut served = Self { net, url: format!("http://{address}"), node, _daemons: daemons };
        until("the node is ready", async || {
            served.node.require_running().unwrap();
            let answer = reqwest::get(format!("{}/ready", served.url)).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        served
    }

    /// Runs a command through the node.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_at(&self.url, args)
    }

    /// Runs a command through what listens at `url`.
    pub(crate) fn run_at(&self, url: &str, args: &[&str]) -> Ran {
        let output = self.net.command(url, args).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// As [`Self::run_at`], while this thread's server goes on answering.
    pub(crate) async fn run_beside(&self, url: &str, args: &[&str]) -> Ran {
        let mut command = tokio::process::Command::from(self.net.command(url, args));
        let output = command.output().await.unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Announces a resource; its id.
    pub(crate) fn announce(&self) -> String {
        self.run(&["offer", "detect", "--volume", "8", "--out", "offer.json"]).done();
        let args = ["announce", "--offer", "offer.json", "--key", "provider", "--for", "1d"];
        let args = [&args[..], &["--notice", "0s", "--start", "now", "--json"]].concat();
        let announced = self.run(&args).json();
        announced["resourceId"].as_str().unwrap().to_owned()
    }

    /// Asks for a unit of the resource for some hour; the request's id.
    pub(crate) fn request(&self, resource: &str, start: &str) -> String {
        let args = ["request", "--resource", resource, "--volume", "1", "--start", start];
        let asked = self.run(&[&args[..], &["--key", "requester", "--json"]].concat()).json();
        asked["requestId"].as_str().unwrap().to_owned()
    }

    /// Waits until what was recorded last is certified.
    pub(crate) async fn certified(&self, id: &str) {
        until("the record is certified", async || {
            let ran = self.run(&["ticket", id, "--out", "some.ticket"]);
            (ran.code == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn everything_goes_through_a_node() {
    let served = Served::start().await;
    let resource = served.announce();
    let first = served.request(&resource, "+2h");
    let second = served.request(&resource, "+3h");
    assert_ne!(first, second, "each takes the next sequence");
    let promises = served.net.path("promises");
    assert!(promises.exists(), "promises are kept");

    let refused = served.run(&[
        "request",
        "--resource",
        &resource,
        "--volume",
        "9",
        "--start",
        "+2h",
        "--key",
        "requester",
    ]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stdout.contains("501 CapacityExceeded"), "{refused:?}");

    let args = ["check", "--resource", &resource, "--volume", "1", "--key", "requester", "--json"];
    assert_eq!(served.run(&args).json()["holds"], true);

    let released = served.run(&["release", &second, "--key", "requester", "--json"]).json();
    assert_eq!(released["freed"]["volume"], 1);

    served.certified(&second).await;
    let args = ["ticket", &first, "--out", "mine.ticket"];
    served.run(&args).done();
    served.run(&["verify", "mine.ticket"]).done();

    let listed = served.run(&["requests", "--complete", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(listed[0]["standing"], "certified");
    assert!(listed[1]["released"].is_object());
    let mainnet = served.net.devnet.mainnet.url().to_owned();
    served.run(&["requests", "--mainnet", &mainnet]).done();
    let resources = served.run(&["resources", "--at", "+2h", "--json"]).json();
    assert_eq!(resources[0]["free"], 7, "{resources}");
    let found = served.run(&["resources", "--where", "cpu >= 1000000", "--json"]).json();
    assert_eq!(found.as_array().unwrap().len(), 0);
    let status = served.run(&["status", "--mainnet", &mainnet, "--json"]).json();
    assert_eq!(status["certified"], true);
    served.run(&["status"]).done();

    travelling(&served);
    let withdrawn = served.run(&["withdraw", &resource, "--key", "provider", "--json"]).json();
    assert_eq!(withdrawn["tombstone"], false);
    served.run(&["offer", "publish", "offer.json"]).done();
}

/// Announcements that nobody recorded: the first request records one, a withdrawal bars another.
fn travelling(served: &Served) {
    let gossip = |file: &str, hours: &str| {
        let args = ["announce", "--offer", "offer.json", "--key", "provider", "--for", hours];
        served.run(&[&args[..], &["--notice", "0s", "--gossip", file]].concat()).done();
    };
    gossip("first.json", "20h");
    let args = ["request", "--announcement", "first.json", "--volume", "1", "--start", "+2h"];
    let args = [&args[..], &["--key", "requester", "--no-wait", "--json"]].concat();
    let promised = served.run(&args).json();
    assert!(promised["block"].is_null(), "{promised}");
    let promise = std::fs::read(promised["promise"].as_str().unwrap()).unwrap();
    let promise: fallow_protocol::PromiseFile = serde_json::from_slice(&promise).unwrap();
    assert!(promise.verifies(&served.net.devnet.network.domain()));
    assert_eq!(promise.promise.message_id.to_string(), promised["requestId"]);

    gossip("second.json", "19h");
    let args = ["withdraw", "second.json", "--key", "provider", "--json"];
    assert_eq!(served.run(&args).json()["tombstone"], true);
    let args = ["request", "--announcement", "second.json", "--volume", "1", "--key", "requester"];
    let barred = served.run(&[&args[..], &["--start", "+2h"]].concat());
    assert_eq!(barred.code, 1, "{barred:?}");
    assert!(barred.stdout.contains("202 ResourceUnknown"), "{barred:?}");
    assert!(barred.stderr.contains("with code 203"), "{barred:?}");
}
