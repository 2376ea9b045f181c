//! How the core starts: from what is stored, without re-execution.

use crate::batcher::{Effect, Flights, FlightsConfig, Input};
use crate::core::View;
use crate::core::actor::{Ended, Inbox, run};
use crate::core::clock::Clock;
use crate::core::handle::CoreHandle;
use crate::core::health::Health;
use crate::core::pace::Pace;
use crate::core::pending::Pendings;
use crate::core::prepare::Desk;
use crate::core::staging::Staging;
use crate::core::state::{Arrivals, Core, Outlets, Settings};
use crate::core::travelling::Travelling;
use crate::metrics::Metrics;
use crate::search::Catalogue;
use crate::store::types::Head;
use crate::store::{NodeStore, NodeStoreError};
use crate::{Config, NodeError};
use alloy_primitives::B256;
use fallow_chain::{BlockRef, Replay};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Recoverer};
use fallow_protocol::{Body, NetworkFile, Record};
use std::collections::{HashSet, VecDeque};
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Submissions that wait: as many as there are connections.
const COMMANDS: usize = 1_024;
/// Ranges of blocks that wait: each may be large.
const CHAIN: usize = 4;
/// Events that a slow listener may be behind.
const EVENTS: usize = 1_024;
/// Signatures that are remembered, about 200 bytes each: of all that may be promised, and more.
const SIGNATURES: NonZeroUsize = NonZeroUsize::new(1 << 17).expect("not zero");
/// Rows that are read at a time.
const PAGE: usize = 1_024;

/// What the core is made from.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) config: &'a Config,
    pub(crate) store: Arc<dyn NodeStore>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// A core that runs, and its ends.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) handle: CoreHandle,
    /// What the core's ledger remembers signatures in.
    pub(crate) recoverer: Recoverer,
    /// Where the re-execution goes on.
    pub(crate) head: Option<Head>,
    /// For the driver.
    pub(crate) effects: mpsc::UnboundedReceiver<Effect>,
    /// From the driver.
    pub(crate) reports: mpsc::UnboundedSender<Input>,
    /// Ends the core; so does dropping it.
    pub(crate) shutdown: oneshot::Sender<()>,
    /// Completes when the core has ended.
    pub(crate) ended: oneshot::Receiver<()>,
    pub(crate) thread: JoinHandle<Ended>,
}

/// What the core starts with.
struct Start {
    replay: Replay<Staging>,
    view: View,
    recoverer: Recoverer,
    outlets: Outlets,
}

