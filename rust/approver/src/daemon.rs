//! The long-running approver: connections, the policy file, the end.

use crate::approver::{Approver, Config};
use crate::http::{Context, routes};
use crate::{ApproverError, PolicyFile};
use fallow_http::{Budget, Rate, Server};
use fallow_protocol::FILE_MAX_BYTES;
use fallow_store::StoreError;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

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

/// Addresses whose rates are remembered.
const ADDRESSES: usize = 4_096;

impl Limits {
    /// One request for each connection: then a bound on it bounds the request.
    fn http(self) -> fallow_http::Limits {
        let half = self.connection_time.checked_div(2).unwrap_or_default();
        fallow_http::Limits {
            connections: self.connections,
            connections_per_address: self.connections,
            keep_alive: false,
            head_time: self.head_time,
            connection_time: half,
            finish_time: half,
            ..fallow_http::Limits::default()
        }
    }

    /// Memory for a body of each connection.
    fn budget(self) -> Budget {
        let connections = usize::try_from(self.connections).unwrap_or(usize::MAX);
        Budget::new(connections.saturating_mul(FILE_MAX_BYTES))
    }
}

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
        let rate = Arc::new(Rate::new(limits.per_second, ADDRESSES));
        let budget = limits.budget();
        let context = Context { approver: Arc::clone(&approver), limits, rate, budget, fatal };
        let server = Server::new(limits.http(), routes(context));
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
