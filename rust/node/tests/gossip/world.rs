//! A network, nodes in this process, offers.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use fallow_chain::{DaemonConfig, Finality, Limits, SenderConfig};
use fallow_devnet::{DevAccount, Devnet, DevnetError, DevnetOptions, poll};
use fallow_node::store::NodeStore;
use fallow_node::{Config, Node, Shared};
use fallow_node_client::types::GossipAnswer;
use fallow_protocol::{Announcement, ResourceId, SecretKey, Signature};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for anything: a machine under load, not what is expected.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let found = poll(what, PATIENCE, PAUSE, async || Ok::<_, DevnetError>(look()));
    found.await.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) struct World {
    pub(crate) devnet: Devnet,
    folder: tempfile::TempDir,
    /// Mainnet's time at the start.
    pub(crate) now: u64,
}

pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) shared: Arc<Shared>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        options.validators = 1;
        let devnet = Devnet::start(&options).await.unwrap();
        let client = fallow_chain::Client::new(devnet.sidechain.url(), Limits::default()).unwrap();
        let now = client.block(client.latest().await.unwrap()).await.unwrap().time;
        Self { devnet, folder, now }
    }

    pub(crate) async fn node(&self, name: &str, peers: &[&str]) -> Running {
        let daemon = DaemonConfig {
            network: self.devnet.network.clone(),
            set: self.devnet.set.clone(),
            account_key: DevAccount::new(name).key().clone(),
            sidechain_url: self.devnet.sidechain.url().to_owned(),
            limits: Limits::default(),
            store: self.folder.path().join("unused"),
            poll_interval: PAUSE,
            finality: Finality::Latest,
            sender: SenderConfig::default(),
        };
        let dir = self.folder.path().join(name);
        let mainnet = self.devnet.mainnet.url().to_owned();
        let mut config = Config::new(daemon, mainnet, ([127, 0, 0, 1], 0).into(), dir);
        config.peers = peers.iter().map(|peer| (*peer).to_owned()).collect();
        let node = Node::bind(config).await.unwrap();
        let (url, shared) = (format!("http://{}", node.address()), Arc::clone(node.shared()));
        tokio::spawn(async { node.run(std::future::pending()).await.unwrap() });
        wait("the node is ready", || shared.core.view().not_ready.is_none().then_some(())).await;
        Running { url, shared }
    }
}

impl Running {
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        look: impl Fn(&dyn NodeStore) -> Option<T>,
    ) -> T {
        wait(what, || look(&*self.shared.store)).await
    }

    /// Waits until an announcement travels here, with its document.
    pub(crate) async fn has(&self, offered: &Offered) {
        let gossiped =
            self.until("the announcement is there", |store| store.gossiped(offered.id).unwrap());
        let gossiped = gossiped.await;
        assert_eq!((gossiped.announcement, gossiped.signature), offered.told());
        let document =
            self.until("the document is there", |store| store.offer(offered.hash).unwrap());
        assert_eq!(document.await, offered.document.to_vec());
    }
}

/// A signed announcement with its document.
pub(crate) struct Offered {
    pub(crate) id: ResourceId,
    announcement: Announcement,
    signature: Signature,
    pub(crate) document: Bytes,
    pub(crate) hash: B256,
}

impl Offered {
    pub(crate) fn new(world: &World, number: u8) -> Self {
        let provider = SecretKey::from_bytes([number; 32]).unwrap();
        let document = Bytes::from(format!("{{\"machine\": {number}}}").into_bytes());
        let hash = keccak256(&document);
        let start_time = world.now - world.now % 3_600;
        let announcement = Announcement {
            provider: provider.address(),
            approver: Address::ZERO,
            volume: 1,
            start_time,
            end_time: start_time + 100 * 3_600,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: world.now,
            offer: hash,
        };
        let id = announcement.id(&world.devnet.network.domain());
        let signature = provider.sign(id.0);
        Self { id, announcement, signature, document, hash }
    }

    pub(crate) fn told(&self) -> (Announcement, Signature) {
        (self.announcement, self.signature)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.document.to_vec()).unwrap()
    }

    /// As a peer says it.
    pub(crate) fn answer(&self, arrival: u64) -> serde_json::Value {
        let answer = GossipAnswer {
            arrival,
            resource_id: self.id.0,
            announcement: self.announcement,
            signature: self.signature,
        };
        serde_json::to_value(answer).unwrap()
    }
}
