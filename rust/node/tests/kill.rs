//! A node that is killed under load, again and again: every message that it has promised is recorded,
//! once. Started with a role in its environment, this program is that node.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]
#![allow(missing_docs)]

#[path = "core/messages.rs"]
#[allow(dead_code, reason = "the other tests need more kinds of messages")]
mod messages;

mod support {
    //! What the messages need.
    use std::time::{SystemTime, UNIX_EPOCH};

    pub(crate) fn clock() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }
}

use alloy_primitives::B256;
use fallow_chain::{Client, DaemonConfig, Finality, Follower, Limits, SenderConfig};
use fallow_devnet::{
    DevAccount, Devnet, DevnetError, DevnetOptions, ManagedProcess, ProcessSpec, poll,
};
use fallow_ledger::Message;
use fallow_node::{Config, Node};
use fallow_node_client::types::{Outcome, Outcomes, StatusAnswer};
use fallow_protocol::{FILE_VERSION, NetworkFile, RequestFile, Set, Signature, read_json};
use messages::Resource;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

const ROLE: &str = "FALLOW_TEST_FOLDER";
const SIDECHAIN: &str = "FALLOW_TEST_SIDECHAIN";
const MAINNET: &str = "FALLOW_TEST_MAINNET";
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// Kills after that many answered posts, which is at no particular instant of the node's.
const KILLS: [u64; 5] = [1, 7, 12, 20, 31];
const A_POST: u64 = 20;
const RESOURCES: u64 = 4;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::var(ROLE) {
        Ok(folder) => runtime.block_on(serve(Path::new(&folder))),
        Err(_) => runtime.block_on(kill()),
    }
}

/// Runs a node; its address goes to a file.
async fn serve(folder: &Path) {
    let network: NetworkFile =
        read_json(&std::fs::read(folder.join("network.json")).unwrap()).unwrap();
    let set = Set::decode(&std::fs::read(folder.join(network.set_file_name())).unwrap()).unwrap();
    let daemon = DaemonConfig {
        network,
        set,
        account_key: DevAccount::new("node").key().clone(),
        sidechain_url: std::env::var(SIDECHAIN).unwrap(),
        limits: Limits::default(),
        store: folder.join("unused"),
        poll_interval: Duration::from_millis(50),
        finality: Finality::Latest,
        sender: SenderConfig::default(),
    };
    let mainnet = std::env::var(MAINNET).unwrap();
    let mut config = Config::new(daemon, mainnet, ([127, 0, 0, 1], 0).into(), folder.join("node"));
    config.limits.per_address = 1_000_000;
    config.limits.per_key = 1_000_000;
    let node = Node::bind(config).await.unwrap();
    let (written, named) = (folder.join("address.new"), folder.join("address"));
    std::fs::write(&written, node.address().to_string()).unwrap();
    std::fs::rename(written, named).unwrap();
    node.run(std::future::pending()).await.unwrap();
}

struct World {
    devnet: Devnet,
    folder: tempfile::TempDir,
    http: reqwest::Client,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        options.sidechain.block_time = Duration::from_secs(1);
        options.validators = 1;
        options.funded = vec![DevAccount::new("node").address()];
        let devnet = Devnet::start(&options).await.unwrap();
        Self { devnet, folder, http: reqwest::Client::new() }
    }

    /// Starts a node, and waits until it is ready. Answers its address.
    async fn node(&self) -> (ManagedProcess, String) {
        let named = self.folder.path().join("address");
        if named.exists() {
            std::fs::remove_file(&named).unwrap();
        }
        let program = std::env::current_exe().unwrap();
        let spec = ProcessSpec::new("node", &program, self.folder.path())
            .env(ROLE, self.folder.path())
            .env(SIDECHAIN, self.devnet.sidechain.url())
            .env(MAINNET, self.devnet.mainnet.url());
        let mut node = ManagedProcess::spawn(&spec).unwrap();
        let address = poll("the node is ready", PATIENCE, PAUSE, async || {
            node.require_running()?;
            let Ok(address) = std::fs::read_to_string(&named) else {
                return Ok(None);
            };
            let url = format!("http://{address}");
            let ready = self.http.get(format!("{url}/ready")).send().await;
            Ok::<_, DevnetError>(ready.is_ok_and(|ready| ready.status() == 200).then_some(url))
        })
        .await
        .unwrap();
        (node, address)
    }
}

async fn kill() {
    let world = World::start().await;
    let (mut node, url) = world.node().await;
    let resources: Vec<_> = (1..=RESOURCES)
        .map(|provider| Resource::new(world.devnet.network.domain(), provider, 20_000))
        .collect();
    announce(&world, &url, &resources).await;
    let (at, urls) = watch::channel(url);
    let (posted, mut posts) = watch::channel(0);
    let clients = tokio::spawn(load(Load {
        http: world.http.clone(),
        network: world.devnet.network.clone(),
        resources,
        urls,
        posted,
    }));
    for count in KILLS {
        posts.wait_for(|posts| *posts >= count).await.unwrap();
        drop(node);
        let (again, url) = world.node().await;
        node = again;
        at.send(url).unwrap();
    }
    let url = at.borrow().clone();
    let last = *posts.borrow();
    posts.wait_for(|posts| *posts > last).await.unwrap();
    drop(at);
    let promised = clients.await.unwrap();
    let root = settled(&world, &url).await;
    check(&world, &promised, root).await;
    println!("{} promises, {} kills: each recorded once, in time", promised.len(), KILLS.len());
    drop(node);
}

