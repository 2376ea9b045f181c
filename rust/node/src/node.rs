//! A node as a whole: opens everything, runs until it is told to end.

use crate::batcher::Driver;
use crate::core::{ChainInput, Ended, Opening, Running};
use crate::follow::{Certifier, Feed, Shares, anchors, blocks, certificates};
use crate::gossip;
use crate::http::Api;
use crate::metrics::show;
use crate::search::Catalogue;
use crate::store::types::Checkpointed;
use crate::store::{DiskStore, NodeStore, NodeStoreError};
use crate::{Config, Metrics, NodeError, Shared};
use alloy_primitives::B256;
use fallow_chain::{AnchorReader, BlockRef, ChainError, Class, Client, Fetcher, check_network};
use fallow_ledger::Recoverer;
use fallow_node_client::NodeClient;
use fallow_protocol::NetworkFile;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A chain that could not be compared is looked at again after this time, or the poll interval.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Static files that could not be written are tried again after this time.
const PUBLISH_AGAIN: Duration = Duration::from_secs(5);
/// The disk is measured so often: it means to look at every file.
const WEIGH_AGAIN: Duration = Duration::from_secs(60);

/// A node that listens.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    listener: TcpListener,
    shared: Arc<Shared>,
    store: Arc<DiskStore>,
    chains: Chains,
    anchors: AnchorReader,
    core: Running,
    api: Api,
    driver: Driver,
    peers: Vec<NodeClient>,
}

/// The chains' nodes.
#[derive(Clone, Debug)]
struct Chains {
    sidechain: Client,
    mainnet: Client,
}

impl Node {
    /// Opens the store, looks at the chains, listens. A chain that is away is looked for later.
    ///
    /// # Errors
    /// When anything of that cannot be had, or does not fit together.
    pub async fn bind(config: Config) -> Result<Self, NodeError> {
        config.daemon.validate()?;
        let daemon = &config.daemon;
        let chains = Chains {
            sidechain: Client::new(&daemon.sidechain_url, daemon.limits)?,
            mainnet: Client::new(&config.mainnet_url, daemon.limits)?,
        };
        let account = daemon.account_key.address();
        let store = DiskStore::open(&config.dir, &daemon.network, account, config.cache_bytes)?;
        let store = Arc::new(store);
        chains.look(&config, &*store).await?;
        let chain_id = daemon.network.network.sidechain.chain_id;
        let driver = Driver::new(chains.sidechain.clone(), &daemon.account_key, chain_id)?;
        let peers = gossip::clients(&config.peers)?;
        let failed = |error| NodeError::Listen { address: config.listen, error };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        store.publish_network(&config.daemon.set)?;
        let (core, shared) = open_core(config, Arc::<DiskStore>::clone(&store))?;
        let anchors = anchor_reader(&shared, chains.mainnet.clone())?;
        let api = Api::open(Arc::clone(&shared))?;
        Ok(Self { address, listener, shared, store, chains, anchors, core, api, driver, peers })
    }

    /// Where the API listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What readers have at hand.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Serves until `shutdown` completes, then ends in order: nothing new is taken, what was taken
    /// is committed and answered.
    ///
    /// # Errors
    /// When the core, or something else that a node cannot be without, ended by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        let Self { listener, shared, store, chains, anchors, core, api, driver, peers, .. } = self;
        let Running { recoverer, head, effects, reports, shutdown: end, mut ended, thread, .. } =
            core;
        let (close, closed) = watch::channel(());
        let mut api = tokio::spawn(api.serve(listener, until(closed)));
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run(effects, move |input| {
            if reports.send(input).is_err() {
                tracing::debug!("the core has ended");
            }
        }));
        let followed = Followed { shared: Arc::clone(&shared), chains, recoverer };
        followed.spawn(head.map(|head| (head.block, head.size)), anchors, &mut tasks);
        tasks.spawn(publish(Arc::clone(&shared), Arc::clone(&store)));
        tasks.spawn(gossip::exchange(Arc::clone(&shared), peers));
        tasks.spawn(weigh(shared));
        let mut served = None;
        let broken = tokio::select! {
            () = shutdown => None,
            _ = &mut ended => Some("core"),
            ended = &mut api => {
                served = Some(ended);
                Some("API")
            }
            () = failed(&mut tasks) => Some("task"),
        };
        match broken {
            None => tracing::info!("ending"),
            Some(what) => tracing::error!(what, "ended unexpectedly: so does the node"),
        }
        // Whoever has asked is answered before the core ends, and the core before its tasks.
        drop(close);
        let served = match served {
            Some(served) => served,
            None => api.await,
        };
        drop(end);
        let joined = tokio::task::spawn_blocking(|| thread.join()).await;
        tasks.shutdown().await;
        match (joined, served) {
            (Ok(Ok(Ended::Told)), Ok(())) => {
                broken.map_or(Ok(()), |what| Err(NodeError::Ended(what)))
            }
            (Ok(Ok(_)), Err(_)) => Err(NodeError::Ended("API")),
            _ => Err(NodeError::Ended("core")),
        }
    }
}

