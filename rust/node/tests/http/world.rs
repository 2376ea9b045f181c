//! A whole network in this process: chains, one validator, a relayer, a node.

use crate::contract::Client;
use crate::people::Resource;
use fallow_chain::{DaemonConfig, Finality, Limits, SenderConfig};
use fallow_devnet::{DevAccount, DevValidator, Devnet, DevnetOptions};
use fallow_node::{Config, HttpLimits, Node, Shared};
use fallow_relayer::Relayer;
use fallow_validator::Validator;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Longest wait for anything: a machine under load, not what is expected.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// Ends with the value.
pub(crate) struct World {
    pub(crate) devnet: Devnet,
    _folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    pub(crate) shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

/// Bounds that no test waits for.
pub(crate) fn limits() -> HttpLimits {
    HttpLimits { per_address: 1_000_000, per_key: 1_000_000, ..HttpLimits::default() }
}

pub(crate) fn daemon(devnet: &Devnet, account: &DevAccount, folder: &Path) -> DaemonConfig {
    DaemonConfig {
        network: devnet.network.clone(),
        set: devnet.set.clone(),
        account_key: account.key().clone(),
        sidechain_url: devnet.sidechain.url().to_owned(),
        limits: Limits::default(),
        store: folder.join(format!("{}.redb", account.name())),
        poll_interval: Duration::from_millis(50),
        finality: Finality::Latest,
        sender: SenderConfig { confirmations: 0, ..SenderConfig::default() },
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        options.sidechain.block_time = Duration::from_secs(1);
        options.validators = 1;
        let (account, relayer) = (DevAccount::new("node"), DevAccount::new("relayer"));
        options.funded = vec![account.address(), relayer.address()];
        let devnet = Devnet::start(&options).await.unwrap();
        let mut tasks = JoinSet::new();
        let validator = DevValidator::new(1);
        let config = fallow_validator::Config {
            daemon: daemon(&devnet, &validator.account, folder.path()),
            bls_key: validator.key,
        };
        let validator = Validator::bind(config).await.unwrap();
        tasks.spawn(async { validator.run(std::future::pending()).await.unwrap() });
        let config = fallow_relayer::Config {
            daemon: daemon(&devnet, &relayer, folder.path()),
            mainnet_url: devnet.mainnet.url().to_owned(),
            min_anchor_interval: Duration::from_secs(1),
        };
        let relayer = Relayer::bind(config).await.unwrap();
        tasks.spawn(async { relayer.run(std::future::pending()).await.unwrap() });
        let mut config = Config::new(
            daemon(&devnet, &account, folder.path()),
            devnet.mainnet.url().to_owned(),
            ([127, 0, 0, 1], 0).into(),
            folder.path().join("node"),
        );
        config.limits = limits();
        let node = Node::bind(config).await.unwrap();
        let (address, shared) = (node.address(), Arc::clone(node.shared()));
        tasks.spawn(async { node.run(std::future::pending()).await.unwrap() });
        let world = Self {
            client: Client::new(address),
            devnet,
            _folder: folder,
            address,
            shared,
            _tasks: tasks,
        };
        world.until("the node is ready", "/ready", |_| true).await;
        world
    }

    pub(crate) fn resource(&self, provider: u64) -> Resource {
        Resource::new(self.devnet.network.domain(), provider)
    }

    /// Asks until the answer is a good one.
    pub(crate) async fn until(
        &self,
        what: &str,
        path: &str,
        holds: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        fallow_devnet::poll(what, PATIENCE, PAUSE, async || {
            let answer = self.client.get(path).await;
            let good = (answer.status == 200).then(|| answer.json()).filter(|json| holds(json));
            Ok::<_, fallow_devnet::DevnetError>(good)
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until a message is recorded.
    pub(crate) async fn recorded(&self, id: impl std::fmt::Display) -> u64 {
        let path = format!("/v1/messages/{id}");
        let message = self.until("recorded", &path, |message| message["state"] == "recorded").await;
        message["index"].as_str().unwrap().parse().unwrap()
    }
}
