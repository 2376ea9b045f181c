//! How others talk to the core.

use crate::core::{Admission, ChainInput, GossipOutcome, NodeEvent, NotReady, OfferError, View};
use alloy_primitives::{B256, Bytes};
use fallow_ledger::{Finding, Message};
use fallow_protocol::{Announcement, Signature};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// What is sent to the core.
#[derive(Debug)]
pub(crate) enum Command {
    /// Messages to promise.
    Submit { messages: Vec<Message>, reply: oneshot::Sender<Result<Vec<Admission>, NotReady>> },
    /// A request to judge only.
    Check { message: Message, reply: oneshot::Sender<Result<(u64, [Finding; 5]), NotReady>> },
    /// Announcements that travel.
    Gossip {
        announcements: Vec<(Announcement, Signature)>,
        reply: oneshot::Sender<Result<Vec<GossipOutcome>, NotReady>>,
    },
    /// A document.
    Offer { document: Bytes, reply: oneshot::Sender<Result<B256, OfferError>> },
    /// News of the chains.
    Chain(ChainInput),
}

/// The way to the core. Clones share it.
#[derive(Clone, Debug)]
pub struct CoreHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) view: watch::Receiver<Arc<View>>,
    pub(crate) events: broadcast::Sender<NodeEvent>,
}

impl CoreHandle {
    /// Submits messages; answered when those that are promised are durable. A release's record and
    /// path may be empty: the core looks the record up.
    ///
    /// # Errors
    /// When nothing can be submitted now; then nothing of it was taken.
    pub async fn submit(&self, messages: Vec<Message>) -> Result<Vec<Admission>, NotReady> {
        self.ask(|reply| Command::Submit { messages, reply }).await?
    }

    /// Runs the five checks on a request (or a request that brings its announcement), on top of what
    /// is promised. Answers the size of the log that it was judged by, too.
    ///
    /// # Errors
    /// When the node has no ledger to judge by, or too much waits.
    pub async fn check(&self, message: Message) -> Result<(u64, [Finding; 5]), NotReady> {
        self.ask(|reply| Command::Check { message, reply }).await?
    }

    /// Takes announcements that travel without being recorded.
    ///
    /// # Errors
    /// When nothing can be taken now.
    pub async fn gossip(
        &self,
        announcements: Vec<(Announcement, Signature)>,
    ) -> Result<Vec<GossipOutcome>, NotReady> {
        self.ask(|reply| Command::Gossip { announcements, reply }).await?
    }

    /// Keeps an offer document that a known announcement names. Answers its hash.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub async fn put_offer(&self, document: Bytes) -> Result<B256, OfferError> {
        self.ask(|reply| Command::Offer { document, reply }).await?
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
        self.commands.send(Command::Chain(input)).await.map_err(|_| ended())
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, NotReady> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotReady::QueueFull,
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        answer.await.map_err(|_| ended())
    }
}

fn ended() -> NotReady {
    NotReady::Stopped("the node ends".to_owned())
}
