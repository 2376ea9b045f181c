//! What a node is started with.

use fallow_chain::DaemonConfig;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything a node needs to know. Nothing of it changes while it runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Network, set, account, sidechain. `store` is not used: the store is in `dir`.
    pub daemon: DaemonConfig,
    /// A node of mainnet (HTTP). It can hide anchorings, or invent them: levels above `recorded` are
    /// its word until the reader looks at mainnet.
    pub mainnet_url: String,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Store and static files. It is made if it is not there.
    pub dir: PathBuf,
    /// Seconds within which a message is promised to be recorded. Default 60.
    pub promise_seconds: u64,
    /// So many promises are open at most; further messages are refused (910). Default 100 000.
    pub open_promises: usize,
    /// A message waits at most so long for others to share its transaction with. Default 200 ms.
    pub flush: Duration,
    /// Memory of the database's cache, bytes.
    pub cache_bytes: usize,
    /// Nodes that announcements are exchanged with: URLs of their APIs.
    pub peers: Vec<String>,
    /// Keys that may submit, one address a line; everybody if absent.
    pub allow_list: Option<PathBuf>,
    /// Bounds on what strangers can ask.
    pub limits: HttpLimits,
}

/// Bounds on what strangers can ask of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections at once; further ones wait. Default 1024.
    pub connections: u32,
    /// Connections at once of one address; further ones are cut. Behind a reverse proxy all have one
    /// address. Default 256.
    pub connections_per_address: u32,
    /// A request's head arrives within this time after the answer before it; so long a kept
    /// connection may be idle. Default 20 s.
    pub head_time: Duration,
    /// Bytes of a body. Default 1 MiB.
    pub body_bytes: u64,
    /// A body arrives within this time. Default 10 s.
    pub body_time: Duration,
    /// Requests that are worked on at once; further ones are refused (910). Default 1024.
    pub requests: u32,
    /// Bytes of memory for all bodies and large answers together. Default 64 MiB.
    pub memory: usize,
    /// Streams of events at once. Default 256.
    pub streams: u32,
    /// Requests per second of one address, four seconds' worth at once; each message of an array is
    /// one. Default 200.
    pub per_address: u32,
    /// Messages per second of one key that are promised, four seconds' worth at once. Default 100.
    pub per_key: u32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 256,
            head_time: Duration::from_secs(20),
            body_bytes: 1 << 20,
            body_time: Duration::from_secs(10),
            requests: 1024,
            memory: 64 << 20,
            streams: 256,
            per_address: 200,
            per_key: 100,
        }
    }
}

impl Config {
    /// A configuration with all defaults.
    #[must_use]
    pub fn new(
        daemon: DaemonConfig,
        mainnet_url: String,
        listen: SocketAddr,
        dir: PathBuf,
    ) -> Self {
        Self {
            daemon,
            mainnet_url,
            listen,
            dir,
            promise_seconds: 60,
            open_promises: 100_000,
            flush: Duration::from_millis(200),
            cache_bytes: 16 << 20,
            peers: Vec::new(),
            allow_list: None,
            limits: HttpLimits::default(),
        }
    }
}
