//! Section 4.4: releases.

use crate::check::release::Brought;
use crate::state::Change;
use crate::{Ledger, check};
use alloy_primitives::B256;
use fallow_log::PathError;
use fallow_protocol::{
    AllocationBody, Body, Evidence, Record, Refusal, Release, ReleaseBody, SlotRange,
};

/// A release that passed all rules.
struct Freed<'a> {
    release: &'a Release,
    evidence: Evidence,
    index: u64,
    allocation: &'a AllocationBody,
    slots: SlotRange,
}

impl Ledger {
    /// Gives slots of an allocation back, or says which rule the release breaks first. `path` says
    /// whether the record was proven.
    pub(crate) fn release(
        &mut self,
        release: &Release,
        brought: &Brought,
        path: Result<(), PathError>,
        now: u64,
    ) -> Result<Record, Refusal> {
        use check::release::{proven, requester, slots, unreleased};
        let (state, allocation) = (&self.state, &brought.allocation);
        let evidence = requester(state, release.id(&self.domain), brought)?;
        proven(release, allocation.request_id(&self.domain), path)?;
        unreleased(state, release, brought.index)?;
        // The allocation is in the log, so its resource is too, withdrawn or not.
        let resource = state.recorded(allocation.resource_id).ok_or_else(|| {
            Refusal::new(fallow_protocol::Code::ResourceUnknown, allocation.resource_id, 0_u64)
        })?;
        let slots = slots(&resource.word, allocation, release, now)?;
        let freed = Freed { release, evidence, index: brought.index, allocation, slots };
        Ok(self.record_release(&freed, now))
    }

    fn record_release(&mut self, freed: &Freed<'_>, now: u64) -> Record {
        let (allocation, by) = (freed.allocation, self.size());
        self.state_mut().store_released(freed.index);
        let given = Change::Give(allocation.volume);
        let words = self.state_mut().change(allocation.resource_index, freed.slots, given, by);
        self.record(Body::Release(freed.body(words)), now)
    }
}

impl Freed<'_> {
    fn body(&self, words: B256) -> ReleaseBody {
        let (release, allocation) = (self.release, self.allocation);
        ReleaseBody {
            request_id: release.request_id,
            request_index: self.index,
            resource_id: allocation.resource_id,
            resource_index: allocation.resource_index,
            requester: allocation.requester,
            volume: allocation.volume,
            start_time: allocation.start_time,
            end_time: allocation.end_time,
            first_slot: self.slots.first,
            // No more than were allocated: 16 words of 12 slots.
            slot_count: u16::try_from(self.slots.slot_count()).unwrap_or(u16::MAX),
            from_time: release.from_time,
            timestamp: release.timestamp,
            words,
            evidence: self.evidence.hash(),
        }
    }
}
