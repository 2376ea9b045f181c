//! What the node says of the ledger, and how fast it grows.

use crate::error::{Context, Result};
use fallow_node_client::types::StatusAnswer;
use fallow_node_client::{Limits, NodeClient};
use fallow_protocol::NetworkId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Rates are over this time: long enough to be steady, short enough to be live.
const WINDOW: Duration = Duration::from_secs(10);
/// A node on this machine answers at once or is busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last answer of the node, and the rate of records before it.
#[derive(Debug)]
pub(crate) struct Levels {
    client: NodeClient,
    /// Ours: on a port that something else took first, another network may answer.
    network: NetworkId,
    /// The last answer, or why there was none.
    answer: std::result::Result<StatusAnswer, String>,
    /// When how many records were there, oldest first.
    seen: VecDeque<(Instant, u64)>,
}

impl Levels {
    /// Asks the node of `network` at `url`; nothing is asked yet.
    pub(crate) fn new(url: &str, network: NetworkId) -> Result<Self> {
        let limits = Limits { timeout: PATIENCE, retries: 0, pause: Duration::ZERO };
        let client = NodeClient::new(url, limits).context("cannot ask the node")?;
        Ok(Self { client, network, answer: Err("it starts".to_owned()), seen: VecDeque::new() })
    }

    /// Asks once.
    pub(crate) async fn look(&mut self) {
        let asked = self.client.status().await;
        self.answer = match asked {
            Ok(status) if NetworkId::from(status.network_id) != self.network => {
                Err(format!("the node of another network, {}", status.network_id))
            }
            other => other.map_err(|error| error.to_string()),
        };
        if let Ok(status) = &self.answer {
            note(&mut self.seen, Instant::now(), status.size);
        }
    }

    /// The last answer, or why there was none.
    pub(crate) fn answer(&self) -> std::result::Result<&StatusAnswer, &str> {
        self.answer.as_ref().map_err(String::as_str)
    }

    /// Whether the node takes messages.
    pub(crate) fn is_ready(&self) -> bool {
        self.answer.as_ref().is_ok_and(|status| status.not_ready.is_none())
    }

    /// Records per second.
    pub(crate) fn rate(&self) -> f64 {
        rate(&self.seen)
    }
}

fn note(seen: &mut VecDeque<(Instant, u64)>, now: Instant, size: u64) {
    seen.push_back((now, size));
    while seen.front().is_some_and(|(then, _)| now.saturating_duration_since(*then) > WINDOW) {
        seen.pop_front();
    }
}

fn rate(seen: &VecDeque<(Instant, u64)>) -> f64 {
    let (Some((first, before)), Some((last, after))) = (seen.front(), seen.back()) else {
        return 0.0;
    };
    let passed = last.saturating_duration_since(*first).as_secs_f64();
    let grown = u32::try_from(after.saturating_sub(*before)).unwrap_or(u32::MAX);
    if passed > 0.0 { f64::from(grown) / passed } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut seen = VecDeque::new();
        assert_eq!(rate(&seen), 0.0);
        for second in 0..=30_u32 {
            let size = if second < 15 { 0 } else { u64::from(second - 15) * 4 };
            note(&mut seen, start + Duration::from_secs(second.into()), size);
        }
        assert_eq!(rate(&seen), 4.0);
        note(&mut seen, start + Duration::from_secs(60), 60);
        assert_eq!((seen.len(), rate(&seen)), (1, 0.0), "one look says nothing");
    }
}