impl Opening<'_> {
    /// Reads what is stored and starts the core's thread.
    pub(crate) fn open(self, runtime: &Handle) -> Result<Running, NodeError> {
        let recoverer = Recoverer::remembering(SIGNATURES);
        let replay = self.replay(recoverer.clone())?;
        let view = view_of(&replay);
        self.fill_catalogue()?;
        let (commands, commands_in) = mpsc::channel(COMMANDS);
        let (chain, chain_in) = mpsc::channel(CHAIN);
        let (reports, flights_in) = mpsc::unbounded_channel();
        let (shutdown, shutdown_in) = oneshot::channel();
        let (effects_out, effects) = mpsc::unbounded_channel();
        let (view_out, view_in) = watch::channel(Arc::new(view.clone()));
        let (events, _) = broadcast::channel(EVENTS);
        let inbox = Inbox {
            commands: commands_in,
            chain: chain_in,
            flights: flights_in,
            shutdown: shutdown_in,
        };
        let outlets = Outlets {
            view: view_out,
            events: events.clone(),
            effects: effects_out,
            metrics: Arc::clone(&self.metrics),
            catalogue: Arc::clone(&self.catalogue),
        };
        let domain = self.config.daemon.network.domain();
        let store = Arc::clone(&self.store);
        let desk = Arc::new(Desk { store, recoverer: recoverer.clone(), domain });
        let catalogue = Arc::clone(&self.catalogue);
        let handle = CoreHandle { commands, chain, view: view_in, events, desk, catalogue };
        let head = self.store.head()?;
        let core = self.core(Start { replay, view, recoverer: recoverer.clone(), outlets })?;
        let (thread, ended) = spawn((core, inbox), runtime.clone()).map_err(NodeError::Thread)?;
        Ok(Running { handle, recoverer, head, effects, reports, shutdown, ended, thread })
    }

    fn core(self, start: Start) -> Result<Core, NodeStoreError> {
        let Start { replay, view, recoverer, outlets } = start;
        let config = self.config;
        let (network, key) = (&config.daemon.network, config.daemon.account_key.clone());
        let pendings = Pendings::resume(self.store.pending()?);
        let flights = self.store.flights()?;
        let travelling = self.travelling()?;
        let flown = flights.iter().flat_map(|flight| flight.arrivals.iter().copied()).max();
        // Numbers that were given before are in the past, also those of messages that are gone.
        let clock = Clock;
        let message = [Some(clock.micros()), flown, pendings.last()];
        // Peers go on after the last number that they were told.
        let announcement = travelling.1.max(clock.micros());
        let waits = |arrival| pendings.get(arrival).is_some();
        let flights = Flights::resume(FlightsConfig::new(key.address()), flights, waits);
        let mainnet_read = self.store.mainnet_head()?.map_or(0, |head| head.number);
        let core = Core {
            settings: Settings {
                domain: network.domain(),
                key,
                promise_seconds: config.promise_seconds,
                open_promises: config.open_promises,
                flush: config.flush,
                challenge_period: network.network.parameters.challenge_period,
            },
            recoverer,
            replay,
            ahead: None,
            pendings,
            flights,
            travelling: travelling.0,
            arrivals: Arrivals {
                message: message.into_iter().flatten().max().unwrap_or(0),
                announcement,
            },
            blocks: VecDeque::new(),
            head: self.store.head()?,
            work: VecDeque::new(),
            retry_at: None,
            flush_at: None,
            unflushed: 0,
            mainnet_read,
            health: Health::new(),
            pace: Pace::default(),
            view,
            outlets,
            clock,
            store: self.store,
        };
        Ok(core)
    }

    fn replay(&self, recoverer: Recoverer) -> Result<Replay<Staging>, NodeStoreError> {
        let network = &self.config.daemon.network;
        let staging = Staging::new(Arc::clone(&self.store));
        let Some(head) = self.store.head()? else {
            return Ok(Replay::with_archive(network, staging).with_recoverer(recoverer));
        };
        let ledger = self.ledger(network)?;
        let replay = Replay::resume(network, ledger, head.block, head.candidate, staging);
        Ok(replay.with_recoverer(recoverer))
    }

    fn ledger(&self, network: &NetworkFile) -> Result<Ledger, NodeStoreError> {
        let config = LedgerConfig {
            network_id: network.network_id,
            registry: network.network.sidechain.registry,
            writers: network.network.parameters.writers.clone(),
            parent: self.parent()?,
        };
        let ledger = self.store.ledger(config)?;
        ledger.ok_or_else(|| corrupt("there is a head, but no ledger"))
    }

    /// What the first record says that the network continues.
    fn parent(&self) -> Result<GenesisParent, NodeStoreError> {
        let genesis = self.store.log_entry(0)?.ok_or_else(|| corrupt("there is no record 0"))?;
        let record = Record::decode(&genesis.record);
        match record.map(|record| record.body) {
            Ok(Body::Genesis(body)) => Ok(GenesisParent {
                network: body.parent_network,
                checkpoint: body.parent_checkpoint,
                size: body.parent_size,
            }),
            _ => Err(corrupt("record 0 starts no log")),
        }
    }

    /// Announcements that travel, and the last number that one of them has.
    fn travelling(&self) -> Result<(Travelling, u64), NodeStoreError> {
        let (mut all, mut last) = (Vec::new(), 0);
        loop {
            let page = self.store.gossip(last, PAGE)?;
            let Some(newest) = page.last() else {
                return Ok((Travelling::resume(&all), last));
            };
            last = newest.arrival;
            all.extend(page);
        }
    }

    fn fill_catalogue(&self) -> Result<(), NodeStoreError> {
        let (mut after, mut described) = (None, HashSet::new());
        loop {
            let page = self.store.resource_rows(after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.index);
            for row in page {
                let offer = row.announcement.offer;
                if described.insert(offer)
                    && let Some(document) = self.store.offer(offer)?
                {
                    self.catalogue.describe(offer, &document);
                }
                self.catalogue.add(row);
            }
        }
    }
}

fn corrupt(what: &str) -> NodeStoreError {
    NodeStoreError::Corrupt(what.to_owned())
}

fn view_of(replay: &Replay<Staging>) -> View {
    let nothing = BlockRef { number: 0, hash: B256::ZERO, parent: B256::ZERO, time: 0 };
    let block = replay.head().copied().unwrap_or(nothing);
    View {
        block,
        latest: block.number,
        size: replay.size(),
        root: replay.root(),
        certified_size: 0,
        anchored_size: 0,
        settled_size: 0,
        mainnet: None,
        open_promises: 0,
        not_ready: Health::new().not_ready(),
    }
}

/// The thread ends with the process at the latest; it is told to by `shutdown`.
fn spawn(
    (core, inbox): (Core, Inbox),
    runtime: Handle,
) -> io::Result<(JoinHandle<Ended>, oneshot::Receiver<()>)> {
    let (done, ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("core".to_owned()).spawn(move || {
        let ended = run(core, inbox, &runtime);
        drop(done);
        ended
    })?;
    Ok((thread, ended))
}
