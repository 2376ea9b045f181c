//! A lying node: a proxy in front of an honest one alters each kind of answer, and whoever verifies
//! what comes back names the lie.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

mod answer;
mod fake;
mod history;
mod ill;
mod lists;
mod messages;
mod records;
mod server;

use alloy_primitives::B256;
use fake::{Fake, NOW};
use fallow_node_client::{Limits, NodeError, Options, VerifiedNode};
use fallow_protocol::{AnnouncementFile, RequestFile};
use serde_json::Value;
use server::{Asked, Reply, Server};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An honest node with a log of nine records, of which eight are certified.
struct World {
    fake: Arc<Mutex<Fake>>,
    honest: Server,
    announcement: AnnouncementFile,
    /// Of requester 2, in order; the second was released, the last is not certified.
    requests: Vec<RequestFile>,
    offer: B256,
    state: tempfile::TempDir,
}

/// Index of the first, certified allocation of requester 2.
const ALLOCATION: u64 = 2;
/// Index of the tombstone.
const TOMBSTONE: u64 = 7;
/// Index of the allocation that is not certified.
const NEWEST: u64 = 8;
/// Records that are certified, in this block.
const CERTIFIED: (u64, u64) = (8, 10);
const OFFER: &[u8] = br#"{"cpu":8}"#;

impl World {
    async fn new() -> Self {
        Self::grown(0).await
    }

    /// With so many more allocations under the certified checkpoint.
    async fn grown(more: u64) -> Self {
        let mut fake = Fake::new(7);
        let offer = fake.put_offer(OFFER);
        let announcement = fake.announcement(1, offer);
        fake.record_announcement(&announcement).unwrap();
        let terms = announcement.announcement;
        let ask = |fake: &Fake, who, sequence| fake.request(who, &terms, (1, sequence));
        let mut requests: Vec<_> = (1..=3).map(|sequence| ask(&fake, 2, sequence)).collect();
        let other = ask(&fake, 3, 1);
        for request in [&requests[0], &other, &requests[1], &requests[2]] {
            fake.record_request(request).unwrap();
        }
        let release = fake.release(2, &requests[1].request);
        fake.record_release(&release).unwrap();
        let barred = fake.announcement(4, B256::ZERO).announcement;
        let withdrawal = fake.withdrawal(4, &barred);
        fake.record_withdrawal(&withdrawal, barred).unwrap();
        for sequence in 2..2 + more {
            let request = ask(&fake, 3, sequence);
            fake.record_request(&request).unwrap();
        }
        fake.certify(CERTIFIED.1);
        let newest = ask(&fake, 2, 4);
        fake.record_request(&newest).unwrap();
        requests.push(newest);
        let (fake, honest) = fake.serve().await;
        let state = tempfile::tempdir().unwrap();
        Self { fake, honest, announcement, requests, offer, state }
    }

    fn options(&self, url: &str) -> Options {
        Options {
            url: url.to_owned(),
            limits: Limits { timeout: Duration::from_secs(5), ..Limits::default() },
            network: self.fake.lock().unwrap().network.clone(),
            set: None,
            state: self.state.path().to_owned(),
            clock: || NOW,
        }
    }

    async fn connect(&self) -> VerifiedNode {
        VerifiedNode::connect(self.options(&self.honest.url)).await.unwrap()
    }

    /// What becomes of `ask` when answers are altered on the way.
    async fn altered<T>(
        &self,
        alter: impl Fn(&Asked, &mut Reply) + Send + Sync + 'static,
        ask: impl AsyncFnOnce(&mut VerifiedNode) -> Result<T, NodeError>,
    ) -> Result<T, NodeError> {
        let proxy = Server::proxy(&self.honest.url, alter).await;
        let mut node = VerifiedNode::connect(self.options(&proxy.url)).await?;
        ask(&mut node).await
    }

    /// The same, and it must be caught as this lie, with evidence in the state folder.
    #[track_caller]
    fn expect<T: std::fmt::Debug>(&self, result: Result<T, NodeError>, name: &str) -> Value {
        let error = result.expect_err(name);
        let NodeError::Lie { lie, evidence } = &error else { panic!("no {name}: {error}") };
        assert_eq!(lie.name(), name, "{lie}");
        assert!(evidence.starts_with(self.state.path()), "{}", evidence.display());
        let kept: Value = serde_json::from_slice(&std::fs::read(evidence).unwrap()).unwrap();
        assert_eq!(kept["lie"], name);
        assert_eq!(kept["message"], lie.to_string());
        kept
    }
}

/// Alters the JSON of answers at paths that begin so.
fn json_at(
    path: &'static str,
    alter: impl Fn(&mut Value) + Send + Sync + 'static,
) -> impl Fn(&Asked, &mut Reply) + Send + Sync + 'static {
    move |asked, reply| {
        let Reply::Whole { body, .. } = reply else { return };
        if asked.path.starts_with(path) {
            let mut value: Value = serde_json::from_slice(body).unwrap();
            alter(&mut value);
            *body = serde_json::to_vec(&value).unwrap();
        }
    }
}

/// Flips one bit of bytes in hex: of the byte at `at` from the end.
fn flip(value: &mut Value, at: usize) {
    let text = value.as_str().unwrap();
    let mut bytes = alloy_primitives::hex::decode(text).unwrap();
    let place = bytes.len() - 1 - at;
    bytes[place] ^= 1;
    *value = Value::from(format!("0x{}", alloy_primitives::hex::encode(bytes)));
}
