//! The ledger: applies messages, one after the other.

use crate::state::State;
use crate::{ApplyError, Finding, LedgerConfig, MAX_BODY_BYTES, Message, check};
use alloy_primitives::{Address, B256, U256};
use fallow_log::{Frontier, leaf_hash};
use fallow_protocol::{
    AllocationBody, Announcement, AnnouncementBody, Body, CalendarWord, Domain, Evidence,
    GenesisBody, Record, Refusal, Request, RequesterWord, ResourceId, ResourceWord, SlotRange,
    words_hash,
};

/// The registry's state machine. `now` is everywhere the block's time, unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    domain: Domain,
    state: State,
}

/// A request that passed all five checks, and what they found.
struct Claim<'a> {
    request: &'a Request,
    evidence: Evidence,
    resource: ResourceWord,
    slots: SlotRange,
    before: RequesterWord,
    after: RequesterWord,
}

impl Ledger {
    /// The ledger right after the registry's deployment, and its genesis record.
    #[must_use]
    pub fn new(config: LedgerConfig, genesis_time: u64) -> (Self, Record) {
        let mut ledger = Self {
            domain: Domain::new(config.registry, config.network_id),
            state: State::new(config.writers),
        };
        let genesis = Body::Genesis(GenesisBody {
            network_id: config.network_id,
            parent_network: config.parent.network,
            parent_checkpoint: config.parent.checkpoint,
            parent_size: config.parent.size,
        });
        let record = ledger.append_record(config.registry, genesis, genesis_time);
        (ledger, record)
    }

    /// Applies one message in a block of time `now`. Items of a batch are applied one by one.
    ///
    /// # Errors
    /// Says why nothing was recorded; nothing has changed then.
    pub fn apply(&mut self, message: &Message, now: u64) -> Result<Record, ApplyError> {
        match message {
            Message::Announce { announcement, signatures } => {
                Ok(self.announce(announcement, signatures, now)?)
            }
            Message::Request { request, signatures } => Ok(self.request(request, signatures, now)?),
            Message::Append { kind, writer, body } => self.append(*kind, *writer, body, now),
        }
    }

    /// Records an announcement (section 4.1).
    ///
    /// # Errors
    /// The first rule that it breaks; nothing has changed then.
    pub fn announce(
        &mut self,
        announcement: &Announcement,
        signatures: &[u8],
        now: u64,
    ) -> Result<Record, Refusal> {
        let id = announcement.id(&self.domain);
        let evidence = check::announcement(&self.state, id, announcement, signatures)?;
        let resource = ResourceWord::of(announcement, self.size());
        self.state.resources.insert(id, resource);
        let body = Body::Announcement(announcement_body(announcement, evidence.hash()));
        Ok(self.append_record(self.domain.registry, body, now))
    }

    /// Records a request (section 4.2): allocates volume.
    ///
    /// # Errors
    /// The first rule that it breaks; nothing has changed then.
    pub fn request(
        &mut self,
        request: &Request,
        signatures: &[u8],
        now: u64,
    ) -> Result<Record, Refusal> {
        let claim = self.claim(request, signatures, now)?;
        let index = self.size();
        let words = self.state.allocate(claim.resource.index, claim.slots, request.volume, index);
        self.state.store_requester(request.requester, &claim.after);
        let body = Body::Allocation(claim.body(words_hash(&words)));
        Ok(self.append_record(self.domain.registry, body, now))
    }

    /// Appends a further writer's record (section 4.5).
    fn append(
        &mut self,
        kind: u8,
        writer: Address,
        body: &[u8],
        now: u64,
    ) -> Result<Record, ApplyError> {
        let want = self.state.writer(kind);
        if want != Some(writer) {
            let got = writer;
            return Err(ApplyError::WriterInvalid { kind, got, want });
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(ApplyError::BodyTooLong(body.len()));
        }
        let bytes = body.to_vec();
        Ok(self.append_record(writer, Body::Open { kind, bytes }, now))
    }

    /// Makes the five checks in order, up to the first that fails.
    fn claim<'a>(
        &self,
        request: &'a Request,
        signatures: &[u8],
        now: u64,
    ) -> Result<Claim<'a>, Refusal> {
        let state = &self.state;
        let evidence = check::requester(state, request.id(&self.domain), request, signatures)?;
        let resource = check::resource(state, request.resource_id)?;
        let (before, after) = check::sequence(state, request, self.size())?;
        let slots = check::window(&resource, request, now)?;
        check::capacity(state, &resource, slots, request.volume)?;
        Ok(Claim { request, evidence, resource, slots, before, after })
    }

    /// Answers the five checks for a request at time `now`, without recording it, as
    /// `IRegistry.check` does. A check that holds names what was compared: 1 signer and requester;
    /// 2 resource's index and 1; 3 sequence and highest seen; 4 first slot's end and block time;
    /// 5 volume asked and volume free in the fullest slot. A check that cannot be judged because an
    /// earlier one failed (4 and 5 need 2, 5 needs 4) repeats that refusal.
    #[must_use]
    pub fn check(&self, request: &Request, signatures: &[u8], now: u64) -> [Finding; 5] {
        let state = &self.state;
        let signed = check::requester(state, request.id(&self.domain), request, signatures);
        let resource = check::resource(state, request.resource_id);
        let sequence = check::sequence(state, request, self.size());
        let window = resource.and_then(|resource| {
            let slots = check::window(&resource, request, now)?;
            Ok((resource, slots))
        });
        let capacity = window
            .and_then(|(resource, slots)| check::capacity(state, &resource, slots, request.volume));
        let requester = U256::from_be_bytes(request.requester.into_word().0);
        [
            found(signed.map(|_| (requester, requester))),
            found(resource.map(|resource| (U256::from(resource.index), U256::ONE))),
            found(sequence.map(|(before, _)| numbers(request.sequence, before.highest))),
            found(
                window.map(|(resource, _)| numbers(check::first_slot_end(&resource, request), now)),
            ),
            found(capacity.map(|free| numbers(request.volume.into(), free.into()))),
        ]
    }

    /// Number of records in the log, at least 1.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.state.log.size()
    }

    /// Root of the log.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.state.log.root()
    }

    /// Size and peaks of the log.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.state.log
    }

    /// The domain under which the network's messages are signed.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// A recorded resource.
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<ResourceWord> {
        self.state.resources.get(&id).copied()
    }

    /// What is remembered of a requester; all zero if it was never seen.
    #[must_use]
    pub fn requester(&self, requester: Address) -> RequesterWord {
        self.state.requester(requester)
    }

    /// One calendar word; all zero if nothing was allocated there.
    #[must_use]
    pub fn word(&self, id: ResourceId, number: u64) -> CalendarWord {
        let resource = self.state.resources.get(&id);
        resource
            .map_or_else(CalendarWord::default, |resource| self.state.word(resource.index, number))
    }

    /// Used volume of each slot of a range; empty for a resource that is not recorded. The answer
    /// is as long as the range, which the caller bounds.
    #[must_use]
    pub fn used(&self, id: ResourceId, slots: SlotRange) -> Vec<u16> {
        let resource = self.state.resources.get(&id);
        let used = resource.map(|resource| self.state.used(resource.index, slots));
        used.into_iter().flatten().collect()
    }

    fn append_record(&mut self, writer: Address, body: Body, now: u64) -> Record {
        let record = Record { writer, index: self.size(), block_time: now, body };
        self.state
            .log
            .push(leaf_hash(&record.encode()))
            .expect("nobody appends 2^63 records one by one");
        record
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

const fn announcement_body(announcement: &Announcement, evidence: B256) -> AnnouncementBody {
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
        evidence,
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
