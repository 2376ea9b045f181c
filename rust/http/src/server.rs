//! The server: connections, a bounded number of them.

use crate::Limits;
use crate::addresses::{Addresses, Entered};
use crate::steady::Steady;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use warp::Filter;
use warp::reply::Response;

/// Rest after a connection could not be accepted, when files run out.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// hyper reads with no smaller buffer.
const HEAD_LEAST_BYTES: usize = 8 << 10;

/// The other end of a connection: an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Serves connections with a warp filter.
#[derive(Debug)]
pub struct Server<F> {
    limits: Limits,
    routes: F,
    places: Arc<Semaphore>,
    addresses: Addresses,
    finish: watch::Sender<bool>,
}

/// What a connection holds while it is served.
struct Held {
    _place: OwnedSemaphorePermit,
    _entered: Entered,
}

impl<F> Server<F>
where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
    F::Future: Send,
{
    /// A server that has no connections yet.
    #[must_use]
    pub fn new(limits: Limits, routes: F) -> Self {
        let places = usize::try_from(limits.connections).unwrap_or(Semaphore::MAX_PERMITS);
        let addresses = Addresses::new(limits.connections_per_address);
        let places = Arc::new(Semaphore::new(places));
        Self { limits, routes, places, addresses, finish: watch::Sender::new(false) }
    }

    /// Serves until `shutdown` completes, then finishes what it has begun.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = self.accept(&listener) => {}
            }
        }
        drop(listener);
        self.finish().await;
    }

    /// Waits for a place, then for a connection. Dropped while it waits, it loses neither.
    pub async fn accept(&self, listener: &TcpListener) {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            // Nobody closes the semaphore.
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => match self.addresses.enter(peer.ip()) {
                Some(entered) => {
                    self.serve(stream, peer, Held { _place: place, _entered: entered })
                }
                None => tracing::debug!(%peer, "this address has too many connections"),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_REST).await;
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, held: Held) {
        // Answers are written whole: to wait for more of them would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "the connection is gone already");
        }
        let (limits, mut finish) = (self.limits, self.finish.subscribe());
        let routes = TowerToHyperService::new(warp::service(self.routes.clone()));
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            routes.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_buf_size(limits.head_bytes.max(HEAD_LEAST_BYTES))
            .keep_alive(limits.keep_alive)
            .serve_connection(TokioIo::new(Steady::new(stream, limits.write_time)), service);
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let early = tokio::select! {
                ended = &mut connection => Some(ended),
                _ = finish.wait_for(|finish| *finish) => None,
                () = sleep(limits.connection_time) => None,
            };
            let ended = match early {
                Some(ended) => Ok(ended),
                None => {
                    connection.as_mut().graceful_shutdown();
                    timeout(limits.finish_time, connection).await
                }
            };
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%peer, %error, "connection failed"),
                Err(_) => tracing::debug!(%peer, "connection took too long"),
            }
            drop(held);
        });
    }

    /// Takes no further requests, and waits until no connection is left; each of them has its time.
    pub async fn finish(&self) {
        self.finish.send_replace(true);
        let all = self.places.acquire_many(self.limits.connections).await;
        if all.is_err() {
            tracing::debug!("nobody closes the semaphore");
        }
    }
}
