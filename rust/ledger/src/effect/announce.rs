//! Sections 4.1 and 4.3: announcements, alone or with the request that brings them.

use crate::state::Resource;
use crate::{Applied, Ledger, check};
use fallow_protocol::{
    Announcement, AnnouncementBody, Body, Evidence, Record, Refusal, Request, ResourceId,
    ResourceWord,
};

/// An announcement that passed all rules.
struct Offer<'a> {
    id: ResourceId,
    announcement: &'a Announcement,
    evidence: Evidence,
}

impl Ledger {
    /// Records an announcement, or says which rule it breaks first.
    pub(crate) fn announce(
        &mut self,
        announcement: &Announcement,
        signatures: &[u8],
        now: u64,
    ) -> Result<Record, Refusal> {
        let id = announcement.id(&self.domain);
        let evidence =
            check::announcement::announcement(&self.state, id, announcement, signatures)?;
        Ok(self.record_offer(&Offer { id, announcement, evidence }, now))
    }

    /// Records a request and, unless it is recorded, the announcement that it brings: both or none.
    pub(crate) fn announce_and_request(
        &mut self,
        announcement: &Announcement,
        request: &Request,
        signatures: &[u8],
        now: u64,
    ) -> Result<Applied, Refusal> {
        let (providers, requesters) = check::announcement::split(signatures)?;
        let id = announcement.id(&self.domain);
        check::announcement::brought(id, request.resource_id)?;
        if self.state.recorded(id).is_some() {
            return Ok(self.request(request, requesters, now)?.into());
        }
        let evidence = check::announcement::announcement(&self.state, id, announcement, providers)?;
        let (offered, index) = (self.offered(announcement), self.size().saturating_add(1));
        let claim = self.claim(request, requesters, Some(&offered), (index, now))?;
        let announced = self.record_offer(&Offer { id, announcement, evidence }, now);
        Ok(Applied { announced: Some(announced), record: self.record_claim(&claim, now) })
    }

    /// The resource that the announcement becomes if it is recorded next.
    fn offered(&self, announcement: &Announcement) -> Resource {
        let word = ResourceWord::of(announcement, self.size());
        Resource { word, approver: announcement.approver }
    }

    fn record_offer(&mut self, offer: &Offer<'_>, now: u64) -> Record {
        let resource = self.offered(offer.announcement);
        self.state_mut().store_resource(offer.id, &resource);
        let body = announcement_body(offer.announcement, &offer.evidence);
        self.record(Body::Announcement(body), now)
    }
}

fn announcement_body(announcement: &Announcement, evidence: &Evidence) -> AnnouncementBody {
    AnnouncementBody {
        provider: announcement.provider,
        approver: announcement.approver,
        volume: announcement.volume,
        start_time: announcement.start_time,
        end_time: announcement.end_time,
        slot_seconds: announcement.slot_seconds,
        notice_seconds: announcement.notice_seconds,
        timestamp: announcement.timestamp,
        offer: announcement.offer,
        evidence: evidence.hash(),
    }
}