async fn announce(world: &World, url: &str, resources: &[Resource]) {
    let files = resources.iter().map(|resource| {
        let Message::Announce { announcement, signatures } = resource.announce() else {
            unreachable!()
        };
        let signature = Signature::from(<[u8; 64]>::try_from(&signatures[..]).unwrap());
        let network_id = world.devnet.network.network_id;
        fallow_protocol::AnnouncementFile {
            version: FILE_VERSION,
            network_id,
            announcement,
            signature,
        }
    });
    let files: Vec<_> = files.collect();
    let answer = world.http.post(format!("{url}/v1/announcements")).json(&files);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

struct Load {
    http: reqwest::Client,
    network: NetworkFile,
    resources: Vec<Resource>,
    /// Where the node is; closed when it is enough.
    urls: watch::Receiver<String>,
    /// Posts that were answered.
    posted: watch::Sender<u64>,
}

/// Posts requests until it is enough. What is not answered is posted again: a promise that was made
/// and not heard is heard then. Answers by which time each message is promised.
async fn load(load: Load) -> HashMap<B256, u64> {
    let mut promised = HashMap::new();
    for post in 1.. {
        let files = load.files(post);
        let ids: Vec<_> =
            files.iter().map(|file| file.request.id(&load.network.domain()).0).collect();
        let outcomes = loop {
            if load.urls.has_changed().is_err() {
                return promised;
            }
            let url = load.urls.borrow().clone();
            let answer = load.http.post(format!("{url}/v1/requests")).json(&files).send().await;
            match answer {
                Ok(answer) if answer.status() == 200 => {
                    if let Ok(outcomes) = answer.json::<Outcomes>().await {
                        break outcomes;
                    }
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        };
        for (id, outcome) in ids.into_iter().zip(outcomes.items) {
            match outcome {
                Outcome::Promised { promise, .. } => {
                    assert_eq!(promise.promise.message_id, id);
                    promised.insert(id, promise.promise.by_time);
                }
                Outcome::Recorded { .. } => {
                    promised.insert(id, u64::MAX);
                }
                other => panic!("not promised: {other:?}"),
            }
        }
        load.posted.send_replace(post);
    }
    unreachable!("there are enough numbers")
}

impl Load {
    /// A requester's next messages: each post is of another one.
    fn files(&self, post: u64) -> Vec<RequestFile> {
        let requester = 1_000 + post;
        let asked = (1..=A_POST).map(|sequence| {
            let resource = &self.resources[((post + sequence) % RESOURCES) as usize];
            let request = resource.ask(requester, sequence, (2 + sequence, 1));
            let signature = messages::key(requester).sign(request.id(&self.network.domain()).0);
            let network_id = self.network.network_id;
            RequestFile { version: FILE_VERSION, network_id, request, signature, approval: None }
        });
        asked.collect()
    }
}

/// Waits until no promise is open. Answers the node's root.
async fn settled(world: &World, url: &str) -> (u64, B256) {
    poll("no promise is open", PATIENCE, PAUSE, async || {
        let status = world.http.get(format!("{url}/v1/status")).send().await.unwrap();
        let status: StatusAnswer = status.json().await.unwrap();
        let is_done = status.open_promises == 0;
        Ok::<_, DevnetError>(is_done.then_some((status.size, status.root)))
    })
    .await
    .unwrap()
}

/// Compares with the chain itself.
async fn check(world: &World, promised: &HashMap<B256, u64>, (size, root): (u64, B256)) {
    let client = Client::new(world.devnet.sidechain.url(), Limits::default()).unwrap();
    let mut follower = Follower::new(&world.devnet.network, client, Finality::Latest);
    follower.sync().await.unwrap();
    assert_eq!((follower.size(), follower.root()), (size, root), "the node serves the chain's log");
    let mut times: HashMap<B256, Vec<u64>> = HashMap::new();
    for recorded in follower.records() {
        let record = fallow_protocol::Record::decode(&recorded.entry.record).unwrap();
        times.entry(recorded.id).or_default().push(record.block_time);
    }
    for (id, by_time) in promised {
        let [time] = times.get(id).map_or(&[][..], Vec::as_slice) else {
            panic!("{id} is not recorded once: {:?}", times.get(id));
        };
        assert!(time <= by_time, "{id} is late: {time}, promised by {by_time}");
    }
    assert!(promised.len() as u64 > KILLS[4] * A_POST, "there was load: {}", promised.len());
}
