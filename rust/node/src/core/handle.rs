//! How others talk to the core.

use crate::core::prepare::{Desk, Prepared};
use crate::core::{Admission, ChainInput, GossipOutcome, NodeEvent, NotReady, OfferError, View};
use crate::search::Catalogue;
use crate::store::NodeStoreError;
use alloy_primitives::{B256, Bytes, keccak256};
use fallow_ledger::{Finding, Message};
use fallow_protocol::{Announcement, Refusal, Signature};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Bytes of the longest offer document (section 3.2).
pub const OFFER_MAX_BYTES: usize = 65_536;

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, NotReady>>;
/// What the five checks find, and the size of the log that they were made on.
pub(crate) type Checked = (u64, [Finding; 5]);
/// An announcement that travels, or why it does not.
pub(crate) type Told = Result<(Announcement, Signature), Refusal>;

/// What is sent to the core.
#[derive(Debug)]
pub(crate) enum Command {
    /// Messages to promise.
    Submit { messages: Vec<Prepared>, reply: Reply<Vec<Admission>> },
    /// A request to judge only.
    Check { message: Message, reply: Reply<Checked> },
    /// Announcements that travel.
    Gossip { announcements: Vec<Told>, reply: Reply<Vec<GossipOutcome>> },
    /// A document with its hash, and whether a recorded resource names it.
    Offer { hash: B256, document: Bytes, named: bool, reply: oneshot::Sender<OfferAnswer> },
}

/// Whether a document is kept now.
pub(crate) type OfferAnswer = Result<(), OfferError>;

/// The way to the core. Clones share it.
#[derive(Clone, Debug)]
pub struct CoreHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) chain: mpsc::Sender<ChainInput>,
    pub(crate) view: watch::Receiver<Arc<View>>,
    pub(crate) events: broadcast::Sender<NodeEvent>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) catalogue: Arc<Catalogue>,
}

impl CoreHandle {
    /// Submits messages; answered when those that are promised are durable. A release's record and
    /// path are not looked at: the node has the log.
    ///
    /// # Errors
    /// When nothing can be submitted now; then nothing of it was taken.
    pub async fn submit(&self, messages: Vec<Message>) -> Result<Vec<Admission>, NotReady> {
        self.ready()?;
        let messages = self.aside(move |desk| desk.prepare(messages)).await?.map_err(failed)?;
        self.ask(|reply| Command::Submit { messages, reply }).await
    }

    /// Runs the five checks on a request (or a request that brings its announcement), on top of what
    /// is promised. Answers the size of the log that it was judged by, too.
    ///
    /// # Errors
    /// When the node has no ledger to judge by, or too much waits.
    pub async fn check(&self, message: Message) -> Result<(u64, [Finding; 5]), NotReady> {
        let prepared = self.aside(move |desk| desk.prepare(vec![message])).await?;
        let message = prepared.map_err(failed)?.pop().map(|prepared| prepared.message);
        let message = message.ok_or_else(ended)?;
        self.ask(|reply| Command::Check { message, reply }).await
    }

    /// Takes announcements that travel without being recorded.
    ///
    /// # Errors
    /// When nothing can be taken now.
    pub async fn gossip(
        &self,
        announcements: Vec<(Announcement, Signature)>,
    ) -> Result<Vec<GossipOutcome>, NotReady> {
        let announcements = self.aside(move |desk| desk.true_only(announcements)).await?;
        self.ask(|reply| Command::Gossip { announcements, reply }).await
    }

    /// Keeps an offer document that a known announcement names. Answers its hash.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub async fn put_offer(&self, document: Bytes) -> Result<B256, OfferError> {
        let (got, want) = (document.len(), OFFER_MAX_BYTES);
        if got > want {
            return Err(OfferError::TooLong { got, want });
        }
        let catalogue = Arc::clone(&self.catalogue);
        let looked = self.aside(move |desk| {
            let hash = keccak256(&document);
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&document).is_ok();
            let known = desk.store.offer(hash).map(|known| known.is_some());
            (hash, is_json, known, catalogue.names(hash), document)
        });
        let (hash, is_json, known, named, document) = looked.await?;
        if !is_json {
            return Err(OfferError::NotJson);
        }
        if known.map_err(failed)? {
            return Ok(hash);
        }
        let (reply, answer) = oneshot::channel();
        self.send(Command::Offer { hash, document, named, reply })?;
        answer.await.map_err(|_| ended())?.map(|()| hash)
    }

    /// The node at a glance.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// The same, to wait for changes on.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// What happens from now on. Whoever is slow loses the oldest (`Lagged`), and reads the store.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<NodeEvent> {
        self.events.subscribe()
    }

    /// Tells news of the chains; waits for a place.
    ///
    /// # Errors
    /// When the core has ended.
    pub async fn tell(&self, input: ChainInput) -> Result<(), NotReady> {
        self.chain.send(input).await.map_err(|_| ended())
    }

    fn ready(&self) -> Result<(), NotReady> {
        let not_ready = self.view.borrow().not_ready.clone();
        not_ready.map_or(Ok(()), Err)
    }

    /// Works on the pool of all cores, where it may take long.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk) -> T + Send + 'static,
    ) -> Result<T, NotReady> {
        let (reply, answer) = oneshot::channel();
        let desk = Arc::clone(&self.desk);
        rayon::spawn(move || {
            // Whoever asked may be gone.
            if reply.send(work(&desk)).is_err() {
                tracing::debug!("nobody waits for an answer");
            }
        });
        answer.await.map_err(|_| ended())
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, NotReady> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply))?;
        answer.await.map_err(|_| ended())?
    }

    fn send(&self, command: Command) -> Result<(), NotReady> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotReady::QueueFull,
            mpsc::error::TrySendError::Closed(_) => ended(),
        })
    }
}

fn ended() -> NotReady {
    NotReady::Stopped("the node ends".to_owned())
}

fn failed(error: NodeStoreError) -> NotReady {
    NotReady::StoreFailed(error.to_string())
}
