//! A slow ledger that keeps everything that ever happened and judges with plain loops over seconds
//! and slots: no words, no bitmaps, no hashing of its own.

use crate::common::{World, domain};
use alloy_primitives::{Address, B256};
use fallow_ledger::Message;
use fallow_protocol::{
    AllocationBody, Announcement, Body, Code, Record, Release, Request, ResourceId,
};
use std::collections::HashSet;

/// A message and who really signed it, in the order of the signatures. Signatures by the right key
/// over something else count as a stranger's.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) message: Message,
    pub(crate) signers: Vec<Address>,
}

/// One entry of the log.
#[derive(Debug)]
enum Entry {
    Genesis,
    Announced(Announcement),
    Allocated(Request),
    /// The allocation, and from when on it is free.
    Released(u64, u64),
    Withdrawn(ResourceId),
}

/// Everything that ever happened.
#[derive(Debug)]
pub(crate) struct Reference {
    entries: Vec<Entry>,
}

/// What a batch begins from, and the allocation that it has proven last.
pub(crate) struct Batch<'a> {
    before: &'a World,
    now: u64,
    proven: Option<u64>,
}

impl<'a> Batch<'a> {
    pub(crate) const fn new(before: &'a World, now: u64) -> Self {
        Self { before, now, proven: None }
    }

    /// The paths that lead into the log as it was: the whole one, and the one that leans.
    fn proves(&mut self, record: &[u8], path: &[B256]) -> bool {
        let index = u64::from_be_bytes(record[22..30].try_into().unwrap());
        if index >= self.before.ledger.size() || self.before.records[index as usize] != record {
            return false;
        }
        let whole = self.before.path(index);
        let meets = self.proven.filter(|last| *last != index).map(|last| {
            // One height after the other, until both stand in one pair.
            (0..64).find(|height| (last >> height) ^ 1 == index >> height).unwrap()
        });
        let leans = meets.is_some_and(|height| height < whole.len() && path == &whole[..height]);
        let proven = path == whole || leans;
        if proven {
            self.proven = Some(index);
        }
        proven
    }
}

/// The code of the first rule that does not hold.
fn first(rules: impl IntoIterator<Item = (bool, Code)>) -> Option<Code> {
    rules.into_iter().find(|(holds, _)| !holds).map(|(_, code)| code)
}

