//! What happens next, before it is signed.

use crate::keys::Keys;
use alloy_primitives::{Address, B256, Bytes};
use fallow_protocol::{
    Announcement, Domain, Record, Release, Request, RequestId, ResourceId, Withdrawal,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Seconds of every slot.
const SLOT: u64 = 3_600;
/// Slots of every resource: two months.
const SLOTS: u64 = 24 * 60;
/// Requests begin at most a month ahead, and take at most half a day.
const AHEAD_SLOTS: u64 = 24 * 30;
const REQUEST_SLOTS: u64 = 12;
/// Notice of some resources.
const NOTICE: u32 = 3_600;
/// Messages of one round are recorded within this time, seconds; also within the drift of 300.
const ROUND_SECONDS: u64 = 200;
/// Allocations that may still be released: as many as are remembered.
const RELEASABLE: usize = 1_024;
/// So many resources are always open.
const OPEN_RESOURCES: usize = 4;

/// An unsigned message, with the numbers of those who will sign.
#[derive(Debug)]
pub(crate) enum Draft {
    Announce { announcement: Announcement, provider: usize },
    Request { request: Request, requester: usize, approver: Option<usize> },
    Carried { announcement: Announcement, provider: usize, request: Request, requester: usize },
    Release { release: Release, requester: usize, record: Bytes },
    Withdraw { withdrawal: Withdrawal, announcement: Announcement, provider: usize },
    Append { body: Bytes },
}

/// A resource that is open to requests.
#[derive(Clone, Copy, Debug)]
struct Offer {
    announcement: Announcement,
    id: ResourceId,
    provider: usize,
    approver: Option<usize>,
}

/// An allocation that can be released.
#[derive(Clone, Debug)]
struct Held {
    request: Request,
    id: RequestId,
    requester: usize,
    record: Bytes,
}

/// Draws what happens next.
#[derive(Debug)]
pub(crate) struct Planner {
    dice: StdRng,
    domain: Domain,
    offers: Vec<Offer>,
    held: Vec<Held>,
    sequences: Vec<u64>,
}

impl Planner {
    pub(crate) fn new(seed: u64, domain: Domain, keys: &Keys) -> Self {
        let sequences = vec![0; keys.requesters.len()];
        let dice = StdRng::seed_from_u64(seed);
        Self { dice, domain, offers: Vec::new(), held: Vec::new(), sequences }
    }

    /// What happens next, at some time from `now` on.
    pub(crate) fn draft(&mut self, keys: &Keys, now: u64) -> Draft {
        if self.offers.len() < OPEN_RESOURCES {
            return self.announce(keys, now);
        }
        // Of a thousand messages.
        match self.dice.random_range(0..1_000) {
            0..25 => self.announce(keys, now),
            25..45 => self.carried(keys, now),
            45..52 => self.withdraw(now),
            52..56 => self.tombstone(keys, now),
            56..66 => Draft::Append { body: self.body() },
            66..150 => self.release(now).unwrap_or_else(|| self.request(keys, now)),
            _ => self.request(keys, now),
        }
    }

    /// The resource that was open first of those without an approver; it may not be recorded yet.
    pub(crate) fn unapproved(&self) -> Option<Announcement> {
        let offer = self.offers.iter().find(|offer| offer.approver.is_none());
        offer.map(|offer| offer.announcement)
    }

    /// An allocation was recorded: it may be released later.
    pub(crate) fn allocated(&mut self, request: &Request, requester: usize, record: &Record) {
        let id = request.id(&self.domain);
        let held = Held { request: *request, id, requester, record: record.encode().into() };
        if self.held.len() < RELEASABLE {
            self.held.push(held);
        } else {
            let place = self.dice.random_range(0..RELEASABLE);
            self.held[place] = held;
        }
    }

    fn offer(&mut self, keys: &Keys, now: u64, approver: Option<usize>) -> Offer {
        let provider = self.dice.random_range(0..keys.providers.len());
        let start_time = now.saturating_sub(now.checked_rem(SLOT).unwrap_or(0));
        let announcement = Announcement {
            provider: keys.providers[provider].address(),
            approver: approver.map_or(Address::ZERO, |approver| keys.approvers[approver].address()),
            volume: self.dice.random_range(20..=u16::MAX),
            start_time,
            end_time: start_time.saturating_add(SLOT.saturating_mul(SLOTS)),
            slot_seconds: 3_600,
            notice_seconds: if self.dice.random_bool(0.5) { NOTICE } else { 0 },
            timestamp: now,
            offer: B256::from(self.dice.random::<[u8; 32]>()),
        };
        Offer { announcement, id: announcement.id(&self.domain), provider, approver }
    }

    fn announce(&mut self, keys: &Keys, now: u64) -> Draft {
        let approved = self.dice.random_bool(0.1);
        let approver = approved.then(|| self.dice.random_range(0..keys.approvers.len()));
        let offer = self.offer(keys, now, approver);
        self.offers.push(offer);
        Draft::Announce { announcement: offer.announcement, provider: offer.provider }
    }

    fn carried(&mut self, keys: &Keys, now: u64) -> Draft {
        let offer = self.offer(keys, now, None);
        self.offers.push(offer);
        let (request, requester) = self.ask(&offer, keys, now);
        let Offer { announcement, provider, .. } = offer;
        Draft::Carried { announcement, provider, request, requester }
    }

    fn request(&mut self, keys: &Keys, now: u64) -> Draft {
        let offer = *self.offers.choose(&mut self.dice).expect("some resources are always open");
        let (request, requester) = self.ask(&offer, keys, now);
        Draft::Request { request, requester, approver: offer.approver }
    }

    fn ask(&mut self, offer: &Offer, keys: &Keys, now: u64) -> (Request, usize) {
        let requester = self.dice.random_range(0..keys.requesters.len());
        self.sequences[requester] = self.sequences[requester].saturating_add(1);
        let start = offer.announcement.start_time;
        let passed = now.saturating_sub(start).checked_div(SLOT).unwrap_or(0);
        let first = passed.saturating_add(self.dice.random_range(1..AHEAD_SLOTS));
        let start_time = start.saturating_add(SLOT.saturating_mul(first));
        let slots = self.dice.random_range(1..=REQUEST_SLOTS);
        let request = Request {
            resource_id: offer.id,
            requester: keys.requesters[requester].address(),
            volume: self.dice.random_range(1..=4),
            start_time,
            end_time: start_time.saturating_add(SLOT.saturating_mul(slots)),
            timestamp: now,
            sequence: self.sequences[requester],
        };
        (request, requester)
    }

    /// Gives back an allocation, or its later slots; none if there is none whose notice is kept.
    fn release(&mut self, now: u64) -> Option<Draft> {
        let place = self.dice.random_range(0..self.held.len().max(1));
        let earliest = now.saturating_add(NOTICE.into()).saturating_add(ROUND_SECONDS);
        let kept = self.held.get(place).is_some_and(|held| held.request.start_time >= earliest);
        let held = kept.then(|| self.held.swap_remove(place))?;
        let Request { start_time, end_time, .. } = held.request;
        let slots = end_time.saturating_sub(start_time).checked_div(SLOT)?;
        let slot = if self.dice.random_bool(0.5) { 0 } else { self.dice.random_range(0..slots) };
        let from_time = start_time.saturating_add(SLOT.saturating_mul(slot));
        let release = Release { request_id: held.id, from_time, timestamp: now };
        Some(Draft::Release { release, requester: held.requester, record: held.record })
    }

    fn withdraw(&mut self, now: u64) -> Draft {
        let place = self.dice.random_range(0..self.offers.len());
        let offer = self.offers.swap_remove(place);
        Self::withdrawal(&offer, now)
    }

    /// Bars an announcement that was never recorded.
    fn tombstone(&mut self, keys: &Keys, now: u64) -> Draft {
        let offer = self.offer(keys, now, None);
        Self::withdrawal(&offer, now)
    }

    const fn withdrawal(offer: &Offer, now: u64) -> Draft {
        let withdrawal = Withdrawal { resource_id: offer.id, timestamp: now };
        let Offer { announcement, provider, .. } = *offer;
        Draft::Withdraw { withdrawal, announcement, provider }
    }

    fn body(&mut self) -> Bytes {
        let length = self.dice.random_range(0..=64);
        (0..length).map(|_| self.dice.random::<u8>()).collect()
    }
}
