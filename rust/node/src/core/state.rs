//! What the core owns, and how it writes.

use crate::batcher::{Effect, Flights, Input};
use crate::core::clock::Clock;
use crate::core::health::Health;
use crate::core::pace::Pace;
use crate::core::pending::Pendings;
use crate::core::staging::Staging;
use crate::core::travelling::Travelling;
use crate::core::work::{After, BlocksIn, Work};
use crate::core::{NodeEvent, NotReady, View};
use crate::metrics::{Metrics, show};
use crate::search::Catalogue;
use crate::store::types::{Change, Head, ResourceRow};
use crate::store::{NodeStore, NodeStoreError};
use fallow_chain::{BlockEvents, Replay};
use fallow_ledger::{Ahead, Recoverer};
use fallow_protocol::{Domain, ResourceId, SecretKey};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, watch};

/// A commit that failed is tried again after this time.
const RETRY: Duration = Duration::from_millis(500);

/// What does not change.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) key: SecretKey,
    pub(crate) domain: Domain,
    pub(crate) promise_seconds: u64,
    pub(crate) open_promises: usize,
    pub(crate) flush: Duration,
    /// Seconds for which an anchored checkpoint can be challenged.
    pub(crate) challenge_period: u64,
}

/// Where the core's news go.
#[derive(Debug)]
pub(crate) struct Outlets {
    pub(crate) view: watch::Sender<Arc<View>>,
    pub(crate) events: broadcast::Sender<NodeEvent>,
    pub(crate) effects: mpsc::UnboundedSender<Effect>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// The state of the core. One thread has it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn NodeStore>,
    pub(crate) recoverer: Recoverer,
    pub(crate) replay: Replay<Staging>,
    /// The ledger with all that is promised; `None` while it has to be made anew.
    pub(crate) ahead: Option<Ahead>,
    pub(crate) pendings: Pendings,
    pub(crate) flights: Flights,
    pub(crate) travelling: Travelling,
    /// The last arrival numbers that were given, of messages and of announcements that travel.
    pub(crate) arrivals: Arrivals,
    /// Blocks that wait until what came before them is durable.
    pub(crate) blocks: VecDeque<BlockEvents>,
    /// The last head that was to be written.
    pub(crate) head: Option<Head>,
    /// Changes that wait to be durable, oldest first.
    pub(crate) work: VecDeque<Work>,
    pub(crate) retry_at: Option<Instant>,
    /// When to fill transactions with what waits.
    pub(crate) flush_at: Option<Instant>,
    /// Promises since then.
    pub(crate) unflushed: usize,
    /// Mainnet's block up to which anchorings are stored.
    pub(crate) mainnet_read: u64,
    pub(crate) health: Health,
    pub(crate) pace: Pace,
    pub(crate) view: View,
    pub(crate) outlets: Outlets,
    pub(crate) clock: Clock,
}

/// Numbers that only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) message: u64,
    pub(crate) announcement: u64,
}

impl Core {
    /// Why nothing can be taken now.
    pub(crate) fn not_ready(&self) -> Option<NotReady> {
        self.health.not_ready()
    }

    /// Writes a change, and measures that.
    pub(crate) fn commit(&self, change: &Change) -> Result<(), NodeStoreError> {
        let started = Instant::now();
        let done = self.store.commit(change);
        self.outlets.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        if done.is_err() {
            self.outlets.metrics.commit_failures.inc();
        }
        done
    }

    /// Writes a change and does what follows from it, now or, while the disk fails, later.
    pub(crate) fn keep(&mut self, change: Change, after: After) {
        self.work.push_back(Work { change, after });
        self.write();
    }

    /// Writes what waits.
    pub(crate) fn write(&mut self) {
        while let Some(work) = self.work.pop_front() {
            if let Err(error) = self.commit(&work.change) {
                self.work.push_front(work);
                return self.store_failed(&error);
            }
            self.health.set_store(None);
            self.retry_at = None;
            self.follow(work.after);
        }
    }

    /// Notes that the disk failed. Nothing is taken until a write goes well.
    pub(crate) fn store_failed(&mut self, error: &NodeStoreError) {
        self.health.set_store(Some(error.to_string()));
        self.retry_at = Some(after(RETRY));
        if self.work.is_empty() {
            // Only writing shows whether writing works.
            let change = Change { head: self.head.clone(), ..Change::default() };
            self.work.push_back(Work { change, after: After::Nothing });
        }
        self.publish();
    }