impl Reference {
    pub(crate) fn new() -> Self {
        Self { entries: vec![Entry::Genesis] }
    }

    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn announced(&self, id: ResourceId) -> Option<&Announcement> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Announced(announcement) if announcement.id(&domain()) == id => {
                Some(announcement)
            }
            _ => None,
        })
    }

    pub(crate) fn announcements(&self) -> impl Iterator<Item = &Announcement> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Announced(announcement) => Some(announcement),
            _ => None,
        })
    }

    pub(crate) fn is_withdrawn(&self, id: ResourceId) -> bool {
        self.entries.iter().any(|entry| matches!(entry, Entry::Withdrawn(other) if *other == id))
    }

    /// Indexes and requests of all allocations.
    pub(crate) fn allocations(&self) -> impl Iterator<Item = (u64, &Request)> {
        (0..).zip(&self.entries).filter_map(|(index, entry)| match entry {
            Entry::Allocated(request) => Some((index, request)),
            _ => None,
        })
    }

    pub(crate) fn released_from(&self, allocation: u64) -> Option<u64> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Released(index, from) if *index == allocation => Some(*from),
            _ => None,
        })
    }

    /// Volume used on a resource at one second.
    pub(crate) fn used(&self, id: ResourceId, second: u64) -> u32 {
        let here = self.allocations().filter(|(index, request)| {
            let end = self.released_from(*index).unwrap_or(request.end_time);
            request.resource_id == id && (request.start_time..end).contains(&second)
        });
        here.map(|(_, request)| u32::from(request.volume)).sum()
    }

    /// The code of the first rule that an item breaks.
    pub(crate) fn judge(&self, item: &Item, batch: &mut Batch<'_>) -> Option<Code> {
        let signers = &item.signers[..];
        match &item.message {
            Message::Announce { announcement, .. } => {
                self.judge_announcement(announcement, signers)
            }
            Message::Request { request, .. } => {
                let resource = self.announced(request.resource_id);
                self.judge_request(request, resource, signers, batch.now)
            }
            Message::AnnounceAndRequest { announcement, request, .. } => {
                self.judge_lazy(announcement, request, signers, batch.now)
            }
            Message::Release { release, record, path, .. } => {
                self.judge_release(release, (record, path), signers, batch)
            }
            Message::Withdraw { withdrawal, announcement, .. } => {
                let id = announcement.id(&domain());
                first([
                    (signers.len() == 1, Code::SignaturesLengthInvalid),
                    (id == withdrawal.resource_id, Code::AnnouncementMismatch),
                    (signers == [announcement.provider], Code::ProviderSignatureInvalid),
                    (!self.is_withdrawn(id), Code::ResourceWithdrawn),
                ])
            }
            Message::Append { .. } => None,
        }
    }

    fn judge_announcement(&self, offer: &Announcement, signers: &[Address]) -> Option<Code> {
        let id = offer.id(&domain());
        let window = offer.end_time.wrapping_sub(offer.start_time);
        let slot = u64::from(offer.slot_seconds);
        first([
            (signers.len() == 1, Code::SignaturesLengthInvalid),
            (signers == [offer.provider], Code::ProviderSignatureInvalid),
            (self.announced(id).is_none(), Code::ResourceAlreadyRecorded),
            (!self.is_withdrawn(id), Code::ResourceWithdrawn),
            (offer.volume >= 1, Code::VolumeTooSmall),
            (offer.start_time < offer.end_time, Code::WindowEmpty),
            (slot >= 1, Code::SlotTooShort),
            (slot == 0 || window.is_multiple_of(slot), Code::WindowNotWholeSlots),
            (offer.end_time < 1 << 40, Code::EndTimeTooLate),
        ])
    }

    fn judge_lazy(
        &self,
        offer: &Announcement,
        request: &Request,
        signers: &[Address],
        now: u64,
    ) -> Option<Code> {
        let id = offer.id(&domain());
        let decodes = [
            ([2, 3].contains(&signers.len()), Code::SignaturesLengthInvalid),
            (id == request.resource_id, Code::AnnouncementMismatch),
        ];
        first(decodes).or_else(|| match self.announced(id) {
            Some(resource) => self.judge_request(request, Some(resource), &signers[1..], now),
            None => self
                .judge_announcement(offer, &signers[..1])
                .or_else(|| self.judge_request(request, Some(offer), &signers[1..], now)),
        })
    }

    fn judge_request(
        &self,
        request: &Request,
        resource: Option<&Announcement>,
        signers: &[Address],
        now: u64,
    ) -> Option<Code> {
        let signed = [
            ([1, 2].contains(&signers.len()), Code::SignaturesLengthInvalid),
            (signers.first() == Some(&request.requester), Code::RequesterSignatureInvalid),
        ];
        first(signed)
            .or_else(|| judge_approval(resource?, signers))
            .or_else(|| {
                first([
                    (resource.is_some(), Code::ResourceUnknown),
                    (!self.is_withdrawn(request.resource_id), Code::ResourceWithdrawn),
                ])
            })
            .or_else(|| self.judge_sequence(request))
            .or_else(|| judge_window(resource?, request, now))
            .or_else(|| self.judge_capacity(resource?, request))
    }

    fn judge_sequence(&self, request: &Request) -> Option<Code> {
        let own = self.allocations().filter(|(_, other)| other.requester == request.requester);
        let seen: HashSet<u64> = own.map(|(_, other)| other.sequence).collect();
        let highest = seen.iter().max().copied().unwrap_or(0);
        first([
            (
                request.sequence != 0 && request.sequence.abs_diff(highest) <= 128,
                Code::SequenceOutsideWindow,
            ),
            (!seen.contains(&request.sequence), Code::SequenceAlreadyUsed),
        ])
    }

    fn judge_capacity(&self, resource: &Announcement, request: &Request) -> Option<Code> {
        let mut slots =
            (request.start_time..request.end_time).step_by(resource.slot_seconds as usize);
        let fits = slots.all(|second| {
            self.used(request.resource_id, second) + u32::from(request.volume)
                <= u32::from(resource.volume)
        });
        first([(fits, Code::CapacityExceeded)])
    }

    fn judge_release(
        &self,
        release: &Release,
        (record, path): (&[u8], &[B256]),
        signers: &[Address],
        batch: &mut Batch<'_>,
    ) -> Option<Code> {
        let decodes = first([
            (signers.len() == 1, Code::SignaturesLengthInvalid),
            (record.len() == 238, Code::RecordLengthInvalid),
            (record.starts_with(&[1, 2]), Code::RecordNotAllocation),
        ]);
        if decodes.is_some() {
            return decodes;
        }
        let proven = batch.proves(record, path);
        let Record { index, body: Body::Allocation(allocation), .. } =
            Record::decode(record).unwrap()
        else {
            panic!("not an allocation");
        };
        first([
            (signers == [allocation.requester], Code::RequesterSignatureInvalid),
            (release.request_id == allocation.request_id(&domain()), Code::AllocationMismatch),
            (proven, Code::AllocationUnproven),
            (self.released_from(index).is_none(), Code::AllocationAlreadyReleased),
        ])
        .or_else(|| self.judge_time(release, &allocation, batch.now))
    }

    fn judge_time(&self, release: &Release, allocation: &AllocationBody, now: u64) -> Option<Code> {
        let resource = self.announced(allocation.resource_id).unwrap();
        let (from, slot) = (release.from_time, resource.slot_seconds as usize);
        let mut slots = (allocation.start_time..allocation.end_time).step_by(slot);
        first([
            (
                (allocation.start_time..allocation.end_time).contains(&from),
                Code::ReleaseOutsideAllocation,
            ),
            (slots.any(|start| start == from), Code::SlotsNotAligned),
            (from >= now + u64::from(resource.notice_seconds), Code::NoticeTooShort),
            (
                release.timestamp + 300 >= now && release.timestamp <= now + 300,
                Code::TimestampOutsideDrift,
            ),
        ])
    }

    /// Keeps an item that was accepted.
    pub(crate) fn keep(&mut self, item: &Item) {
        let entry = match &item.message {
            Message::Announce { announcement, .. } => Entry::Announced(*announcement),
            Message::Request { request, .. } => Entry::Allocated(*request),
            Message::AnnounceAndRequest { announcement, request, .. } => {
                if self.announced(request.resource_id).is_none() {
                    self.entries.push(Entry::Announced(*announcement));
                }
                Entry::Allocated(*request)
            }
            Message::Release { release, .. } => {
                let id = release.request_id;
                let mut all = self.allocations();
                let (index, _) = all.find(|(_, request)| request.id(&domain()) == id).unwrap();
                Entry::Released(index, release.from_time)
            }
            Message::Withdraw { withdrawal, .. } => Entry::Withdrawn(withdrawal.resource_id),
            Message::Append { .. } => panic!("no further writers here"),
        };
        self.entries.push(entry);
    }
}

