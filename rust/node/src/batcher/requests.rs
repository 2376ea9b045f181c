//! Requests: packed, grouped by resource and window.

use crate::batcher::gas::{Cell, Cost, Meter, item};
use crate::batcher::plan::{Batch, InFlight, PathSource, PlanError, Waiting};
use crate::batcher::tables::write_resource;
use crate::store::types::Pending;
use alloy::sol_types::SolCall as _;
use alloy_primitives::Address;
use fallow_chain::Registry;
use fallow_ledger::{Ledger, Message};
use fallow_protocol::packed::{PackItem, encode_requests, pack_requests};
use fallow_protocol::{
    Announcement, Evidence, LANES, MAX_WORDS, Request, ResourceId, Signature, SlotRange,
};
use std::collections::{HashMap, HashSet};

/// How far the sequences of a requester that go out together are apart at most: half the window of
/// 128, so that none falls out of it whatever becomes of the others.
const SEQUENCES: u64 = 64;
/// kind, count, three times, resource.
const HEAD_BYTES: usize = 18 + 32;
/// Instead of an id, nine words and a signature.
const CARRIED_BYTES: usize = 9 * 32 + 64 - 32;
/// requester, volume, delay, sequence.
const TERMS_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;
/// Times are packed into 40 bits.
const TIME_LIMIT: u64 = 1 << 40;

type Carrier = (Announcement, Signature);

/// The requests that go out, and what is to be known about them.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    pub(crate) items: Vec<Waiting<Asked>>,
    /// Announcements that some of them bring.
    pub(crate) carriers: HashMap<ResourceId, Carrier>,
    /// Resources for which some have to wait.
    pub(crate) late: HashSet<ResourceId>,
}

/// A request with its signatures.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    request: Request,
    evidence: Evidence,
}

/// What the requests of one group share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    resource: ResourceId,
    window: (u64, u64),
    is_approved: bool,
}

impl Asked {
    const fn key(&self) -> Key {
        let Request { resource_id, start_time, end_time, .. } = self.request;
        let is_approved = self.evidence.approval.is_some();
        Key { resource: resource_id, window: (start_time, end_time), is_approved }
    }

    const fn bytes(&self) -> usize {
        match self.evidence.approval {
            None => TERMS_BYTES + SIGNATURE_BYTES,
            Some(_) => TERMS_BYTES + 2 * SIGNATURE_BYTES,
        }
    }
}

/// Picks the requests whose sequences are near enough to the requester's lowest, in groups in order
/// of their first arrival, each in order of arrival.
pub(crate) fn pick(
    pending: &[&Pending],
    waiting: &HashMap<Address, u64>,
    in_flight: &HashMap<Address, u64>,
) -> Picked {
    let mut picked = Picked::default();
    let mut groups: Vec<Vec<Waiting<Asked>>> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for pending in pending {
        let Some((asked, carrier)) = read(pending) else { continue };
        let request = &asked.request;
        let lowest = [waiting, in_flight].map(|all| all.get(&request.requester).copied());
        let lowest = lowest.into_iter().flatten().min().unwrap_or(request.sequence);
        if request.sequence.saturating_sub(lowest) >= SEQUENCES {
            picked.late.insert(request.resource_id);
            continue;
        }
        if let Some(carrier) = carrier {
            picked.carriers.entry(request.resource_id).or_insert(carrier);
        }
        let place = *places.entry(asked.key()).or_insert(groups.len());
        let waiting = Waiting { arrival: pending.arrival, item: asked };
        match groups.get_mut(place) {
            Some(group) => group.push(waiting),
            None => groups.push(vec![waiting]),
        }
    }
    picked.items = groups.into_iter().flatten().collect();
    picked
}

fn read(pending: &Pending) -> Option<(Asked, Option<Carrier>)> {
    let (request, announcement, signatures) = match &pending.message {
        Message::Request { request, signatures } => (*request, None, signatures.as_ref()),
        Message::AnnounceAndRequest { announcement, request, signatures } => {
            (*request, Some(*announcement), signatures.as_ref())
        }
        _ => return None,
    };
    let asked = read_signed(request, announcement, signatures);
    if asked.is_none() {
        tracing::error!(arrival = pending.arrival, "a promised request is malformed");
    }
    asked
}

