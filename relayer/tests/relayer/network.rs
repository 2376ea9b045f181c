//! A development network with daemons as tasks.

use alloy::eips::BlockId;
use alloy::sol_types::{SolCall as _, SolEvent as _};
use alloy_primitives::{Address, B256};
use fallow_chain::{
    Anchor, Call, Client, Finality, Limits, NonceAt, Registry, Sender, SenderConfig,
};
use fallow_devnet::{DevAccount, Devnet, DevnetError, DevnetOptions, poll};
use fallow_protocol::{Announcement, SecretKey};
use fallow_relayer::{Config, Relayer, RelayerError, Status};
use fallow_validator::Validator;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Everything here takes a few seconds; the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
const BLOCK_TIME: Duration = Duration::from_millis(250);

pub(crate) const SENDER: SenderConfig =
    SenderConfig { confirmations: 2, patience: 20, poll: Duration::from_millis(50) };

/// Waits until `look` finds something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = poll(what, PATIENCE, POLL, async || Ok::<_, DevnetError>(look().await));
    found.await.unwrap()
}

/// Dropping it ends the chains.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) devnet: Devnet,
    pub(crate) sidechain: Client,
    pub(crate) mainnet: Client,
    provider: Sender,
    announced: u64,
    dir: tempfile::TempDir,
}

/// A relayer as a task; aborting it is a crash at whatever await it is at.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) task: JoinHandle<Result<(), RelayerError>>,
    pub(crate) status: watch::Receiver<Status>,
}

impl Running {
    /// Stops at once, and waits until its store is closed.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled(), "it still ran");
    }

    pub(crate) async fn shows(
        &mut self,
        what: &str,
        wanted: impl FnMut(&Status) -> bool,
    ) -> Status {
        let shown = tokio::time::timeout(PATIENCE, self.status.wait_for(wanted)).await;
        *shown.unwrap_or_else(|_| panic!("not in time: {what}")).unwrap()
    }
}

impl Net {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(dir.path());
        options.sidechain.block_time = BLOCK_TIME;
        options.mainnet.block_time = BLOCK_TIME;
        // Two seconds: blocks of one second share their time, and the anchor wants it to rise.
        options.parameters.heartbeat = 8;
        let provider = DevAccount::new("provider");
        let accounts = ["provider", "relayer", "second", "stranger"].map(DevAccount::new);
        options.funded = accounts.iter().map(DevAccount::address).collect();
        let devnet = Devnet::start(&options).await.unwrap();
        let [sidechain, mainnet] = [&devnet.sidechain, &devnet.mainnet]
            .map(|chain| Client::new(chain.url(), Limits::default()).unwrap());
        let chain = devnet.sidechain.chain_id();
        let provider = Sender::new(sidechain.clone(), provider.key(), chain, SENDER).unwrap();
        Self { devnet, sidechain, mainnet, provider, announced: 0, dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Starts validator `number`, from 0; aborting its task stops it.
    pub(crate) async fn validator(&self, number: usize) -> JoinHandle<()> {
        let keys = self.devnet.validators[number].clone();
        let config = fallow_validator::Config {
            network: self.devnet.network.clone(),
            set: self.devnet.set.clone(),
            bls_key: keys.key,
            account_key: keys.account.key().clone(),
            sidechain_url: self.devnet.sidechain.url().to_owned(),
            limits: Limits::default(),
            store: self.path().join(format!("validator-{number}.redb")),
            poll_interval: POLL,
            finality: Finality::Depth(1),
            sender: SENDER,
        };
        let validator = Validator::bind(config).await.unwrap();
        tokio::spawn(async move {
            validator.run(std::future::pending()).await.unwrap();
        })
    }

    pub(crate) async fn validators(&self, count: usize) -> Vec<JoinHandle<()>> {
        let mut tasks = Vec::new();
        for number in 0..count {
            tasks.push(self.validator(number).await);
        }
        tasks
    }

    pub(crate) fn relayer_config(&self, name: &str) -> Config {
        Config {
            network: self.devnet.network.clone(),
            set: self.devnet.set.clone(),
            account_key: DevAccount::new(name).key().clone(),
            sidechain_url: self.devnet.sidechain.url().to_owned(),
            mainnet_url: self.devnet.mainnet.url().to_owned(),
            limits: Limits::default(),
            store: self.path().join(format!("{name}.redb")),
            poll_interval: POLL,
            min_anchor_interval: Duration::ZERO,
            finality: Finality::Depth(1),
            sender: SENDER,
        }
    }

    pub(crate) async fn relayer(&self, name: &str) -> Running {
        run(self.relayer_config(name)).await
    }

    /// Puts one more record into the log and returns its size then.
    pub(crate) async fn record(&mut self) -> u64 {
        let network = &self.devnet.network;
        let provider = DevAccount::new("provider");
        self.announced += 1;
        let announcement = Announcement {
            provider: provider.address(),
            approver: Address::ZERO,
            volume: 1,
            start_time: 3_600 * self.announced,
            end_time: 3_600 * (self.announced + 1),
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: 0,
            offer: B256::ZERO,
        };
        let signature = provider.key().sign(announcement.id(&network.domain()).0);
        let signatures = signature.0.to_vec().into();
        let call = Registry::announceCall { announcement: announcement.into(), signatures };
        let to = Some(network.network.sidechain.registry);
        self.provider.send(Call { to, data: call.abi_encode().into() }).await.unwrap();
        1 + self.announced
    }

    pub(crate) async fn head(&self) -> Anchor::Head {
        let anchor = self.devnet.network.network.anchor_chain.anchor;
        let call = Anchor::headCall {};
        self.mainnet.call(anchor, &call, BlockId::latest()).await.unwrap()
    }

    /// Waits until a log of `size` records is anchored.
    pub(crate) async fn anchored(&self, size: u64) -> Anchor::Head {
        until(&format!("{size} records anchored"), async || {
            let head = self.head().await;
            (head.size >= size).then_some(head)
        })
        .await
    }

    /// Blocks of all checkpoints anchored so far, in order.
    pub(crate) async fn anchored_blocks(&self) -> Vec<u64> {
        let chain = &self.devnet.network.network.anchor_chain;
        let latest = self.mainnet.latest().await.unwrap();
        let logs = self.mainnet.logs(chain.anchor, chain.block..=latest).await.unwrap();
        let events = logs.iter().map(|log| Anchor::CheckpointAnchored::decode_log(&log.inner));
        events.map(|event| event.unwrap().blockNumber).collect()
    }

    /// Transactions that an account has in mainnet's blocks.
    pub(crate) async fn sent(&self, name: &str) -> u64 {
        let account = DevAccount::new(name).address();
        self.mainnet.nonce(account, NonceAt::Latest).await.unwrap()
    }

    /// A sender for an account on the sidechain.
    pub(crate) fn sender(&self, key: &SecretKey) -> Sender {
        let chain = self.devnet.sidechain.chain_id();
        Sender::new(self.sidechain.clone(), key, chain, SENDER).unwrap()
    }
}

pub(crate) async fn run(config: Config) -> Running {
    let relayer = Relayer::bind(config).await.unwrap();
    let status = relayer.status();
    Running { task: tokio::spawn(relayer.run(std::future::pending())), status }
}
