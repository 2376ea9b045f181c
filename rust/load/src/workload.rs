//! Messages signed beforehand: announcements of some resources, and requests of many requesters.

use alloy_primitives::{Address, B256, keccak256};
use fallow_protocol::{
    Announcement, AnnouncementFile, Domain, FILE_VERSION, Request, RequestFile, ResourceId,
    SecretKey,
};
use rayon::prelude::*;

/// Seconds of a slot.
const SLOT: u64 = 3_600;
/// Slots of a resource: a month.
const SLOTS: u64 = 24 * 30;
/// Windows that are asked for, each of one slot, so that requests meet in some calendar words.
const WINDOWS: u64 = 4;

/// Providers, resources, requesters, and what each has sent so far.
#[derive(Debug)]
pub struct Workload {
    domain: Domain,
    announcements: Vec<Announcement>,
    resources: Vec<ResourceId>,
    provider: SecretKey,
    requesters: Vec<SecretKey>,
    made: u64,
    first_slot: u64,
}

/// Different machines that are offered.
const MACHINES: u64 = 50;

/// The document of resource `number`.
fn offer(number: u64) -> String {
    let machine = number % MACHINES;
    let region = if machine.is_multiple_of(2) { "eu" } else { "us" };
    let cores = (machine % 16).saturating_add(1);
    // 1 to 32 GiB.
    let memory = (1_u64 << 30) << (machine % 6);
    let gpus = if machine.is_multiple_of(5) {
        r#"[{"model":"A100","memoryBytes":"85899345920"}]"#
    } else {
        "[]"
    };
    format!(
        r#"{{"version":1,"volume":65535,"region":"{region}","unit":{{"milliCores":{cores}000,"memoryBytes":"{memory}","diskBytes":"0"}},"machine":{{"architecture":"x86_64","system":"linux","processor":"number {machine}","cores":{cores},"memoryBytes":"{memory}","diskBytes":"0","gpus":{gpus}}}}}"#
    )
}

/// A request with its id.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// Its id.
    pub id: B256,
    /// As it is posted.
    pub file: RequestFile,
}

impl Workload {
    /// `resources` offers of one provider and `requesters` keys, for a network whose time is `now`.
    #[must_use]
    pub fn new(domain: Domain, now: u64, resources: u64, requesters: u64) -> Self {
        let provider = key("provider", 0);
        let start = now.saturating_sub(now % SLOT);
        let announcements: Vec<_> = (0..resources)
            .map(|number| Announcement {
                provider: provider.address(),
                approver: Address::ZERO,
                volume: u16::MAX,
                start_time: start,
                end_time: start.saturating_add(SLOT.saturating_mul(SLOTS)),
                slot_seconds: 3_600,
                notice_seconds: 0,
                timestamp: now,
                offer: keccak256(offer(number)),
            })
            .collect();
        let resources = announcements.iter().map(|one| one.id(&domain)).collect();
        let requesters = (0..requesters).into_par_iter().map(|number| key("requester", number));
        let requesters = requesters.collect();
        Self { domain, announcements, resources, provider, requesters, made: 0, first_slot: 1 }
    }

    /// The announcements, to be recorded before the first request.
    #[must_use]
    pub fn announcements(&self) -> Vec<AnnouncementFile> {
        let sign = |announcement: &Announcement| AnnouncementFile {
            version: FILE_VERSION,
            network_id: self.domain.network_id,
            announcement: *announcement,
            signature: self.provider.sign(announcement.id(&self.domain).0),
        };
        self.announcements.iter().map(sign).collect()
    }

    /// The offer documents that the announcements name.
    #[must_use]
    pub fn offers(&self) -> Vec<String> {
        (0..MACHINES.min(self.announcements.len() as u64)).map(offer).collect()
    }

    /// The next `count` requests, signed at `now`, on all cores. Each requester's sequences rise by
    /// one; resources and windows take turns.
    pub fn requests(&mut self, count: u64, now: u64) -> Vec<SignedRequest> {
        let first = self.made;
        self.made = self.made.saturating_add(count);
        let numbers = first..self.made;
        numbers.into_par_iter().map(|number| self.request(number, now)).collect()
    }

    fn request(&self, number: u64, now: u64) -> SignedRequest {
        let (requesters, resources) = (self.requesters.len() as u64, self.resources.len() as u64);
        let turn = number.checked_div(requesters).unwrap_or(0);
        let requester = &self.requesters[index(number, requesters)];
        // Mixed, so that neighbours in time are not neighbours in the calendar.
        let place = keccak256(number.to_be_bytes());
        let choice = u64::from(place[0]) << 8 | u64::from(place[1]);
        let window = u64::from(place[2]) % WINDOWS;
        let which = index(choice, resources);
        let start = self.announcements[which].start_time;
        // A slot has 65535 units: busy ones give way to later ones.
        let full = number.checked_div(resources.saturating_mul(40_000)).unwrap_or(0);
        let slot =
            self.first_slot.saturating_add(window).saturating_add(full.saturating_mul(WINDOWS));
        let start_time = start.saturating_add(slot.saturating_mul(SLOT));
        let request = Request {
            resource_id: self.resources[which],
            requester: requester.address(),
            volume: 1,
            start_time,
            end_time: start_time.saturating_add(SLOT),
            timestamp: now,
            sequence: turn.saturating_add(1),
        };
        let id = request.id(&self.domain).0;
        let file = RequestFile {
            version: FILE_VERSION,
            network_id: self.domain.network_id,
            request,
            signature: requester.sign(id),
            approval: None,
        };
        SignedRequest { id, file }
    }
}

fn index(number: u64, of: u64) -> usize {
    usize::try_from(number.checked_rem(of).unwrap_or(0)).unwrap_or(0)
}

fn key(what: &str, number: u64) -> SecretKey {
    let secret = keccak256(format!("load {what} {number}"));
    SecretKey::from_bytes(secret.0).expect("a hash is a valid key")
}
