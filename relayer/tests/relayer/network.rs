//! A development network with daemons as tasks.

use fallow_chain::{DaemonConfig, Finality, Limits, SenderConfig};
use fallow_devnet::{DevAccount, Devnet, DevnetError, DevnetOptions, Probe, poll, probe_accounts};
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
    pub(crate) probe: Probe,
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
        let accounts = ["relayer", "second", "stranger"].map(DevAccount::new);
        options.funded = accounts.iter().map(DevAccount::address).collect();
        options.funded.extend(probe_accounts());
        let devnet = Devnet::start(&options).await.unwrap();
        let probe = Probe::new(&devnet).unwrap();
        Self { devnet, probe, dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Starts validator `number`, from 0; aborting its task stops it.
    pub(crate) async fn validator(&self, number: usize) -> JoinHandle<()> {
        let keys = self.devnet.validators[number].clone();
        let daemon = self.daemon_config(&keys.account);
        let config = fallow_validator::Config { daemon, bls_key: keys.key };
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
            daemon: self.daemon_config(&DevAccount::new(name)),
            mainnet_url: self.devnet.mainnet.url().to_owned(),
            min_anchor_interval: Duration::ZERO,
        }
    }

    fn daemon_config(&self, account: &DevAccount) -> DaemonConfig {
        DaemonConfig {
            network: self.devnet.network.clone(),
            set: self.devnet.set.clone(),
            account_key: account.key().clone(),
            sidechain_url: self.devnet.sidechain.url().to_owned(),
            limits: Limits::default(),
            store: self.path().join(format!("{}.redb", account.name())),
            poll_interval: POLL,
            finality: Finality::Depth(1),
            sender: SENDER,
        }
    }

    pub(crate) async fn relayer(&self, name: &str) -> Running {
        run(self.relayer_config(name)).await
    }

    /// Puts one more record into the log and returns its size then.
    pub(crate) async fn record(&mut self) -> u64 {
        self.probe.announce().await.unwrap().1
    }

    pub(crate) async fn anchored(&self, size: u64) {
        self.probe.anchored(size).await.unwrap();
    }

    /// Blocks of all checkpoints anchored so far, in order.
    pub(crate) async fn anchored_blocks(&self) -> Vec<u64> {
        let anchorings = self.probe.anchorings().await.unwrap();
        anchorings.iter().map(|anchoring| anchoring.blockNumber).collect()
    }

    /// Transactions that an account has in mainnet's blocks.
    pub(crate) async fn sent(&self, name: &str) -> u64 {
        self.probe.sent(DevAccount::new(name).address()).await.unwrap()
    }
}

pub(crate) async fn run(config: Config) -> Running {
    let relayer = Relayer::bind(config).await.unwrap();
    let status = relayer.status();
    Running { task: tokio::spawn(relayer.run(std::future::pending())), status }
}