fn read_signed(
    request: Request,
    announcement: Option<Announcement>,
    signatures: &[u8],
) -> Option<(Asked, Option<Carrier>)> {
    let times = [request.start_time, request.end_time, request.timestamp];
    if times.iter().any(|time| *time >= TIME_LIMIT) {
        return None;
    }
    let (carrier, signatures) = match announcement {
        None => (None, signatures),
        Some(announcement) => {
            let (first, others) = signatures.split_first_chunk::<SIGNATURE_BYTES>()?;
            (Some((announcement, Signature::from(*first))), others)
        }
    };
    let evidence = Evidence::from_signatures(signatures).ok()?;
    Some((Asked { request, evidence }, carrier))
}

/// What resources are like, recorded or not.
#[derive(Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) waiting: &'a InFlight,
    pub(crate) in_flight: &'a InFlight,
}

impl Terms<'_> {
    fn is_recorded(&self, id: ResourceId) -> bool {
        self.ledger.resource(id).is_some_and(|word| word.index != 0)
    }

    /// The slots that a request asks for, if the resource is known.
    fn slots(&self, request: &Request) -> Option<SlotRange> {
        let (start, seconds) = self.grid(request.resource_id)?;
        let number = |time: u64| time.checked_sub(start)?.checked_div(seconds.into());
        let (first, end) = (number(request.start_time)?, number(request.end_time)?);
        Some(SlotRange { first, last: end.saturating_sub(1).max(first) })
    }

    fn grid(&self, id: ResourceId) -> Option<(u64, u32)> {
        if let Some(word) = self.ledger.resource(id).filter(|word| word.index != 0) {
            return Some((word.start_time, word.slot_seconds));
        }
        let known = [self.waiting, self.in_flight].map(|all| all.announced.get(&id));
        let announcement = known.into_iter().flatten().next()?;
        Some((announcement.start_time, announcement.slot_seconds))
    }
}

/// Items of `requestPacked`.
#[derive(Debug)]
pub(crate) struct RequestBatch<'a> {
    pub(crate) terms: &'a Terms<'a>,
    pub(crate) carriers: &'a HashMap<ResourceId, Carrier>,
}

impl RequestBatch<'_> {
    /// The announcement that the first group of a resource brings.
    fn carrier(&self, id: ResourceId) -> Option<Carrier> {
        self.carriers.get(&id).filter(|_| !self.terms.is_recorded(id)).copied()
    }

    fn open(&self, meter: &Meter<'_>, cost: &mut Cost, id: ResourceId) {
        cost.add(item::HEAD);
        cost.bytes = cost.bytes.saturating_add(HEAD_BYTES);
        let carrier = self.carrier(id).filter(|_| !meter.is_warm(&Cell::Resource(id)));
        match carrier {
            Some((announcement, _)) => {
                cost.merge(&item::announcement(CARRIED_BYTES));
                write_resource(meter, cost, id, &announcement);
            }
            None => meter.read(cost, Cell::Resource(id)),
        }
    }
}

impl<P: PathSource> Batch<P> for RequestBatch<'_> {
    type Item = Asked;

    fn cost(&self, meter: &Meter<'_>, before: Option<&Asked>, item: &Asked) -> Cost {
        let key = item.key();
        let slots = self.terms.slots(&item.request);
        let size = slots.map(|slots| (slots.slot_count(), slots.word_count()));
        let (count, words) = size.unwrap_or((LANES * MAX_WORDS, MAX_WORDS));
        let signatures = if key.is_approved { 2 } else { 1 };
        let mut cost = item::request(item.bytes(), signatures, (count, words));
        if before.is_none_or(|before| before.key() != key) {
            self.open(meter, &mut cost, key.resource);
            meter.write_words(&mut cost, key.resource, slots);
            cost.add(count.saturating_mul(item::SLOT));
        }
        if key.is_approved {
            meter.read(&mut cost, Cell::Approver(key.resource));
        }
        meter.write(&mut cost, Cell::Requester(item.request.requester));
        cost
    }

    fn data(&self, items: &[Waiting<Asked>]) -> Result<Vec<u8>, PlanError<P::Error>> {
        let mut first: HashMap<ResourceId, Key> = HashMap::new();
        let packed = items.iter().map(|Waiting { item, .. }| {
            let key = item.key();
            let is_first = *first.entry(key.resource).or_insert(key) == key;
            let carried = if is_first { self.carrier(key.resource) } else { None };
            PackItem { request: item.request, evidence: item.evidence, carried }
        });
        let packed: Vec<_> = packed.collect();
        let groups = pack_requests(self.terms.ledger.domain(), &packed)?;
        let batch = encode_requests(&groups)?.into();
        Ok(Registry::requestPackedCall { batch }.abi_encode())
    }
}
