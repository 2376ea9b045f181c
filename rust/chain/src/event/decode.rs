//! From a log's topics and data to what they say (docs/protocol.md section 6.1).

use super::{Event, Released};
use crate::Registry;
use Registry::RegistryEvents;
use alloy::sol_types::{SolEvent as _, SolEventInterface as _};
use alloy_primitives::{B256, LogData, U256};
use fallow_ledger::{GenesisParent, Message};
use fallow_protocol::{Announcement, Domain, Request, Signature, Withdrawal, packed};

/// The events of one log; `None` if no registry emits it.
pub(super) fn events(domain: &Domain, data: &LogData, position: u64) -> Option<Vec<Event>> {
    match RegistryEvents::decode_raw_log(data.topics(), &data.data) {
        Ok(event) if encoded(&event) == *data => of(domain, event, position),
        _ => None,
    }
}

fn of(domain: &Domain, event: RegistryEvents, position: u64) -> Option<Vec<Event>> {
    let event = match event {
        RegistryEvents::BatchAllocated(event) => return batch_allocated(&event),
        RegistryEvents::BatchReleased(event) => return batch_released(&event),
        RegistryEvents::NetworkStarted(event) => started(&event),
        RegistryEvents::ResourceAnnounced(event) => announced(domain, &event)?,
        RegistryEvents::VolumeAllocated(event) => allocated(&event)?,
        RegistryEvents::VolumeApproved(event) => Event::Approved {
            index: event.index,
            signature: signature(event.r, event.vs),
            position,
        },
        RegistryEvents::VolumeReleased(event) => released(&event),
        RegistryEvents::WithdrawalRecorded(event) => withdrawn(event),
        RegistryEvents::RecordAppended(event) => appended(event),
        RegistryEvents::Refused(_) => Event::Refused,
    };
    Some(vec![event])
}

/// Cuts fields off the front of a packed word, most significant byte first.
struct Word([u8; 32], usize);

impl Word {
    const fn new(word: U256) -> Self {
        Self(word.to_be_bytes::<32>(), 0)
    }

    /// The next `N` bytes; zeros beyond the end, where nobody reads.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let rest = self.0.get(self.1..).unwrap_or_default();
        self.1 = self.1.saturating_add(N);
        rest.first_chunk().copied().unwrap_or([0; N])
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }
}

const fn started(event: &Registry::NetworkStarted) -> Event {
    let parent = GenesisParent {
        network: fallow_protocol::NetworkId(event.parentNetwork),
        checkpoint: event.parentCheckpoint,
        size: event.parentSize,
    };
    Event::Started { network_id: fallow_protocol::NetworkId(event.networkId), parent }
}

/// Announcements and requests end `terms` with two bytes of zero and have the same `times`: start,
/// end, timestamp, index of the record. The id of an announcement follows from its fields.
fn announced(domain: &Domain, event: &Registry::ResourceAnnounced) -> Option<Event> {
    let (mut terms, mut times) = (Word::new(event.terms), Word::new(event.times));
    let announcement = Announcement {
        provider: terms.take().into(),
        approver: event.approver,
        volume: terms.u16(),
        slot_seconds: terms.u32(),
        notice_seconds: terms.u32(),
        start_time: times.u64(),
        end_time: times.u64(),
        timestamp: times.u64(),
        offer: event.offer,
    };
    let signatures = signature(event.r, event.vs).0.into();
    let message = Message::Announce { announcement, signatures };
    let is_one = terms.u16() == 0 && event.resourceId == announcement.id(domain).0;
    is_one.then(|| Event::Recorded { index: times.u64(), message })
}

fn allocated(event: &Registry::VolumeAllocated) -> Option<Event> {
    let (mut terms, mut times) = (Word::new(event.terms), Word::new(event.times));
    let request = Request {
        resource_id: event.resourceId.into(),
        requester: terms.take().into(),
        sequence: terms.u64(),
        volume: terms.u16(),
        start_time: times.u64(),
        end_time: times.u64(),
        timestamp: times.u64(),
    };
    let signatures = signature(event.r, event.vs).0.into();
    let message = Message::Request { request, signatures };
    (terms.u16() == 0).then(|| Event::Recorded { index: times.u64(), message })
}

fn released(event: &Registry::VolumeReleased) -> Event {
    let mut times = Word::new(event.times);
    Event::Released(Released {
        allocation: times.u64(),
        resource_id: Some(event.resourceId.into()),
        from_time: times.u64(),
        timestamp: times.u64(),
        signature: signature(event.r, event.vs),
        index: times.u64(),
    })
}

fn withdrawn(event: Registry::WithdrawalRecorded) -> Event {
    let signatures = signature(event.r, event.vs).0.into();
    let (resource_id, timestamp) = (event.resourceId.into(), event.timestamp);
    let message = Message::Withdraw {
        withdrawal: Withdrawal { resource_id, timestamp },
        announcement: event.announcement.into(),
        signatures,
    };
    Event::Recorded { index: event.index, message }
}

fn appended(event: Registry::RecordAppended) -> Event {
    let Registry::RecordAppended { kind, writer, index, body } = event;
    Event::Recorded { index, message: Message::Append { kind, writer, body } }
}

/// One event for each request of a packed batch.
fn batch_allocated(event: &Registry::BatchAllocated) -> Option<Vec<Event>> {
    let groups = packed::decode_allocated(&event.groups).ok()?;
    let mut events = Vec::new();
    for group in &groups {
        let packed::GroupResource::Id(resource_id) = group.resource else {
            return None;
        };
        for (request, evidence) in group.requests(resource_id) {
            let index = following(event.index, events.len())?;
            let message = Message::Request { request, signatures: evidence.signatures().into() };
            events.push(Event::Recorded { index, message });
        }
    }
    Some(events)
}

/// One event for each release of a packed batch.
fn batch_released(event: &Registry::BatchReleased) -> Option<Vec<Event>> {
    let items = packed::decode_released(&event.items).ok()?;
    let events = items.iter().enumerate().map(|(place, item)| {
        Some(Event::Released(Released {
            index: following(event.index, place)?,
            allocation: item.index,
            resource_id: None,
            from_time: item.from_time,
            timestamp: item.timestamp,
            signature: item.signature,
        }))
    });
    events.collect()
}

/// Index of the record at `place` of a batch; `None` beyond 2^64 - 1.
fn following(first: u64, place: usize) -> Option<u64> {
    u64::try_from(place).ok().and_then(|place| first.checked_add(place))
}

fn signature(r: B256, vs: B256) -> Signature {
    Signature(r.concat_const(vs))
}

/// The event as a contract encodes it: decoding alone does not look at padding and offsets.
fn encoded(event: &RegistryEvents) -> LogData {
    match event {
        RegistryEvents::BatchAllocated(event) => event.encode_log_data(),
        RegistryEvents::BatchReleased(event) => event.encode_log_data(),
        RegistryEvents::NetworkStarted(event) => event.encode_log_data(),
        RegistryEvents::ResourceAnnounced(event) => event.encode_log_data(),
        RegistryEvents::VolumeAllocated(event) => event.encode_log_data(),
        RegistryEvents::VolumeApproved(event) => event.encode_log_data(),
        RegistryEvents::VolumeReleased(event) => event.encode_log_data(),
        RegistryEvents::WithdrawalRecorded(event) => event.encode_log_data(),
        RegistryEvents::RecordAppended(event) => event.encode_log_data(),
        RegistryEvents::Refused(event) => event.encode_log_data(),
    }
}
