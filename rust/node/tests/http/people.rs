//! People who sign files.

use alloy_primitives::{Address, B256, keccak256};
use fallow_protocol::{
    Announcement, AnnouncementFile, Domain, FILE_VERSION, Release, ReleaseFile, Request,
    RequestFile, RequestId, ResourceId, SecretKey, Withdrawal, WithdrawalFile,
};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const HOUR: u64 = 3_600;

/// What a provider says of one unit.
pub(crate) const OFFER: &str =
    r#"{"region":"eu","unit":{"milliCores":8000},"machine":{"gpus":[{"model":"a"}]}}"#;

pub(crate) fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn key(number: u64) -> SecretKey {
    let mut bytes = [7; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_bytes(bytes).unwrap()
}

/// A provider's resource: eight units in each hour of two days, from the last full hour on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource {
    pub(crate) provider: u64,
    pub(crate) announcement: Announcement,
    pub(crate) domain: Domain,
}

impl Resource {
    pub(crate) fn new(domain: Domain, provider: u64) -> Self {
        let now = clock();
        let start_time = now - now % HOUR;
        let announcement = Announcement {
            provider: key(provider).address(),
            approver: Address::ZERO,
            volume: 8,
            start_time,
            end_time: start_time + 48 * HOUR,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: now,
            offer: keccak256(OFFER),
        };
        Self { provider, announcement, domain }
    }

    pub(crate) fn id(&self) -> ResourceId {
        self.announcement.id(&self.domain)
    }

    pub(crate) fn announce(&self) -> AnnouncementFile {
        AnnouncementFile {
            version: FILE_VERSION,
            network_id: self.domain.network_id,
            announcement: self.announcement,
            signature: key(self.provider).sign(self.id().0),
        }
    }

    pub(crate) fn withdraw(&self) -> WithdrawalFile {
        let withdrawal = Withdrawal { resource_id: self.id(), timestamp: clock() };
        WithdrawalFile {
            version: FILE_VERSION,
            network_id: self.domain.network_id,
            withdrawal,
            signature: key(self.provider).sign(withdrawal.id(&self.domain)),
        }
    }

    /// A claim on `volume` units in the hour `hour` from the first.
    pub(crate) fn request(
        &self,
        requester: u64,
        sequence: u64,
        hour: u64,
        volume: u16,
    ) -> RequestFile {
        let start_time = self.announcement.start_time + hour * HOUR;
        let request = Request {
            resource_id: self.id(),
            requester: key(requester).address(),
            volume,
            start_time,
            end_time: start_time + HOUR,
            timestamp: clock(),
            sequence,
        };
        RequestFile {
            version: FILE_VERSION,
            network_id: self.domain.network_id,
            request,
            signature: key(requester).sign(request.id(&self.domain).0),
            approval: None,
        }
    }

    /// Gives all of a request back.
    pub(crate) fn release(&self, requester: u64, file: &RequestFile) -> ReleaseFile {
        let request_id: RequestId = file.request.id(&self.domain);
        let release =
            Release { request_id, from_time: file.request.start_time, timestamp: clock() };
        ReleaseFile {
            version: FILE_VERSION,
            network_id: self.domain.network_id,
            release,
            signature: key(requester).sign(release.id(&self.domain)),
        }
    }

    pub(crate) fn id_of(&self, file: &RequestFile) -> B256 {
        file.request.id(&self.domain).0
    }
}
