//! Announcements of other nodes: each peer is asked every few seconds for what travels there and is
//! new, the core judges it, and the documents that accepted announcements name are fetched.
//!
//! ```text
//! peer --GET /v1/gossip?after=--> Peer::read --> core.gossip --> what is accepted travels here, too
//!      --GET /v1/offers/{hash}--> keccak?    --> core.put_offer
//! ```
//!
//! A node pulls only, so it decides itself how much it hears. Every answer is bounded in bytes, items
//! and time; a peer that fails is left alone for some time, one that lies for longer.

use crate::core::OFFER_MAX_BYTES;
use crate::gossip::peer::{Lie, Peer};
use crate::store::NodeStoreError;
use crate::{GossipOutcome, NodeError, NotReady, OfferError, Shared};
use alloy_primitives::{B256, keccak256};
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use fallow_node_client::{ClientError, Limits, NodeClient, NodeCode};
use fallow_protocol::Code;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

mod peer;

/// Between two looks at a peer.
const PULL: Duration = Duration::from_secs(3);
/// Announcements that a page has at most.
const PAGE: u16 = 250;
/// Pages that are read in a row; the next look goes on.
const PAGES: usize = 8;
/// Documents that are fetched in a row.
const DOCUMENTS: usize = 16;
/// The longest pause after a peer that fails.
const FAILED: Duration = Duration::from_secs(300);
/// The shortest and the longest after one that lies.
const LIED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));

/// Why a look at a peer ended early.
#[derive(Debug, thiserror::Error)]
enum PullError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the peer lies: {0}")]
    Lie(#[from] Lie),
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error(transparent)]
    Store(#[from] NodeStoreError),
    #[error("a task of the node failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// The peers' clients.
///
/// # Errors
/// Names the first URL that is none.
pub(crate) fn clients(urls: &[String]) -> Result<Vec<NodeClient>, NodeError> {
    // The next look comes soon: nothing is repeated at once.
    let limits = Limits { retries: 0, ..Limits::default() };
    let client = |url: &String| {
        let failed = |error| NodeError::Peer { url: url.clone(), error };
        NodeClient::new(url, limits).map_err(failed)
    };
    urls.iter().map(client).collect()
}

/// Asks all peers, for ever.
pub(crate) async fn exchange(shared: Arc<Shared>, peers: Vec<NodeClient>) {
    let mut tasks = JoinSet::new();
    for client in peers {
        tasks.spawn(follow(Arc::clone(&shared), client));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a peer is not asked any more");
        }
    }
}

async fn follow(shared: Arc<Shared>, client: NodeClient) {
    let mut link = Link { shared, client, peer: Peer::default() };
    let mut pauses: Option<Pauses> = None;
    loop {
        let Err(error) = link.pull().await else {
            pauses = None;
            tokio::time::sleep(PULL).await;
            continue;
        };
        let is_lie = matches!(error, PullError::Lie(_));
        // The first lie makes the pauses longer; an answer after it does not make them shorter.
        pauses = pauses.filter(|pauses| pauses.after_lie || !is_lie);
        let pauses = pauses.get_or_insert_with(|| Pauses::new(is_lie));
        let pause = pauses.next.next().unwrap_or(FAILED);
        tracing::warn!(peer = link.client.url(), %error, ?pause, "a peer is left alone");
        tokio::time::sleep(pause).await;
    }
}

/// Longer and longer ones.
struct Pauses {
    after_lie: bool,
    next: ExponentialBackoff,
}

impl Pauses {
    fn new(after_lie: bool) -> Self {
        let (shortest, longest) = if after_lie { LIED } else { (PULL, FAILED) };
        let builder = ExponentialBuilder::default().with_factor(2.0).with_jitter();
        let builder = builder.with_min_delay(shortest).with_max_delay(longest);
        Self { after_lie, next: builder.without_max_times().build() }
    }
}

/// A peer, and what is told of it.
struct Link {
    shared: Arc<Shared>,
    client: NodeClient,
    peer: Peer,
}

impl Link {
    /// Reads what is new, and some of the documents that are missing.
    async fn pull(&mut self) -> Result<(), PullError> {
        for _ in 0..PAGES {
            let after = self.peer.after().to_string();
            let page = self.client.gossip(Some(&after), PAGE).await?;
            let has_more = page.next.is_some();
            let told = self.peer.read(&page, &self.shared.domain)?;
            if !told.is_empty() {
                let outcomes = self.shared.core.gossip(told.clone()).await?;
                let offers = told.iter().map(|(announcement, _)| announcement.offer);
                for (offer, outcome) in offers.zip(&outcomes) {
                    self.judge(offer, outcome)?;
                }
            }
            self.peer.keep(&page);
            if !has_more {
                break;
            }
        }
        self.documents().await
    }

    /// Signatures do not depend on the ledger: whoever hands a wrong one on has not looked, or lies.
    fn judge(&mut self, offer: B256, outcome: &GossipOutcome) -> Result<(), PullError> {
        match outcome {
            GossipOutcome::Taken | GossipOutcome::Known | GossipOutcome::Recorded { .. } => {
                self.peer.want(offer);
            }
            GossipOutcome::Refused(refusal) if refusal.code == Code::ProviderSignatureInvalid => {
                return Err(Lie::Signature.into());
            }
            // There is no ledger to judge by yet: the same page again later.
            GossipOutcome::Rejected(NodeCode::ChainAway) => {
                return Err(NotReady::ChainAway("no announcement is judged".to_owned()).into());
            }
            GossipOutcome::Refused(_) | GossipOutcome::Rejected(_) => {}
        }
        Ok(())
    }

    async fn documents(&mut self) -> Result<(), PullError> {
        let wanted = self.peer.wanted(DOCUMENTS);
        if wanted.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.shared.store);
        let missing = tokio::task::spawn_blocking(move || {
            let is_here = |hash: &B256| Ok((*hash, store.offer(*hash)?.is_some()));
            wanted.iter().map(is_here).collect::<Result<Vec<_>, NodeStoreError>>()
        });
        for (hash, is_here) in missing.await?? {
            if is_here || self.document(hash).await? {
                self.peer.got(hash);
            }
        }
        Ok(())
    }

    /// Fetches one; false if it may be there later.
    async fn document(&self, hash: B256) -> Result<bool, PullError> {
        let document = match self.client.offer(hash).await {
            Ok(document) => document,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let got = keccak256(&document);
        if got != hash || document.len() > OFFER_MAX_BYTES {
            return Err(Lie::Document { got, want: hash }.into());
        }
        match self.shared.core.put_offer(document.to_vec().into()).await {
            Ok(_) => Ok(true),
            Err(OfferError::NotReady(error)) => Err(error.into()),
            // Nobody will ever take it, or the announcement is over by now.
            Err(error) => {
                tracing::debug!(%hash, %error, "a document of a peer is not kept");
                Ok(true)
            }
        }
    }
}
