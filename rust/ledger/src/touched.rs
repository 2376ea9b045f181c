//! Which storage words a record changed, for whoever keeps them elsewhere.

use crate::Ledger;
use crate::state::{RELEASED_BITS, Resource};
use alloy_primitives::{Address, U256};
use fallow_protocol::{
    Body, CalendarWord, Record, RequesterWord, ResourceId, ResourceWord, SlotRange,
};

/// The words that one record changed, as they are now: after several records that change the same
/// word, each of them shows the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Word and approver (zero for none) of a resource that was recorded or withdrawn.
    pub resource: Option<(ResourceId, ResourceWord, Address)>,
    /// By index of the resource's record and number of the word.
    pub calendars: Vec<((u64, u64), CalendarWord)>,
    /// Of the requester of an allocation.
    pub requester: Option<(Address, RequesterWord)>,
    /// By index of the allocation's record / 256.
    pub released: Option<(u64, U256)>,
}

impl Ledger {
    /// The words that a record of this ledger changed, as they are now.
    #[must_use]
    pub fn touched(&self, record: &Record) -> Touched {
        let state = &self.state;
        match &record.body {
            Body::Announcement(body) => self.touched_resource(body.announcement().id(&self.domain)),
            Body::Allocation(body) => Touched {
                calendars: self.words(body.resource_index, body.first_slot, body.slot_count),
                requester: Some((body.requester, state.requester(body.requester))),
                ..Touched::default()
            },
            Body::Release(body) => {
                let number = body.request_index / RELEASED_BITS;
                Touched {
                    calendars: self.words(body.resource_index, body.first_slot, body.slot_count),
                    released: Some((number, state.released_word(number))),
                    ..Touched::default()
                }
            }
            Body::Withdrawal(body) => self.touched_resource(body.resource_id),
            Body::Genesis(_) | Body::Open { .. } => Touched::default(),
        }
    }

    fn touched_resource(&self, id: ResourceId) -> Touched {
        let word = self.state.resource(id).unwrap_or_default();
        let Resource { approver, .. } = self.state.with_approver(id, word);
        Touched { resource: Some((id, word, approver)), ..Touched::default() }
    }

    fn words(&self, index: u64, first: u64, count: u16) -> Vec<((u64, u64), CalendarWord)> {
        // Records of this ledger have at least one slot, and their slots fit 64 bits.
        let last = first.saturating_add(u64::from(count).saturating_sub(1));
        let numbers = SlotRange { first, last }.words();
        numbers.map(|number| ((index, number), self.state.word(index, number))).collect()
    }
}
