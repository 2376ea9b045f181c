//! A network on this machine to put load on: two chains and, as processes of their own, a node and
//! validators.
//!
//! A measuring program calls [`play_role`] first: started again by [`Rig`] with a role as its
//! argument, it is that daemon. So what is measured is the same build, and no keys lie in files.

use crate::connection::Connection;
use crate::workload::Workload;
use fallow_chain::{DaemonConfig, Finality, Limits, SenderConfig};
use fallow_devnet::{DevAccount, DevValidator, Devnet, DevnetOptions, ManagedProcess, ProcessSpec};
use fallow_node::{Config, HttpLimits, Node};
use fallow_node_client::types::StatusAnswer;
use fallow_protocol::{NetworkFile, Set, read_json};
use fallow_validator::Validator;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// What goes wrong is told to whoever measures.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ROLE: &str = "FALLOW_LOAD_ROLE";
const FOLDER: &str = "FALLOW_LOAD_FOLDER";
const SIDECHAIN: &str = "FALLOW_LOAD_SIDECHAIN";
const MAINNET: &str = "FALLOW_LOAD_MAINNET";
const PORT: &str = "FALLOW_LOAD_PORT";
const CACHE: &str = "FALLOW_LOAD_CACHE";

/// Name of the node's account.
const NODE: &str = "node";
const POLL: Duration = Duration::from_millis(50);
/// A cold store of a million records needs a while.
const READY_LOOKS: usize = 12_000;
const READY_POLL: Duration = Duration::from_millis(50);

/// A running network.
#[derive(Debug)]
pub struct Rig {
    /// Chains, contracts, keys.
    pub devnet: Devnet,
    /// Where everything is.
    pub folder: PathBuf,
    /// The node, while it runs.
    pub node: Option<ManagedProcess>,
    /// The node's API.
    pub api: SocketAddr,
    validators: Vec<ManagedProcess>,
}

impl Rig {
    /// Starts chains and contracts; no daemon yet.
    ///
    /// # Errors
    /// When a chain does not run.
    pub async fn start(folder: &Path, mut options: DevnetOptions) -> Outcome<Self> {
        options.funded.push(DevAccount::new(NODE).address());
        let devnet = Devnet::start(&options).await?;
        // Whoever takes the port in between makes the node fail loudly.
        let api = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder = folder.to_owned();
        Ok(Self { devnet, folder, node: None, api, validators: Vec::new() })
    }

    /// Starts the node and waits until it is ready. Returns how long that took.
    ///
    /// # Errors
    /// When it ends or is not ready in time.
    pub async fn start_node(&mut self) -> Outcome<Duration> {
        let begin = std::time::Instant::now();
        let mut node = self.spawn(NODE)?;
        for _ in 0..READY_LOOKS {
            node.require_running()?;
            if let Ok(mut connection) = Connection::open(self.api).await
                && connection.get("/ready").await.is_ok_and(|answer| answer.status == 200)
            {
                self.node = Some(node);
                return Ok(begin.elapsed());
            }
            sleep(READY_POLL).await;
        }
        Err("the node is not ready in time".into())
    }

    /// Starts all validators of the set.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start_validators(&mut self) -> Outcome<()> {
        for number in 1..=self.devnet.validators.len() {
            let validator = self.spawn(&format!("validator-{number}"))?;
            self.validators.push(validator);
        }
        Ok(())
    }

    /// Has all announcements recorded through the node, as the first records of the log. Returns the
    /// log's size.
    ///
    /// # Errors
    /// When the node does not take them.
    pub async fn announce(&self, workload: &Workload) -> Outcome<u64> {
        let files = workload.announcements();
        let mut connection = Connection::open(self.api).await?;
        let answer = connection.post("/v1/announcements", &serde_json::to_vec(&files)?).await?;
        if answer.status != 200 {
            return Err(String::from_utf8_lossy(&answer.body).into_owned().into());
        }
        // After the genesis record.
        let size = u64::try_from(files.len())?.saturating_add(1);
        self.wait_for_size(size).await?;
        Ok(size)
    }

    /// What the node says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self, connection: &mut Connection) -> Outcome<StatusAnswer> {
        let answer = connection.get("/v1/status").await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Waits until the node has so many records.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn wait_for_size(&self, size: u64) -> Outcome<StatusAnswer> {
        let mut connection = Connection::open(self.api).await?;
        loop {
            let status = self.status(&mut connection).await?;
            if status.size >= size {
                return Ok(status);
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn spawn(&self, role: &str) -> Outcome<ManagedProcess> {
        let program = std::env::current_exe()?;
        let spec = ProcessSpec::new(role, &program, &self.devnet.log_dir())
            .env(ROLE, role)
            .env(FOLDER, &self.folder)
            .env(SIDECHAIN, self.devnet.sidechain.url())
            .env(MAINNET, self.devnet.mainnet.url())
            .env(PORT, self.api.port().to_string());
        Ok(ManagedProcess::spawn(&spec)?)
    }
}

/// The address behind a URL such as `http://127.0.0.1:8545`.
///
/// # Errors
/// When there is none.
pub fn address_of(url: &str) -> Outcome<SocketAddr> {
    Ok(url.trim_start_matches("http://").trim_end_matches('/').parse()?)
}

/// Plays a daemon if this process was started as one; answers whether it did.
///
/// # Errors
/// Those of the daemon.
pub async fn play_role() -> Outcome<bool> {
    let Ok(role) = std::env::var(ROLE) else {
        return Ok(false);
    };
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(io::stderr).init();
    let folder = PathBuf::from(std::env::var(FOLDER)?);
    if role == NODE {
        let mut config = Config::new(
            daemon(&folder, DevAccount::new(NODE), "node.redb")?,
            std::env::var(MAINNET)?,
            SocketAddr::from(([127, 0, 0, 1], std::env::var(PORT)?.parse()?)),
            folder.join("node"),
        );
        // The generator is one address and many keys.
        config.limits =
            HttpLimits { per_address: u32::MAX, per_key: u32::MAX, ..HttpLimits::default() };
        if let Ok(bytes) = std::env::var(CACHE) {
            config.cache_bytes = bytes.parse()?;
        }
        Node::bind(config).await?.run(std::future::pending()).await?;
        return Ok(true);
    }
    let number = role.rsplit('-').next().unwrap_or_default().parse()?;
    let validator = DevValidator::new(number);
    let store = format!("{role}.redb");
    let daemon = daemon(&folder, validator.account, &store)?;
    let config = fallow_validator::Config { daemon, bls_key: validator.key };
    Validator::bind(config).await?.run(std::future::pending()).await?;
    Ok(true)
}

fn daemon(folder: &Path, account: DevAccount, store: &str) -> Outcome<DaemonConfig> {
    let network: NetworkFile = read_json(&std::fs::read(folder.join("network.json"))?)?;
    let set = Set::decode(&std::fs::read(folder.join(network.set_file_name()))?)?;
    Ok(DaemonConfig {
        network,
        set,
        account_key: account.key().clone(),
        sidechain_url: std::env::var(SIDECHAIN)?,
        limits: Limits::default(),
        store: folder.join(store),
        poll_interval: POLL,
        finality: Finality::Latest,
        sender: SenderConfig { confirmations: 0, ..SenderConfig::default() },
    })
}
