//! The long-running approver: connections, the policy file, the end.

use crate::approver::{Approver, Config};
use crate::http::{Context, Peer, routes};
use crate::rate::Rate;
use crate::{ApproverError, PolicyFile};
use fallow_store::StoreError;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Bounds on what strangers can ask of an approver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait. Default 256.
    pub connections: u32,
    /// One connection, which carries one request, takes no longer. Default 20 s.
    pub connection_time: Duration,
    /// The request's head arrives within this time. Default 5 s.
    pub head_time: Duration,
    /// The request's body arrives within this time. Default 5 s.
    pub body_time: Duration,
    /// Requests per second of one address, four seconds' worth at once. Default 10.
    pub per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connection_time: Duration::from_secs(20),
            head_time: Duration::from_secs(5),
            body_time: Duration::from_secs(5),
            per_second: 10,
        }
    }
}

/// Bytes of the longest head of a request; ours have a few hundred.
const HEAD_MAX_BYTES: usize = 16 << 10;
/// Rest after a connection could not be accepted, when files run out.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// An approver that listens.
#[derive(Debug)]
pub struct Daemon {
    approver: Arc<Approver>,
    policy_file: PolicyFile,
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

impl Daemon {
    /// Reads the policy, opens the store, listens.
    ///
    /// # Errors
    /// When the policy cannot be used, the store cannot be opened, or the address cannot be had.
    pub async fn bind(
        config: Config,
        policy: &Path,
        listen: SocketAddr,
        limits: Limits,
    ) -> Result<Self, ApproverError> {
        let (policy_file, policy) = PolicyFile::open(policy)?;
        let approver = Arc::new(Approver::open(config, policy)?);
        let failed = |error| ApproverError::Listen { address: listen, error };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { approver, policy_file, listener, address, limits })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Signs until `shutdown` completes, then finishes what it has begun. The policy file is looked
    /// at every `poll`.
    ///
    /// # Errors
    /// When the store fails: whether the last request was counted is then unknown.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()>,
        poll: Duration,
    ) -> Result<(), ApproverError> {
        let Self { approver, mut policy_file, listener, address, limits } = self;
        let (fatal, mut failures) = mpsc::channel(1);
        let rate = Arc::new(Mutex::new(Rate::new(limits.per_second)));
        let context = Context { approver: Arc::clone(&approver), limits, rate, fatal };
        let server = Server::new(context);
        let mut shutdown = pin!(shutdown);
        let mut look = interval(poll);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tracing::info!(
            %address, approver = %approver.address(), network = %approver.network_id(),
            "listening"
        );
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(error) = failures.recv() => return Err(failed(error)),
                _ = look.tick() => reload(&approver, &mut policy_file),
                () = server.accept(&listener) => {}
            }
        }
        drop(listener);
        server.finish().await;
        match failures.try_recv() {
            Ok(error) => Err(failed(error)),
            Err(_) => Ok(()),
        }
    }
}

fn failed(error: StoreError) -> ApproverError {
    error.into()
}

/// Takes over a policy file that has changed; a broken one leaves the old policy in force.
fn reload(approver: &Approver, file: &mut PolicyFile) {
    match file.changed() {
        Ok(None) => {}
        Ok(Some(policy)) => {
            tracing::info!(requesters = policy.requesters.len(), "policy changed");
            approver.set_policy(policy);
        }
        Err(error) => tracing::error!(%error, "policy not changed: the last good one stays"),
    }
}

/// Serves connections, a bounded number of them.
struct Server {
    context: Context,
    places: Arc<Semaphore>,
}

impl Server {
    fn new(context: Context) -> Self {
        let places = usize::try_from(context.limits.connections).unwrap_or(Semaphore::MAX_PERMITS);
        Self { context, places: Arc::new(Semaphore::new(places)) }
    }

    /// Waits for a place, then for a connection. Dropped while it waits, it loses neither.
    async fn accept(&self, listener: &TcpListener) {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            // Nobody closes the semaphore.
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => self.serve(stream, peer, place),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let limits = self.context.limits;
        let routes = TowerToHyperService::new(warp::service(routes(self.context.clone())));
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            hyper::service::Service::call(&routes, request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_buf_size(HEAD_MAX_BYTES)
            // One request for each connection: then a bound on it bounds the request.
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            match timeout(limits.connection_time, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%peer, %error, "connection failed"),
                Err(_) => tracing::debug!(%peer, "connection took too long"),
            }
            drop(place);
        });
    }

    /// Waits until no connection is left; each of them has its time.
    async fn finish(&self) {
        let all = self.places.acquire_many(self.context.limits.connections).await;
        if all.is_err() {
            tracing::debug!("nobody closes the semaphore");
        }
    }
}
