//! What all handlers share: the node's parts, and the bounds on what strangers can ask of them.

use super::allow::Keys;
use super::error::{HttpError, Result};
use crate::Shared;
use alloy_primitives::Address;
use fallow_http::{Budget, Rate, network_of};
use fallow_node_client::NodeCode;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

/// Addresses and keys whose rates are remembered.
const BUCKETS: usize = 65_536;
/// Threads that read the disk, search, or read long bodies; for each core.
const JOBS_PER_CORE: usize = 4;
/// Threads that read the disk for streams of events. They are apart from the others: there may be
/// hundreds of streams, and every record wakes all of them.
const FEEDS: usize = 2;
/// Whoever waits longer for a thread is told to come back.
const JOB_WAIT: Duration = Duration::from_secs(5);
/// A stream that waits longer breaks off.
const FEED_WAIT: Duration = Duration::from_secs(60);

/// See above.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
    /// Memory for bodies and large answers.
    pub(super) budget: Budget,
    /// Turns true when the server ends.
    pub(super) ending: watch::Receiver<bool>,
    addresses: Rate<IpAddr>,
    keys: Rate<Address>,
    requests: Arc<Semaphore>,
    jobs: Arc<Semaphore>,
    feeds: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    allowed: RwLock<Option<Arc<Keys>>>,
}

impl Context {
    pub(super) fn new(
        shared: Arc<Shared>,
        allowed: Option<Keys>,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let limits = shared.config.limits;
        let places = |count: u32| {
            let count = usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(count))
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            budget: Budget::new(limits.memory),
            ending,
            addresses: Rate::new(limits.per_address, BUCKETS),
            keys: Rate::new(limits.per_key, BUCKETS),
            requests: places(limits.requests),
            jobs: Arc::new(Semaphore::new(cores.saturating_mul(JOBS_PER_CORE))),
            feeds: Arc::new(Semaphore::new(FEEDS)),
            streams: places(limits.streams),
            allowed: RwLock::new(allowed.map(Arc::new)),
            shared,
        }
    }

    /// Takes so many of an address's requests.
    pub(super) fn charge(&self, peer: IpAddr, requests: u32) -> Result<()> {
        let taken = self.addresses.take(network_of(peer), requests, Instant::now());
        taken.map_err(|wait| {
            HttpError::again(NodeCode::TooManyRequests, "this address asks too often", wait)
        })
    }

    /// A place among the requests that are worked on.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit> {
        place(&self.requests, "the node works on as many requests as it dares")
    }

    /// A place among the streams of events.
    pub(super) fn listen(&self) -> Result<OwnedSemaphorePermit> {
        place(&self.streams, "as many listen as may listen")
    }

    /// Whether a key may submit `more` than one message now.
    pub(super) fn may_submit(&self, key: Address, more: u32) -> Result<()> {
        let allowed = self.allowed.read().unwrap_or_else(PoisonError::into_inner).clone();
        if allowed.is_some_and(|keys| !keys.contains(&key)) {
            return Err(NodeCode::KeyNotAllowed.into());
        }
        let free = self.keys.look(key, more.saturating_add(1), Instant::now());
        free.map_err(|wait| {
            HttpError::again(NodeCode::TooManyRequests, "this key submits too often", wait)
        })
    }

    /// Counts a message that was promised: only then it is known that its key has signed it.
    pub(super) fn submitted(&self, key: Address) {
        if self.keys.take(key, 1, Instant::now()).is_err() {
            tracing::debug!(%key, "submitted more at once than its rate");
        }
    }

    /// Takes over a list that has changed.
    pub(super) fn allow(&self, keys: Keys) {
        let keys = Some(Arc::new(keys));
        *self.allowed.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Does what takes longer, or waits for the disk, on one of a few threads.
    pub(super) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = turn(&self.jobs, JOB_WAIT).await?;
        self.on_thread(place, job).await
    }

    /// The same for a stream of events.
    pub(super) async fn feed<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = turn(&self.feeds, FEED_WAIT).await?;
        self.on_thread(place, job).await
    }

    async fn on_thread<T: Send + 'static>(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
        job: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let context = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let done = job(&context);
            // Kept until here also if nobody waits any more.
            drop(place);
            done
        });
        match done.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(HttpError::new(NodeCode::Stopped, "the node ends")),
        }
    }
}

/// Waits for a place, but not for ever.
async fn turn(places: &Arc<Semaphore>, wait: Duration) -> Result<OwnedSemaphorePermit> {
    let place = timeout(wait, Arc::clone(places).acquire_owned()).await;
    place
        .ok()
        .and_then(|place| place.ok())
        .ok_or_else(|| HttpError::new(NodeCode::QueueFull, "too many wait for an answer"))
}

fn place(places: &Arc<Semaphore>, full: &str) -> Result<OwnedSemaphorePermit> {
    let place = Arc::clone(places).try_acquire_owned();
    place.map_err(|_| HttpError::new(NodeCode::QueueFull, full))
}