/// Opens the core and what goes with it.
fn open_core(
    config: Config,
    store: Arc<dyn NodeStore>,
) -> Result<(Running, Arc<Shared>), NodeError> {
    let (metrics, catalogue) = (Arc::new(Metrics::default()), Arc::new(Catalogue::default()));
    let opening = Opening {
        config: &config,
        store: Arc::clone(&store),
        metrics: Arc::clone(&metrics),
        catalogue: Arc::clone(&catalogue),
    };
    let core = opening.open(&Handle::current())?;
    let shared = Shared {
        core: core.handle.clone(),
        store,
        network: config.daemon.network.clone(),
        set: config.daemon.set.clone(),
        domain: config.daemon.network.domain(),
        config,
        metrics,
        catalogue,
        shares: Shares::default(),
    };
    Ok((core, Arc::new(shared)))
}

/// Completes when a task fails. One that has nothing more to do may end: the core has been told why,
/// or needs no telling.
async fn failed(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            return tracing::error!(%error, "a task of the node failed");
        }
    }
    std::future::pending().await
}

/// Completes when the other end is dropped.
async fn until(mut closed: watch::Receiver<()>) {
    while closed.changed().await.is_ok() {}
}

impl Chains {
    /// Compares both chains with the network file, and the sidechain with the store. What is away is
    /// compared later.
    async fn look(&self, config: &Config, store: &dyn NodeStore) -> Result<(), NodeError> {
        let network = &config.daemon.network;
        let looked = check_network(network, &self.sidechain, Some(&self.mainnet)).await;
        later(looked)?;
        if let Some(head) = store.head()? {
            let want = head.block.hash;
            later(self.has_block(head.block.number, want).await)?;
        }
        Ok(())
    }

    async fn has_block(&self, number: u64, want: B256) -> Result<(), ChainError> {
        match self.sidechain.block(number).await?.hash {
            got if got == want => Ok(()),
            got => Err(ChainError::Reorganised { number, got, want }),
        }
    }
}

/// Passes on what does not go over by itself.
fn later(looked: Result<(), ChainError>) -> Result<(), ChainError> {
    match looked {
        Err(error) if error.class() == Class::Retry => {
            tracing::warn!(%error, "a chain is away: it is looked for again");
            Ok(())
        }
        looked => looked,
    }
}

/// The chains, and whom their news are for.
struct Followed {
    shared: Arc<Shared>,
    chains: Chains,
    recoverer: Recoverer,
}

impl Followed {
    /// Starts the tasks that watch the chains, from where the store is.
    fn spawn(
        self,
        head: Option<(BlockRef, u64)>,
        anchorings: AnchorReader,
        tasks: &mut JoinSet<()>,
    ) {
        let Self { shared, chains: Chains { sidechain, mainnet }, recoverer } = self;
        let daemon = &shared.config.daemon;
        let (network, domain) = (shared.network.clone(), shared.domain);
        let feed = Feed { to_core: shared.core.chain.clone(), poll: daemon.poll_interval };
        let mut fetcher = Fetcher::new(&network, sidechain.clone(), daemon.finality);
        if let Some((block, size)) = head {
            fetcher = fetcher.resume(block, size);
        }
        let store = Arc::clone(&shared.store);
        let (set, shares) = (shared.set.clone(), shared.shares.clone());
        let certifier = Certifier::new(&network, set, sidechain.clone(), store, shares);
        let watched = Watched { network, sidechain, feed: feed.clone() };
        let (of_blocks, of_shares, of_anchors) = (watched.clone(), watched.clone(), watched);
        let (blocks_feed, shares_feed) = (feed.clone(), feed.clone());
        tasks.spawn(async move {
            if of_blocks.fits(None).await {
                blocks(fetcher, domain, recoverer, blocks_feed).await;
            }
        });
        tasks.spawn(async move {
            if of_shares.fits(None).await {
                certificates(certifier, shares_feed).await;
            }
        });
        tasks.spawn(async move {
            if of_anchors.fits(Some(&mainnet)).await {
                anchors(anchorings, feed).await;
            }
        });
    }
}

