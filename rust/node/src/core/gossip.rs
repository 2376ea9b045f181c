//! Announcements that travel, and documents: what is kept of what strangers bring.

use crate::core::handle::{OfferAnswer, Told};
use crate::core::state::Core;
use crate::core::travelling::Place;
use crate::core::work::After;
use crate::core::{GossipOutcome, NotReady, OfferError};
use crate::store::NodeStoreError;
use crate::store::types::{Change, GossipedAnnouncement};
use alloy_primitives::{B256, Bytes};
use fallow_ledger::Message;
use fallow_node_client::NodeCode;
use fallow_protocol::{Announcement, Code, Signature};
use std::collections::HashSet;

impl Core {
    /// Takes announcements in; those that are kept are durable when this returns.
    pub(crate) fn gossip(&mut self, told: Vec<Told>) -> Result<Vec<GossipOutcome>, NotReady> {
        if self.health.is_stopped() || !self.work.is_empty() {
            return Err(self.not_ready().unwrap_or(NotReady::QueueFull));
        }
        let mut change = Change::default();
        let outcomes = told.into_iter().map(|told| match told {
            Ok((announcement, signature)) => self.travel(&announcement, signature, &mut change),
            Err(refusal) => GossipOutcome::Refused(refusal),
        });
        let outcomes = outcomes.collect();
        change.unoffer.retain(|offer| !self.travelling.names(*offer));
        change.unoffer = self.unnamed(change.unoffer);
        if !change.gossip.is_empty() {
            self.keep_gossip(&change)?;
        }
        Ok(outcomes)
    }

    fn keep_gossip(&mut self, change: &Change) -> Result<(), NotReady> {
        let Err(error) = self.commit(change) else {
            change.unoffer.iter().for_each(|offer| self.outlets.catalogue.forget(*offer));
            return Ok(());
        };
        // Those that had to give way are in the store still: they are made room for again.
        for one in &change.gossip {
            self.travelling.remove(one.id);
        }
        Err(self.refuse_write(&error))
    }

    /// What a write that failed means for whoever asked for it.
    pub(crate) fn refuse_write(&mut self, error: &NodeStoreError) -> NotReady {
        if matches!(error, NodeStoreError::Full { .. }) {
            return NotReady::QueueFull;
        }
        self.store_failed(error);
        NotReady::StoreFailed(error.to_string())
    }

    fn travel(
        &mut self,
        announcement: &Announcement,
        signature: Signature,
        change: &mut Change,
    ) -> GossipOutcome {
        let id = announcement.id(&self.settings.domain);
        if self.travelling.has(id) {
            return GossipOutcome::Known;
        }
        if let Err(outcome) = self.acceptable(announcement, signature) {
            return outcome;
        }
        match self.travelling.place(id, announcement, self.clock.seconds()) {
            Place::Given { evicted } => {
                self.arrivals.announcement = self.arrivals.announcement.saturating_add(1);
                let arrival = self.arrivals.announcement;
                let announcement = *announcement;
                change.gossip.push(GossipedAnnouncement { arrival, id, announcement, signature });
                if let Some((evicted, offer)) = evicted {
                    change.gossip.retain(|one| one.id != evicted);
                    change.ungossip.push(evicted);
                    change.unoffer.push(offer);
                }
                GossipOutcome::Taken
            }
            Place::Over => GossipOutcome::Rejected(NodeCode::MessageExpired),
            Place::Full => GossipOutcome::Rejected(NodeCode::QueueFull),
        }
    }

    /// Judges an announcement by section 4.1, without recording it.
    fn acceptable(
        &self,
        announcement: &Announcement,
        signature: Signature,
    ) -> Result<(), GossipOutcome> {
        let Some(ledger) = self.replay.ledger() else {
            return Err(GossipOutcome::Rejected(NodeCode::ChainAway));
        };
        let signatures = Bytes::copy_from_slice(signature.0.as_slice());
        let message = Message::Announce { announcement: *announcement, signatures };
        let verdict = ledger.ahead().apply(&message, self.clock.seconds());
        let Err(error) = verdict else {
            return Ok(());
        };
        let Some(refusal) = error.refusal().copied() else {
            return Err(GossipOutcome::Rejected(NodeCode::BodyMalformed));
        };
        match (refusal.code, u64::try_from(refusal.want)) {
            (Code::ResourceAlreadyRecorded, Ok(index)) => Err(GossipOutcome::Recorded { index }),
            _ => Err(GossipOutcome::Refused(refusal)),
        }
    }

    /// Those of some documents that nothing recorded or promised names: strangers bring as many as
    /// they like, and must not fill the disk.
    fn unnamed(&self, offers: Vec<B256>) -> Vec<B256> {
        if offers.is_empty() {
            return offers;
        }
        let promised: HashSet<B256> = self.promised_offers().collect();
        let is_unnamed =
            |offer: &B256| !(promised.contains(offer) || self.outlets.catalogue.names(*offer));
        offers.into_iter().filter(is_unnamed).collect()
    }

    /// Forgets announcements that are over.
    pub(crate) fn end_what_is_over(&mut self) {
        let over = self.travelling.over(self.clock.seconds());
        if !over.is_empty() && self.work.is_empty() {
            let unoffer = self.unnamed(self.travelling.only_of(&over));
            let (ungossip, offers) = (over.clone(), unoffer.clone());
            let change = Change { ungossip, unoffer, ..Change::default() };
            self.keep(change, After::Ended(over, offers));
        }
    }

    /// Keeps a document that an announcement names which is recorded, travels, or is promised.
    pub(crate) fn offer(&mut self, hash: B256, document: Bytes, recorded: bool) -> OfferAnswer {
        if let Some(why) = self.not_ready().filter(|_| self.health.is_stopped()) {
            return Err(why.into());
        }
        if !(recorded || self.travelling.names(hash) || self.is_promised(hash)) {
            return Err(OfferError::Unnamed(hash));
        }
        let change = Change { offers: vec![document.clone()], ..Change::default() };
        self.commit(&change).map_err(|error| self.refuse_write(&error))?;
        self.outlets.catalogue.describe(hash, &document);
        Ok(())
    }

    fn is_promised(&self, offer: B256) -> bool {
        self.promised_offers().any(|promised| promised == offer)
    }

    fn promised_offers(&self) -> impl Iterator<Item = B256> {
        self.pendings.iter().filter_map(|pending| match &pending.message {
            Message::Announce { announcement, .. }
            | Message::AnnounceAndRequest { announcement, .. } => Some(announcement.offer),
            _ => None,
        })
    }
}