    fn follow(&mut self, after: After) {
        match after {
            After::Blocks(blocks) => self.blocks_in(*blocks),
            After::Stored(nonces) => {
                for nonce in nonces {
                    self.fly(Input::Stored { nonce });
                }
            }
            After::GivenUp(arrivals) => self.given_up(&arrivals),
            After::Levels(events) => {
                self.look_at_levels();
                self.tell(events);
            }
            After::Ended(ids, offers) => {
                self.end_travels(&ids);
                offers.into_iter().for_each(|offer| self.outlets.catalogue.forget(offer));
            }
            After::Nothing => {}
        }
    }

    fn blocks_in(&mut self, blocks: BlocksIn) {
        let BlocksIn { block, size, root, recorded, rows, closed, ended, events } = blocks;
        (self.view.block, self.view.size, self.view.root) = (block, size, root);
        self.count_recorded(&recorded);
        let recorded: Vec<_> = recorded.into_iter().map(|(arrival, _)| arrival).collect();
        for arrival in &recorded {
            self.pendings.remove(*arrival);
        }
        for row in rows {
            self.describe(&row);
            self.outlets.catalogue.add(row);
        }
        closed.into_iter().for_each(|id| self.outlets.catalogue.withdraw(id));
        self.end_travels(&ended);
        self.fly(Input::Applied { block: block.number, recorded });
        self.tell(events);
    }

    fn count_recorded(&self, recorded: &[(u64, u64)]) {
        let (metrics, now) = (&self.outlets.metrics, self.clock.seconds());
        for (arrival, time) in recorded {
            let Some(pending) = self.pendings.get(*arrival) else {
                continue;
            };
            let by_time = pending.promise.promise.by_time;
            if *time <= by_time {
                metrics.kept.inc()
            } else {
                metrics.late.inc()
            };
            let waited = now.saturating_add(self.settings.promise_seconds).saturating_sub(by_time);
            metrics.record_seconds.observe(f64::from(u32::try_from(waited).unwrap_or(u32::MAX)));
        }
    }

    /// Gives the catalogue a resource's document, if it is here.
    fn describe(&mut self, row: &ResourceRow) {
        let offer = row.announcement.offer;
        match self.store.offer(offer) {
            Ok(Some(document)) => self.outlets.catalogue.describe(offer, &document),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, %offer, "a resource is listed without its offer"),
        }
    }

    fn given_up(&mut self, arrivals: &[u64]) {
        for arrival in arrivals {
            if let Some(pending) = self.pendings.remove(*arrival) {
                tracing::warn!(id = %pending.id, "a promised message was given up");
                self.outlets.metrics.failed.inc();
            }
        }
    }

    pub(crate) fn end_travels(&mut self, ids: &[ResourceId]) {
        for id in ids {
            self.travelling.remove(*id);
        }
    }

    /// Tells what happened. Nobody may listen.
    pub(crate) fn tell(&self, events: Vec<NodeEvent>) {
        for event in events {
            if self.outlets.events.send(event).is_err() {
                return;
            }
        }
    }

    /// Shows what is committed now.
    pub(crate) fn publish(&mut self) {
        self.view.open_promises = self.pendings.len();
        self.view.not_ready = self.not_ready();
        let view = &self.view;
        self.outlets.view.send_if_modified(|shown| {
            let changed = **shown != *view;
            if changed {
                *shown = Arc::new(view.clone());
            }
            changed
        });
    }

    /// Shows how much there is of everything.
    pub(crate) fn measure(&self) {
        let (metrics, view) = (&self.outlets.metrics, &self.view);
        let in_flight = u64::try_from(self.flights.arrivals().count()).unwrap_or(u64::MAX);
        for (gauge, value) in [
            (&metrics.records, view.size),
            (&metrics.block, view.block.number),
            (&metrics.lag, view.latest.saturating_sub(view.block.number)),
            (&metrics.certified, view.certified_size),
            (&metrics.anchored, view.anchored_size),
            (&metrics.settled, view.settled_size),
            (&metrics.pending, u64::try_from(view.open_promises).unwrap_or(u64::MAX)),
            (&metrics.in_flight, in_flight),
            (&metrics.transactions, u64::try_from(self.flights.len()).unwrap_or(u64::MAX)),
            (&metrics.gossiped, u64::try_from(self.travelling.len()).unwrap_or(u64::MAX)),
            (&metrics.ready, u64::from(view.not_ready.is_none())),
        ] {
            show(gauge, value);
        }
    }
}

/// So much later.
pub(crate) fn after(pause: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(pause).unwrap_or(now)
}
