//! What strangers can make a server hold.

use std::time::Duration;

/// Bounds on connections. None of them depends on what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: u32,
    /// Connections at once of one address; further ones are cut. Behind a reverse proxy all
    /// connections have one address.
    pub connections_per_address: u32,
    /// Whether a connection may carry more than one request.
    pub keep_alive: bool,
    /// A request's head arrives within this time, counted from the connection's begin or from the
    /// answer before it: so long a kept connection may be idle.
    pub head_time: Duration,
    /// After this time a connection takes no further request.
    pub connection_time: Duration,
    /// Time for what was begun by then, or by the end of the server; then the connection is cut.
    pub finish_time: Duration,
    /// Whoever does not take 64 KiB of an answer within this time is cut.
    pub write_time: Duration,
    /// Bytes of the longest head of a request; at least 8 KiB.
    pub head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 1_024,
            keep_alive: true,
            head_time: Duration::from_secs(20),
            connection_time: Duration::from_secs(3_600),
            finish_time: Duration::from_secs(10),
            write_time: Duration::from_secs(10),
            head_bytes: 16 << 10,
        }
    }
}
