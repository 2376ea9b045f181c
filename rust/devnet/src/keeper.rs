//! The task behind a kept chain: the only one that makes its blocks. A chain whose process died
//! is started again from its journal, at the same port.

use crate::kept::KeptChain;
use crate::{DevnetError, KeptOptions};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the pool is looked at: what it adds to the time of a transaction's block.
const TICK: Duration = Duration::from_millis(50);
/// Time before a chain that died is started again, doubled with each attempt.
const BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// What a kept chain is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainPhase {
    /// It executes its journal.
    Resuming {
        /// Blocks done.
        done: u64,
        /// Blocks in all.
        of: u64,
    },
    /// It makes blocks.
    Running,
    /// It died or cannot start, and is started again later.
    Down {
        /// Why.
        why: String,
    },
}

/// A kept chain as its keeper sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainState {
    /// What it is doing.
    pub phase: ChainPhase,
    /// Its last block.
    pub block: u64,
    /// The last block's time, unix seconds.
    pub time: u64,
    /// Id of its process.
    pub process: u32,
    /// How often it was started again.
    pub restarts: u32,
}

/// A kept chain that runs. Dropping it ends the chain; its journal stays.
#[derive(Debug)]
pub struct Keeper {
    name: String,
    url: String,
    chain_id: u64,
    state: watch::Receiver<ChainState>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Starts a chain, from its journal if there is one.
    ///
    /// # Errors
    /// When anvil is missing or does not run, the port is taken, or the journal is damaged.
    pub async fn start(options: &KeptOptions) -> Result<Self, DevnetError> {
        let first = ChainState {
            phase: ChainPhase::Resuming { done: 0, of: 0 },
            block: 0,
            time: 0,
            process: 0,
            restarts: 0,
        };
        let (sender, state) = watch::channel(first);
        let chain = open(options, &sender).await?;
        let (url, chain_id) = (chain.anvil().url().to_owned(), chain.anvil().chain_id());
        let mut options = options.clone();
        options.anvil.port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        let name = options.anvil.name.clone();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(keep(chain, options, sender, stopped));
        Ok(Self { name, url, chain_id, state, stop, task })
    }

    /// Where it answers, also after it was started again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok())
    }

    /// For messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its EIP-155 id.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> ChainState {
        self.state.borrow().clone()
    }

    /// Ends it between two blocks.
    ///
    /// # Errors
    /// When its task died.
    pub async fn stop(mut self) -> Result<(), DevnetError> {
        self.stop.send_replace(true);
        (&mut self.task).await.map_err(|_| DevnetError::KeeperDied(self.name.clone()))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn open(
    options: &KeptOptions,
    state: &watch::Sender<ChainState>,
) -> Result<KeptChain, DevnetError> {
    let chain = KeptChain::open(options, |done, of| {
        state.send_modify(|state| state.phase = ChainPhase::Resuming { done, of });
    });
    let chain = chain.await?;
    state.send_modify(|state| {
        state.phase = ChainPhase::Running;
        state.process = chain.anvil().process().id();
        (state.block, state.time) = (chain.head().number, chain.head().time);
    });
    Ok(chain)
}

async fn keep(
    chain: KeptChain,
    options: KeptOptions,
    state: watch::Sender<ChainState>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut running = Some(chain);
    let mut backoff = BACKOFF;
    while !*stopped.borrow() {
        let Some(mut chain) = running.take() else {
            state.send_modify(|state| state.restarts = state.restarts.saturating_add(1));
            match open(&options, &state).await {
                Ok(chain) => running = Some(chain),
                Err(error) => {
                    down(&state, &error);
                    rest(backoff, &mut stopped).await;
                    backoff = backoff.saturating_mul(2).min(LONGEST_BACKOFF);
                }
            }
            continue;
        };
        match tick(&mut chain, &state).await {
            Ok(()) => {
                running = Some(chain);
                backoff = BACKOFF;
                rest(TICK, &mut stopped).await;
            }
            Err(error) => {
                down(&state, &error);
                // Whatever it is, starting again from the journal is right.
                drop(chain);
                rest(backoff, &mut stopped).await;
            }
        }
    }
}

async fn tick(chain: &mut KeptChain, state: &watch::Sender<ChainState>) -> Result<(), DevnetError> {
    chain.require_running()?;
    if chain.tick().await? {
        let head = *chain.head();
        state.send_modify(|state| (state.block, state.time) = (head.number, head.time));
    }
    Ok(())
}

fn down(state: &watch::Sender<ChainState>, error: &DevnetError) {
    tracing::warn!(%error, "chain is down, starting it again");
    let why = error.to_string();
    state.send_modify(|state| state.phase = ChainPhase::Down { why });
}

/// Waits, or until the keeper shall stop. A keeper that was dropped needs no waiting.
async fn rest(time: Duration, stopped: &mut watch::Receiver<bool>) {
    if let Ok(Err(_)) = tokio::time::timeout(time, stopped.changed()).await {
        tracing::debug!("nobody holds the keeper any more");
    }
}
