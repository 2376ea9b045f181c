//! What is counted and measured, for Prometheus.

use prometheus_client::registry::Registry;

/// All metrics of a node.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Where they are registered.
    pub registry: Registry,
}
