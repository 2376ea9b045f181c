//! People who sign messages.

use crate::support::clock;
use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::Message;
use fallow_protocol::{Announcement, Domain, Release, Request, SecretKey, Withdrawal};

const HOUR: u64 = 3_600;

pub(crate) fn key(number: u64) -> SecretKey {
    let mut bytes = [9; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_bytes(bytes).unwrap()
}

fn signed(key: &SecretKey, digest: B256) -> Bytes {
    Bytes::copy_from_slice(key.sign(digest).0.as_slice())
}

/// A provider's resource: `volume` units in each hour of a day, from the last full hour on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource {
    pub(crate) provider: u64,
    pub(crate) announcement: Announcement,
    pub(crate) domain: Domain,
}

impl Resource {
    pub(crate) fn new(domain: Domain, provider: u64, volume: u16) -> Self {
        let now = clock();
        let start_time = now - now % HOUR;
        let announcement = Announcement {
            provider: key(provider).address(),
            approver: Address::ZERO,
            volume,
            start_time,
            end_time: start_time + 24 * HOUR,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: now,
            offer: B256::repeat_byte(provider as u8),
        };
        Self { provider, announcement, domain }
    }

    pub(crate) fn id(&self) -> B256 {
        self.announcement.id(&self.domain).0
    }

    pub(crate) fn announce(&self) -> Message {
        let signatures = signed(&key(self.provider), self.id());
        Message::Announce { announcement: self.announcement, signatures }
    }

    pub(crate) fn withdraw(&self, timestamp: u64) -> Message {
        let withdrawal = Withdrawal { resource_id: self.id().into(), timestamp };
        let signatures = signed(&key(self.provider), withdrawal.id(&self.domain));
        Message::Withdraw { withdrawal, announcement: self.announcement, signatures }
    }

    /// A claim on `volume` units in the hour `hour` from the first.
    pub(crate) fn ask(&self, requester: u64, sequence: u64, (hour, volume): (u64, u16)) -> Request {
        let start_time = self.announcement.start_time + hour * HOUR;
        Request {
            resource_id: self.id().into(),
            requester: key(requester).address(),
            volume,
            start_time,
            end_time: start_time + HOUR,
            timestamp: clock(),
            sequence,
        }
    }

    pub(crate) fn request(&self, requester: u64, request: Request) -> Message {
        let signatures = signed(&key(requester), request.id(&self.domain).0);
        Message::Request { request, signatures }
    }

    pub(crate) fn carried(&self, requester: u64, request: Request) -> Message {
        let provider = signed(&key(self.provider), self.id());
        let own = signed(&key(requester), request.id(&self.domain).0);
        let signatures = [provider, own].concat().into();
        Message::AnnounceAndRequest { announcement: self.announcement, request, signatures }
    }

    /// Gives back all that a request got. The record is for the node to find.
    pub(crate) fn release(&self, requester: u64, request: &Request) -> Message {
        let release = Release {
            request_id: request.id(&self.domain),
            from_time: request.start_time,
            timestamp: clock(),
        };
        let signatures = signed(&key(requester), release.id(&self.domain));
        Message::Release { release, signatures, record: Bytes::new(), path: Vec::new() }
    }
}
