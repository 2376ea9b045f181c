//! What is counted and measured, for Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// By code of section 15.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ByCode {
    /// The code's number.
    pub code: u32,
}

/// By route and answer.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ByRoute {
    /// The route with its parameters' names, e.g. `/v1/records/{id}`; never what a client wrote.
    pub path: &'static str,
    /// HTTP status.
    pub status: u32,
}

/// All metrics of a node. Clones share what they count.
#[derive(Debug)]
pub struct Metrics {
    /// Where all of them are registered.
    pub registry: Registry,
    /// Records in the log.
    pub records: Gauge,
    /// Number of the last block that is in.
    pub block: Gauge,
    /// Blocks between that one and the chain's latest.
    pub lag: Gauge,
    /// Records under a certified checkpoint.
    pub certified: Gauge,
    /// Records under an anchored checkpoint.
    pub anchored: Gauge,
    /// Records under a settled checkpoint.
    pub settled: Gauge,
    /// Messages that are promised and not recorded.
    pub pending: Gauge,
    /// Of these, messages that are in a transaction.
    pub in_flight: Gauge,
    /// Transactions that are not over.
    pub transactions: Gauge,
    /// Announcements that travel.
    pub gossiped: Gauge,
    /// 1 if messages are taken, else 0.
    pub ready: Gauge,
    /// Bytes of the store and its files.
    pub store_bytes: Gauge,
    /// Messages that were promised.
    pub promised: Counter,
    /// Promised messages that were recorded by the end of their time.
    pub kept: Counter,
    /// Promised messages that were recorded late.
    pub late: Counter,
    /// Promised messages that were given up.
    pub failed: Counter,
    /// Messages that were refused or rejected, by code.
    pub refused: Family<ByCode, Counter>,
    /// Seconds of one commit.
    pub commit_seconds: Histogram,
    /// Commits that failed.
    pub commit_failures: Counter,
    /// Seconds from a promise to its record's commit.
    pub record_seconds: Histogram,
    /// Requests of the API.
    pub http: Family<ByRoute, Counter>,
    /// Seconds of one request of the API.
    pub http_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        // From a tenth of a millisecond to three seconds; promises take up to minutes.
        let short = || Histogram::new(exponential_buckets(0.000_1, 2.0, 16));
        let long = || Histogram::new(exponential_buckets(0.1, 2.0, 12));
        let mut metrics = Self {
            registry: Registry::with_prefix("fallow_node"),
            records: Gauge::default(),
            block: Gauge::default(),
            lag: Gauge::default(),
            certified: Gauge::default(),
            anchored: Gauge::default(),
            settled: Gauge::default(),
            pending: Gauge::default(),
            in_flight: Gauge::default(),
            transactions: Gauge::default(),
            gossiped: Gauge::default(),
            ready: Gauge::default(),
            store_bytes: Gauge::default(),
            promised: Counter::default(),
            kept: Counter::default(),
            late: Counter::default(),
            failed: Counter::default(),
            refused: Family::default(),
            commit_seconds: short(),
            commit_failures: Counter::default(),
            record_seconds: long(),
            http: Family::default(),
            http_seconds: short(),
        };
        metrics.register_gauges();
        metrics.register_counters();
        metrics
    }
}

impl Metrics {
    fn register_gauges(&mut self) {
        for (name, help, gauge) in [
            ("records", "Records in the log", &self.records),
            ("block", "Number of the last block that is in", &self.block),
            ("lag_blocks", "Blocks between the last one that is in and the latest", &self.lag),
            ("certified_records", "Records under a certified checkpoint", &self.certified),
            ("anchored_records", "Records under an anchored checkpoint", &self.anchored),
            ("settled_records", "Records under a settled checkpoint", &self.settled),
            ("pending", "Messages that are promised and not recorded", &self.pending),
            ("in_flight", "Promised messages that are in a transaction", &self.in_flight),
            ("transactions", "Transactions that are not over", &self.transactions),
            ("gossiped", "Announcements that travel", &self.gossiped),
            ("ready", "1 if messages are taken, else 0", &self.ready),
            ("store_bytes", "Bytes of the store and its files", &self.store_bytes),
        ] {
            self.registry.register(name, help, gauge.clone());
        }
    }

    fn register_counters(&mut self) {
        for (name, help, counter) in [
            ("promised", "Messages that were promised", &self.promised),
            ("promises_kept", "Promised messages that were recorded in time", &self.kept),
            ("promises_late", "Promised messages that were recorded late", &self.late),
            ("promises_failed", "Promised messages that were given up", &self.failed),
            ("commit_failures", "Commits that failed", &self.commit_failures),
        ] {
            self.registry.register(name, help, counter.clone());
        }
        for (name, help, histogram) in [
            ("commit_seconds", "Seconds of one commit", &self.commit_seconds),
            ("record_seconds", "Seconds from a promise to its record", &self.record_seconds),
            ("http_seconds", "Seconds of one request of the API", &self.http_seconds),
        ] {
            self.registry.register(name, help, histogram.clone());
        }
        self.registry.register("refused", "Messages not taken, by code", self.refused.clone());
        self.registry.register("http_requests", "Requests of the API", self.http.clone());
    }

    /// Counts a message that was not taken.
    pub fn refuse(&self, code: u16) {
        self.refused.get_or_create(&ByCode { code: code.into() }).inc();
    }
}

/// Sets a gauge to a count; gauges are signed, and no count comes near their end.
pub(crate) fn show(gauge: &Gauge, count: u64) {
    gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_by_name_and_label() {
        let metrics = Metrics::default();
        metrics.refuse(501);
        show(&metrics.records, u64::MAX);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.registry).unwrap();
        assert!(text.contains("fallow_node_refused_total{code=\"501\"} 1"), "{text}");
        assert!(text.contains(&format!("fallow_node_records {}", i64::MAX)), "{text}");
    }
}
