//! What one can ask a ledger.

use crate::Ledger;
use alloy_primitives::{Address, B256};
use fallow_log::Frontier;
use fallow_protocol::{CalendarWord, Domain, RequesterWord, ResourceId, ResourceWord, SlotRange};

impl Ledger {
    /// Number of records in the log, at least 1.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.state.log.size()
    }

    /// Root of the log.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.state.log.root()
    }

    /// Size and peaks of the log.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
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
        self.state.resources.get(&id).copied()
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

    /// Used volume of each slot of a range; empty for a resource that is not recorded. The answer
    /// is as long as the range, which the caller bounds.
    #[must_use]
    pub fn used(&self, id: ResourceId, slots: SlotRange) -> Vec<u16> {
        let resource = self.state.recorded(id);
        let used = resource.map(|resource| self.state.used(resource.word.index, slots));
        used.into_iter().flatten().collect()
    }
}