fn judge_approval(resource: &Announcement, signers: &[Address]) -> Option<Code> {
    let needed = if resource.approver.is_zero() { 1 } else { 2 };
    first([
        (signers.len() == needed, Code::SignatureCountInvalid),
        (needed == 1 || signers.get(1) == Some(&resource.approver), Code::ApproverSignatureInvalid),
    ])
}

fn judge_window(resource: &Announcement, request: &Request, now: u64) -> Option<Code> {
    let (start, end) = (request.start_time, request.end_time);
    let slot = u64::from(resource.slot_seconds);
    let grid: HashSet<u64> =
        (resource.start_time..=resource.end_time).step_by(slot as usize).collect();
    let words: HashSet<u64> = (start..end)
        .filter(|second| *second >= resource.start_time)
        .map(|second| (second - resource.start_time) / slot / 12)
        .collect();
    first([
        (request.volume >= 1, Code::VolumeTooSmall),
        (start < end, Code::WindowEmpty),
        (start >= resource.start_time && end <= resource.end_time, Code::OutsideResourceWindow),
        (grid.contains(&start) && grid.contains(&end), Code::SlotsNotAligned),
        (words.len() <= 16, Code::TooManyWords),
        (start + slot > now, Code::FirstSlotEnded),
        (
            request.timestamp + 300 >= now && request.timestamp <= now + 300,
            Code::TimestampOutsideDrift,
        ),
    ])
}
