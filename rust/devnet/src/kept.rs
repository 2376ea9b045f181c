//! A chain that is kept: an anvil that makes blocks only when it is told to, and a journal that
//! has every block in it. Anvil's own state file would be rewritten whole every second, without
//! the states of older blocks, which whoever re-executes the chain asks for.

use crate::journal::{Beginning, BlockLine, Journal};
use crate::pace::Head;
use crate::poll::poll_now;
use crate::replay::{block_line, replay};
use crate::{Anvil, AnvilOptions, DevnetError, Pace};
use alloy_primitives::Address;
use serde_json::json;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A port that an earlier process had is free as soon as the system has ended that process.
const PORT_PATIENCE: Duration = Duration::from_secs(5);
const PORT_POLL: Duration = Duration::from_millis(20);

/// States of old blocks that anvil keeps for calls: more than a network for trying out ever has.
const STATES: &str = "1000000";

/// Blocks at full pace after a resume. What waited in the pool is gone, and whoever sent it sends it
/// again when it was in none of ten blocks.
const AWAKE: u64 = 15;

/// How to run a kept chain.
#[derive(Clone, Debug)]
pub struct KeptOptions {
    /// The chain; its block time does not count.
    pub anvil: AnvilOptions,
    /// When it has blocks.
    pub pace: Pace,
    /// Whether the state after every block stays at hand, or only that of the last ones: some 200
    /// to 300 kB of disk for each.
    pub old_states: bool,
    /// Accounts that have coins from the beginning; what an existing chain has stays.
    pub funded: Vec<Address>,
    /// Folder of its journal.
    pub dir: PathBuf,
    /// Folder of its log.
    pub log_dir: PathBuf,
}

impl KeptOptions {
    fn journal(&self) -> PathBuf {
        self.dir.join(format!("{}.journal", self.anvil.name))
    }

    fn cache(&self) -> PathBuf {
        self.dir.join(format!("{}.states", self.anvil.name))
    }

    /// Whether there is a chain to resume.
    pub(crate) fn exists(&self) -> bool {
        self.journal().exists()
    }
}

/// A running kept chain. Blocks come when [`KeptChain::tick`] makes them.
#[derive(Debug)]
pub(crate) struct KeptChain {
    anvil: Anvil,
    journal: Journal,
    pace: Pace,
    head: Head,
}

impl KeptChain {
    /// Starts the chain and executes what its journal has, telling how far it is; without a
    /// journal, a new chain begins.
    pub(crate) async fn open(
        options: &KeptOptions,
        progress: impl Fn(u64, u64),
    ) -> Result<Self, DevnetError> {
        let path = options.journal();
        let (journal, beginning, blocks) = if options.exists() {
            Journal::resume(&path)?
        } else {
            std::fs::create_dir_all(&options.dir).map_err(DevnetError::io(&options.dir))?;
            let beginning = Beginning::new(options.anvil.chain_id, now()?, options.funded.clone());
            (Journal::begin(&path, &beginning)?, beginning, Vec::new())
        };
        let anvil = start(options, &beginning).await?;
        anvil.fund(&beginning.funded).await?;
        let total = u64::try_from(blocks.len()).unwrap_or(u64::MAX);
        replay(&anvil, beginning.time, &blocks, |done| progress(done, total)).await?;
        let head = match blocks.last() {
            None => Head { number: 0, time: beginning.time, busy: 0 },
            Some(last) => {
                let busy = last.number.saturating_add(AWAKE);
                Head { number: last.number, time: last.time, busy }
            }
        };
        Ok(Self { anvil, journal, pace: options.pace, head })
    }

    pub(crate) const fn anvil(&self) -> &Anvil {
        &self.anvil
    }

    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    /// Fails if the chain's process has ended.
    pub(crate) fn require_running(&mut self) -> Result<(), DevnetError> {
        self.anvil.require_running()
    }

    /// Makes the block that is due, if one is, and writes it down.
    pub(crate) async fn tick(&mut self) -> Result<bool, DevnetError> {
        let has_pending = has_pending(&self.anvil).await?;
        let Some(time) = self.pace.due(&self.head, now()?, has_pending) else {
            return Ok(false);
        };
        self.anvil.call("evm_mine", json!([{ "timestamp": time }])).await?;
        let block = block_line(&self.anvil, self.head.number.saturating_add(1)).await?;
        self.journal.append(&block)?;
        self.head = after(&self.head, &block);
        Ok(true)
    }
}

const fn after(head: &Head, block: &BlockLine) -> Head {
    let busy = if block.transactions.is_empty() || head.busy > block.number {
        head.busy
    } else {
        block.number
    };
    Head { number: block.number, time: block.time, busy }
}

async fn start(options: &KeptOptions, beginning: &Beginning) -> Result<Anvil, DevnetError> {
    // States are made anew from the journal; what a killed process left is of no use.
    let cache = options.cache();
    if cache.exists() {
        std::fs::remove_dir_all(&cache).map_err(DevnetError::io(&cache))?;
    }
    let mut anvil = options.anvil.clone();
    anvil.chain_id = beginning.chain_id;
    anvil.block_time = Duration::ZERO;
    let further = [
        // The order of the journal is the order of the block.
        "--order".to_owned(),
        "fifo".to_owned(),
        "--timestamp".to_owned(),
        beginning.time.to_string(),
        "--cache-path".to_owned(),
        cache.display().to_string(),
        "--max-persisted-states".to_owned(),
        if options.old_states { STATES } else { "0" }.to_owned(),
    ];
    anvil.further.extend(further);
    if let Some(port) = anvil.port {
        wait_for_port(port).await?;
    }
    Anvil::start(&anvil, &options.log_dir).await
}

async fn wait_for_port(port: u16) -> Result<(), DevnetError> {
    let what = format!("port {port} is free");
    poll_now(&what, PORT_PATIENCE, PORT_POLL, || Ok(TcpListener::bind(("127.0.0.1", port)).ok()))
        .await
        .map_err(|_| DevnetError::PortTaken(port))
        .map(drop)
}

async fn has_pending(anvil: &Anvil) -> Result<bool, DevnetError> {
    let status = anvil.call("txpool_status", json!([])).await?;
    Ok(status["pending"].as_str().is_some_and(|pending| pending != "0x0"))
}

/// Unix seconds: blocks of a chain that runs carry the time of day.
#[allow(clippy::disallowed_methods, reason = "a chain's clock is the machine's")]
fn now() -> Result<u64, DevnetError> {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    passed.map(|passed| passed.as_secs()).map_err(|_| DevnetError::Clock)
}

/// Removes the chain of `options`, journal and all.
pub(crate) fn remove(path: &Path) -> Result<(), DevnetError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DevnetError::io(path)(error))
        }
        _ => Ok(()),
    }
}
