//! What the ledger will be once what is under way is recorded.

use crate::{Applied, ApplyError, Finding, Ledger, Message};
use alloy_primitives::Address;
use fallow_protocol::{CalendarWord, Request, RequesterWord, ResourceId, ResourceWord};
use std::sync::Arc;

/// A ledger and the messages that were applied on top of it, kept apart: a node judges by it what it
/// has promised but the chain has not recorded yet. It costs what it changes, however large the
/// ledger is.
///
/// The ledger that it stands on may go on meanwhile, but its first change then copies the whole
/// state: drop what is ahead first.
///
/// Records of an `Ahead` have the indexes that they would get, and nobody promises that they will:
/// there is no log to prove anything by.
#[derive(Clone, Debug)]
pub struct Ahead {
    ledger: Ledger,
}

impl Ledger {
    /// Nothing is ahead yet.
    #[must_use]
    pub fn ahead(&self) -> Ahead {
        let (domain, state) = (self.domain, Arc::new(self.state.ahead()));
        Ahead { ledger: Self { domain, state } }
    }
}

impl Ahead {
    /// As [`Ledger::apply`].
    ///
    /// # Errors
    /// Says why it would not be recorded; nothing has changed then.
    pub fn apply(&mut self, message: &Message, now: u64) -> Result<Applied, ApplyError> {
        self.ledger.apply(message, now)
    }

    /// As [`Ledger::apply_proven`].
    ///
    /// # Errors
    /// As [`Ahead::apply`].
    pub fn apply_proven(&mut self, message: &Message, now: u64) -> Result<Applied, ApplyError> {
        self.ledger.apply_proven(message, now)
    }

    /// As [`Ledger::check`].
    #[must_use]
    pub fn check(&self, request: &Request, signatures: &[u8], now: u64) -> [Finding; 5] {
        self.ledger.check(request, signatures, now)
    }

    /// Records of the ledger, and those that would follow.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.ledger.size()
    }

    /// As [`Ledger::resource`].
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<ResourceWord> {
        self.ledger.resource(id)
    }

    /// As [`Ledger::approver`].
    #[must_use]
    pub fn approver(&self, id: ResourceId) -> Address {
        self.ledger.approver(id)
    }

    /// As [`Ledger::requester`].
    #[must_use]
    pub fn requester(&self, requester: Address) -> RequesterWord {
        self.ledger.requester(requester)
    }

    /// As [`Ledger::is_released`].
    #[must_use]
    pub fn is_released(&self, index: u64) -> bool {
        self.ledger.is_released(index)
    }

    /// As [`Ledger::calendar_word`].
    #[must_use]
    pub fn calendar_word(&self, resource_index: u64, number: u64) -> CalendarWord {
        self.ledger.calendar_word(resource_index, number)
    }
}