fn anchor_reader(shared: &Shared, mainnet: Client) -> Result<AnchorReader, NodeStoreError> {
    let reader = AnchorReader::new(&shared.network, mainnet);
    let head = shared.store.mainnet_head()?;
    Ok(match head {
        Some(head) => reader.resume(head),
        None => reader,
    })
}

/// What a chain is compared with before it is followed.
#[derive(Clone, Debug)]
struct Watched {
    network: NetworkFile,
    sidechain: Client,
    feed: Feed,
}

impl Watched {
    /// Waits until a chain that is away can be compared with the network file. If it is another
    /// chain, the core stops.
    async fn fits(&self, mainnet: Option<&Client>) -> bool {
        loop {
            let error = match check_network(&self.network, &self.sidechain, mainnet).await {
                Ok(()) => return true,
                Err(error) => error,
            };
            let is_over = error.class() == Class::Fatal;
            let why = error.to_string();
            let input = if is_over { ChainInput::Stopped(why) } else { ChainInput::Away(why) };
            // Mainnet may be away: what it says is about levels only.
            let is_told = is_over || mainnet.is_none();
            if (is_told && self.feed.to_core.send(input).await.is_err()) || is_over {
                return false;
            }
            tokio::time::sleep(self.feed.poll.max(LOOK_AGAIN)).await;
        }
    }
}

/// Writes the static files of the newest certified checkpoint, one after the other.
async fn publish(shared: Arc<Shared>, store: Arc<DiskStore>) {
    let (mut views, mut done) = (shared.core.views(), None);
    loop {
        // What is certified while files are written is seen by the wait below.
        let size = views.borrow_and_update().certified_size;
        let store = Arc::clone(&store);
        let written = tokio::task::spawn_blocking(move || publish_newest(&store, done)).await;
        let is_written = match written {
            Ok(Ok(block)) => {
                done = block;
                true
            }
            Ok(Err(error)) => not_published(&error),
            Err(error) => not_published(&error),
        };
        let news = views.wait_for(|view| view.certified_size != size);
        let wait = if is_written { Duration::MAX } else { PUBLISH_AGAIN };
        if let Ok(Err(_)) = tokio::time::timeout(wait, news).await {
            return;
        }
    }
}

fn not_published(error: &dyn std::fmt::Display) -> bool {
    tracing::error!(%error, "static files are not up to date");
    false
}

/// Writes the files of the newest certified checkpoint if it is not that of the block `done`. Answers
/// its block.
fn publish_newest(store: &DiskStore, done: Option<u64>) -> Result<Option<u64>, NodeStoreError> {
    let newest = store.checkpoints(None, 1, true)?;
    let Some(Checkpointed { checkpoint, certificate: Some(certificate) }) = newest.first() else {
        return Ok(done);
    };
    let block = Some(checkpoint.block_number);
    if block != done {
        store.publish(checkpoint, certificate)?;
    }
    Ok(block)
}

/// Tells how much is on the disk, now and then.
async fn weigh(shared: Arc<Shared>) {
    let mut again = tokio::time::interval(WEIGH_AGAIN);
    loop {
        again.tick().await;
        let dir = shared.config.dir.clone();
        match tokio::task::spawn_blocking(move || weight(&dir)).await {
            Ok(Ok(bytes)) => show(&shared.metrics.store_bytes, bytes),
            Ok(Err(error)) => tracing::warn!(%error, "the store cannot be measured"),
            Err(error) => tracing::warn!(%error, "the store cannot be measured"),
        }
    }
}

/// Bytes of all files in a folder.
fn weight(dir: &Path) -> io::Result<u64> {
    let (mut bytes, mut folders) = (0_u64, vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            // A file may go away while it is looked at.
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes = bytes.saturating_add(metadata.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn no_task_fails_without_being_noticed() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        tokio::task::yield_now().await;
        assert_eq!(failed(&mut tasks).now_or_never(), None, "it had nothing more to do");
        tasks.spawn(async { panic!("a task of a test") });
        let noticed = tokio::time::timeout(Duration::from_secs(60), failed(&mut tasks)).await;
        assert_eq!(noticed, Ok(()));
    }
}
