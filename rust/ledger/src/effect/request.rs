//! Section 4.2: requests.

use crate::state::{Change, Resource};
use crate::{Finding, Ledger, check};
use alloy_primitives::{B256, U256};
use fallow_protocol::{
    AllocationBody, Body, Evidence, Record, Refusal, Request, RequesterWord, ResourceWord,
    SlotRange,
};

/// A request that passed all five checks, and what they found.
pub(crate) struct Claim<'a> {
    request: &'a Request,
    evidence: Evidence,
    resource: ResourceWord,
    slots: SlotRange,
    before: RequesterWord,
    after: RequesterWord,
}

impl Ledger {
    /// Records a request, which allocates volume, or says which rule it breaks first.
    pub(crate) fn request(
        &mut self,
        request: &Request,
        signatures: &[u8],
        now: u64,
    ) -> Result<Record, Refusal> {
        let (recorded, index) = (self.state.recorded(request.resource_id), self.size());
        let claim = self.claim(request, signatures, recorded.as_ref(), (index, now))?;
        Ok(self.record_claim(&claim, now))
    }

    /// Makes the five checks in order, up to the first that fails, for a record at `index` in a
    /// block of time `now`.
    pub(crate) fn claim<'a>(
        &self,
        request: &'a Request,
        signatures: &[u8],
        recorded: Option<&Resource>,
        (index, now): (u64, u64),
    ) -> Result<Claim<'a>, Refusal> {
        use check::request::{capacity, requester, resource, sequence, window};
        let state = &self.state;
        let evidence = requester(state, request.id(&self.domain), request, signatures, recorded)?;
        let resource = resource(request.resource_id, recorded)?;
        let (before, after) = sequence(state, request, index)?;
        let slots = window(&resource, request, now)?;
        capacity(state, &resource, slots, request.volume)?;
        Ok(Claim { request, evidence, resource, slots, before, after })
    }

    /// Allocates what was claimed.
    pub(crate) fn record_claim(&mut self, claim: &Claim<'_>, now: u64) -> Record {
        let (request, index) = (claim.request, self.size());
        let taken = Change::Take(request.volume);
        let words = self.state_mut().change(claim.resource.index, claim.slots, taken, index);
        self.state_mut().store_requester(request.requester, &claim.after);
        self.record(Body::Allocation(claim.body(words)), now)
    }

    /// Answers the five checks for a request at time `now`, without recording it, as
    /// `IRegistry.check` does. A check that holds names what was compared: 1 signer and requester;
    /// 2 resource's index and 1; 3 sequence and highest seen; 4 first slot's end and block time;
    /// 5 volume asked and volume free in the fullest slot. A check that cannot be judged because an
    /// earlier one failed (4 and 5 need 2, 5 needs 4) repeats that refusal.
    #[must_use]
    pub fn check(&self, request: &Request, signatures: &[u8], now: u64) -> [Finding; 5] {
        use check::request::{capacity, first_slot_end, requester, resource, sequence, window};
        let (state, id) = (&self.state, request.id(&self.domain));
        let recorded = state.recorded(request.resource_id);
        let signed = requester(state, id, request, signatures, recorded.as_ref());
        let resource = resource(request.resource_id, recorded.as_ref());
        let sequence = sequence(state, request, self.size());
        let window = resource.and_then(|resource| {
            let slots = window(&resource, request, now)?;
            Ok((resource, slots))
        });
        let capacity =
            window.and_then(|(resource, slots)| capacity(state, &resource, slots, request.volume));
        let requester = U256::from_be_bytes(request.requester.into_word().0);
        [
            found(signed.map(|_| (requester, requester))),
            found(resource.map(|resource| (U256::from(resource.index), U256::ONE))),
            found(sequence.map(|(before, _)| numbers(request.sequence, before.highest))),
            found(window.map(|(resource, _)| numbers(first_slot_end(&resource, request), now))),
            found(capacity.map(|free| numbers(request.volume.into(), free.into()))),
        ]
    }
}

impl Claim<'_> {
    fn body(&self, words: B256) -> AllocationBody {
        let request = self.request;
        AllocationBody {
            resource_id: request.resource_id,
            resource_index: self.resource.index,
            requester: request.requester,
            volume: request.volume,
            start_time: request.start_time,
            end_time: request.end_time,
            first_slot: self.slots.first,
            // Check 4 bounds it to 16 words of 12 slots.
            slot_count: u16::try_from(self.slots.slot_count()).unwrap_or(u16::MAX),
            timestamp: request.timestamp,
            sequence: request.sequence,
            previous_index: self.before.index,
            highest_after: self.after.highest,
            bitmap_after: self.after.bitmap,
            words,
            evidence: self.evidence.hash(),
        }
    }
}

fn numbers(got: u64, want: u64) -> (U256, U256) {
    (U256::from(got), U256::from(want))
}

fn found(result: Result<(U256, U256), Refusal>) -> Finding {
    match result {
        Ok((got, want)) => Finding::holds(got, want),
        Err(refusal) => refusal.into(),
    }
}
