//! What an honest network would not record: for whoever has to notice.

use crate::History;
use fallow_ledger::Ledger;
use fallow_protocol::{
    AllocationBody, Body, Entry, Evidence, Record, Request, RequesterWord, SlotRange, words_hash,
};

impl History {
    /// The next record of a network that does not look at the volume: an allocation, rightly signed
    /// and chained, of one unit more than a resource has free. `None` while no resource is open
    /// that needs no approval.
    #[must_use]
    pub fn overallocated(&self) -> Option<Entry> {
        let ledger = self.ledger();
        let (announcement, slot, requester, sequence) = self.beyond()?;
        let domain = ledger.domain();
        let start_time = announcement
            .start_time
            .saturating_add(slot.saturating_mul(announcement.slot_seconds.into()));
        let request = Request {
            resource_id: announcement.id(domain),
            requester: requester.address(),
            volume: free(ledger, &announcement.id(domain), slot)?.checked_add(1)?,
            start_time,
            end_time: start_time.saturating_add(announcement.slot_seconds.into()),
            timestamp: self.time(),
            sequence,
        };
        let evidence = Evidence::of(requester.sign(request.id(domain).0));
        let record = record(ledger, &request, slot, evidence, self.time())?;
        Some(Entry { record: record.encode(), evidence: evidence.encode(), announcement: None })
    }
}

/// Units that nobody has taken in a slot.
fn free(ledger: &Ledger, id: &fallow_protocol::ResourceId, slot: u64) -> Option<u16> {
    let volume = ledger.resource(*id)?.volume;
    let used = ledger.used(*id, SlotRange { first: slot, last: slot });
    volume.checked_sub(*used.first()?)
}

/// The record as the ledger would have written it.
fn record(
    ledger: &Ledger,
    request: &Request,
    slot: u64,
    evidence: Evidence,
    block_time: u64,
) -> Option<Record> {
    let (index, resource) = (ledger.size(), ledger.resource(request.resource_id)?);
    let slots = SlotRange { first: slot, last: slot };
    let number = *slots.words().start();
    let mut word = ledger.word(request.resource_id, number);
    let used = word.used.get_mut(*slots.lanes(number).start())?;
    *used = used.saturating_add(request.volume);
    let before = ledger.requester(request.requester);
    let after: RequesterWord = before.accept(request.sequence, index).ok()?;
    let body = AllocationBody {
        resource_id: request.resource_id,
        resource_index: resource.index,
        requester: request.requester,
        volume: request.volume,
        start_time: request.start_time,
        end_time: request.end_time,
        first_slot: slot,
        slot_count: 1,
        timestamp: request.timestamp,
        sequence: request.sequence,
        previous_index: before.index,
        highest_after: after.highest,
        bitmap_after: after.bitmap,
        words: words_hash([word]),
        evidence: evidence.hash(),
    };
    let writer = ledger.domain().registry;
    Some(Record { writer, index, block_time, body: Body::Allocation(body) })
}
