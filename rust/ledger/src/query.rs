//! What one can ask a ledger.

use crate::{Ledger, Recoverer};
use alloy_primitives::{Address, B256};
use fallow_log::Frontier;
use fallow_protocol::{CalendarWord, Domain, RequesterWord, ResourceId, ResourceWord, SlotRange};

impl Ledger {
    /// Number of records in the log, at least 1.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.log.size()
    }

    /// Root of the log.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.state.log.root()
    }

    /// Size and peaks of the log.
    #[must_use]
    pub fn frontier(&self) -> &Frontier {
        &self.state.log
    }

    /// The domain under which the network's messages are signed.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// A resource's word: of one that is recorded, or a tombstone (index 0).
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<ResourceWord> {
        self.state.resource(id)
    }

    /// Whose co-signature a request for the resource needs; zero if nobody's.
    #[must_use]
    pub fn approver(&self, id: ResourceId) -> Address {
        self.state.approver(id)
    }

    /// Whether the allocation recorded at `index` was released, wholly or in part.
    #[must_use]
    pub fn is_released(&self, index: u64) -> bool {
        self.state.is_released(index)
    }

    /// What is remembered of a requester; all zero if it was never seen.
    #[must_use]
    pub fn requester(&self, requester: Address) -> RequesterWord {
        self.state.requester(requester)
    }

    /// One calendar word; all zero if nothing was allocated there.
    #[must_use]
    pub fn word(&self, id: ResourceId, number: u64) -> CalendarWord {
        let resource = self.state.recorded(id);
        resource.map_or_else(CalendarWord::default, |resource| {
            self.state.word(resource.word.index, number)
        })
    }

    /// One calendar word of the resource recorded at `resource_index`; all zero if nothing was
    /// allocated there, or nothing is.
    #[must_use]
    pub fn calendar_word(&self, resource_index: u64, number: u64) -> CalendarWord {
        self.state.word(resource_index, number)
    }

    /// The contract that may append records of a kind, 16 or more.
    #[must_use]
    pub fn writer(&self, kind: u8) -> Option<Address> {
        self.state.writer(kind)
    }

    /// What this ledger asks who signed.
    #[must_use]
    pub fn recoverer(&self) -> &Recoverer {
        &self.state.recoverer
    }

    /// Used volume of each slot of a range; empty for a resource that is not recorded. The answer
    /// is as long as the range, which the caller bounds.
    #[must_use]
    pub fn used(&self, id: ResourceId, slots: SlotRange) -> Vec<u16> {
        let resource = self.state.recorded(id);
        let used = resource.map(|resource| self.state.used(resource.word.index, slots));
        used.into_iter().flatten().collect()
    }
}
