//! The verifier: what it trusts, and the checkpoints that it has verified already.

use crate::{Access, AccessReport, TicketReport, Trust, access, ticket};
use alloy_primitives::B256;
use fallow_protocol::{Announcement, Checkpoint, Refusal, ResourceId, Ticket};
use std::collections::BTreeMap;

/// At most so many verified checkpoints are remembered: a quarter of a megabyte, 17 hours of one a
/// minute. Beyond that the oldest blocks are forgotten, so that nobody's old tickets push out the
/// current ones.
pub const MAX_KNOWN_CHECKPOINTS: usize = 1_024;

/// A checkpoint whose certificate was verified under the trusted set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    checkpoint: Checkpoint,
    pub(crate) digest: B256,
    pub(crate) weight: u64,
}

/// Verifies tickets and access grants. Clones start with the same memory and part from there.
#[derive(Clone, Debug)]
pub struct Verifier {
    trust: Trust,
    /// By block number. Validators sign one digest per block; should a quorum sign two, the one
    /// seen later replaces the other, and nothing is taken for the other.
    known: BTreeMap<u64, Known>,
    /// The announcement that was asked about last, with its id: a provider has few.
    announcement: Option<(Announcement, ResourceId)>,
}

impl Verifier {
    /// A verifier that has seen nothing yet.
    #[must_use]
    pub const fn new(trust: Trust) -> Self {
        Self { trust, known: BTreeMap::new(), announcement: None }
    }

    /// What this verifier trusts.
    #[must_use]
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Verifies a ticket at time `now`, unix seconds (section 12). The certificate of a checkpoint
    /// that was verified before is not looked at: what it would prove is proven.
    ///
    /// # Errors
    /// The first check that fails: 601 to 610.
    pub fn verify_ticket(&mut self, ticket: &Ticket, now: u64) -> Result<TicketReport, Refusal> {
        ticket::verify(self, ticket, now)
    }

    /// Verifies at time `now` that whoever presents `access` owns the allocation of `ticket`
    /// (section 13). When it succeeds, the caller MUST spend the nonce before it lets anybody in.
    ///
    /// # Errors
    /// The first check that fails: those of the ticket, then 611 and 701 to 709.
    pub fn verify_access(
        &mut self,
        ticket: &Ticket,
        access: &Access<'_>,
        now: u64,
    ) -> Result<AccessReport, Refusal> {
        let report = self.verify_ticket(ticket, now)?;
        access::verify(self, ticket, access, now, report)
    }

    /// A checkpoint that was verified before, field by field the same.
    pub(crate) fn known(&self, checkpoint: &Checkpoint) -> Option<&Known> {
        let known = self.known.get(&checkpoint.block_number);
        known.filter(|known| known.checkpoint == *checkpoint)
    }

    /// Remembers a checkpoint whose certificate has just been verified.
    pub(crate) fn remember(&mut self, checkpoint: Checkpoint, digest: B256, weight: u64) -> Known {
        let known = Known { checkpoint, digest, weight };
        self.known.insert(checkpoint.block_number, known);
        if self.known.len() > MAX_KNOWN_CHECKPOINTS {
            self.known.pop_first();
        }
        known
    }

    /// The id of an announcement, computed here and never taken from anybody.
    pub(crate) fn resource_id(&mut self, announcement: &Announcement) -> ResourceId {
        match self.announcement {
            Some((known, id)) if known == *announcement => id,
            _ => {
                let id = announcement.id(self.trust.domain());
                self.announcement = Some((*announcement, id));
                id
            }
        }
    }
}
