//! The ledger re-executed from the registry's events, pure: no node, no clock.
//!
//! What a block recorded goes to an [`Archive`], which is all that grows with the log.

use crate::{
    Archive, BlockRef, Disagreement, Event, MemoryArchive, Recorded, ReleaseFlaw, Released,
};
use alloy_primitives::B256;
use fallow_ledger::{Claim, GenesisParent, Ledger, LedgerConfig, Message, Recoverer};
use fallow_log::EMPTY_ROOT;
use fallow_protocol::{
    Announcement, Body, Checkpoint, CheckpointRule, Domain, Entry, Evidence, NetworkFile,
    NetworkId, Record, Release, RequestId, SetHash,
};
use std::collections::HashMap;
use std::ops::Deref;

/// Bytes of one signature.
const SIGNATURE_BYTES: usize = 64;

/// What one block adds: its events in order, and the registry's size and root after it as the
/// contract tells them. Without a claim, nothing was compared, and the block is no checkpoint block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEvents {
    /// The block.
    pub block: BlockRef,
    /// The registry's events.
    pub events: Vec<Event>,
    /// `size()` and `root()` after the block, if they were asked for.
    pub claim: Option<(u64, B256)>,
}

/// Why a block was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError<E> {
    /// The archive cannot be read. Nothing has changed: the same block may be tried again.
    #[error("the archive of records cannot be read: {0}")]
    Archive(#[source] E),
    /// The contract claims what re-execution refuses. The state is of no use any more.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
}

impl From<BlockError<std::convert::Infallible>> for Disagreement {
    fn from(error: BlockError<std::convert::Infallible>) -> Self {
        match error {
            BlockError::Archive(never) => match never {},
            BlockError::Disagreement(disagreement) => disagreement,
        }
    }
}

/// The re-executed state of one network; derefs to the archive of what was recorded.
#[derive(Debug)]
pub struct Replay<A = MemoryArchive> {
    file: NetworkFile,
    domain: Domain,
    rule: CheckpointRule,
    ledger: Option<Ledger>,
    /// Of the ledger, before there is one.
    recoverer: Recoverer,
    /// The last block that could be a checkpoint block, and the log's size after it.
    candidate: Option<(u64, u64)>,
    head: Option<BlockRef>,
    archive: A,
}

impl<A> Deref for Replay<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.archive
    }
}

/// A block on its way into the ledger.
struct Step {
    block: BlockRef,
    /// Earlier records that releases of the block refer to.
    found: HashMap<u64, Entry>,
    /// What the block recorded so far.
    recorded: Vec<Recorded>,
}

impl Replay {
    /// Before the registry's first block, with all records in memory.
    #[must_use]
    pub fn new(file: &NetworkFile) -> Self {
        Self::with_archive(file, MemoryArchive::new())
    }
}

impl<A: Archive> Replay<A> {
    /// Before the registry's first block.
    #[must_use]
    pub fn with_archive(file: &NetworkFile, archive: A) -> Self {
        let (parameters, first) = (&file.network.parameters, file.network.sidechain.block);
        Self {
            domain: file.domain(),
            rule: CheckpointRule::new(parameters, first),
            file: file.clone(),
            ledger: None,
            recoverer: Recoverer::default(),
            candidate: None,
            head: None,
            archive,
        }
    }

    /// Goes on after the block `head`, where the ledger and the last checkpoint candidate
    /// ([`Replay::candidate`]) were those.
    #[must_use]
    pub fn resume(
        file: &NetworkFile,
        ledger: Ledger,
        head: BlockRef,
        candidate: Option<(u64, u64)>,
        archive: A,
    ) -> Self {
        let recoverer = ledger.recoverer().clone();
        let (ledger, head) = (Some(ledger), Some(head));
        Self { ledger, recoverer, candidate, head, ..Self::with_archive(file, archive) }
    }

    /// The same, whose ledger asks this recoverer who signed.
    #[must_use]
    pub fn with_recoverer(mut self, recoverer: Recoverer) -> Self {
        self.ledger = self.ledger.map(|ledger| ledger.with_recoverer(recoverer.clone()));
        self.recoverer = recoverer;
        self
    }

    /// The block that comes next.
    #[must_use]
    pub fn next_block(&self) -> u64 {
        let first = self.file.network.sidechain.block;
        self.head.map_or(first, |head| head.number.saturating_add(1))
    }

    /// Who has to have signed what in blocks that come next: what their recoverer can find out on
    /// all cores before they are applied ([`Recoverer::warm`]). Only a hint: what the archive cannot
    /// show now is left out.
    #[must_use]
    pub fn claims(&self, blocks: &[BlockEvents]) -> Vec<Claim> {
        let events = blocks.iter().flat_map(|block| &block.events);
        let claims = events.flat_map(|event| match event {
            Event::Recorded { message, .. } => message.claims(&self.domain),
            Event::Released(released) => {
                let entry = self.archive.entry(released.allocation);
                let entry = entry.unwrap_or(None).unwrap_or_default();
                release_of(released, &entry, &self.domain).claims(&self.domain)
            }
            _ => Vec::new(),
        });
        claims.collect()
    }

    /// Applies the next block. The caller brings every block, in order, without gaps. The archive
    /// gets the block's records once the whole block was applied and compared.
    ///
    /// # Errors
    /// The first disagreement, after which the state is of no use any more; or the archive's error,
    /// after which nothing has changed.
    pub fn apply(&mut self, next: &BlockEvents) -> Result<(), BlockError<A::Error>> {
        let found = self.look_up(&next.events).map_err(BlockError::Archive)?;
        let mut step = Step { block: next.block, found, recorded: Vec::new() };
        self.execute(&mut step, next)?;
        for recorded in step.recorded {
            self.archive.append(recorded);
        }
        self.note_checkpoint(next.block, next.claim.is_some());
        self.head = Some(next.block);
        Ok(())
    }

    /// The allocations from before the block that its releases refer to.
    fn look_up(&self, events: &[Event]) -> Result<HashMap<u64, Entry>, A::Error> {
        let mut found = HashMap::new();
        for event in events {
            if let Event::Released(Released { allocation, .. }) = event
                && let Some(entry) = self.archive.entry(*allocation)?
            {
                found.insert(*allocation, entry);
            }
        }
        Ok(found)
    }

    fn execute(&mut self, step: &mut Step, next: &BlockEvents) -> Result<(), Disagreement> {
        for event in &next.events {
            self.apply_event(step, event)?;
        }
        let block = next.block.number;
        if self.ledger.is_none() {
            return Err(Disagreement::Start { block });
        }
        match next.claim {
            Some((size, root)) => self.compare(block, size, root),
            None => Ok(()),
        }
    }

    fn apply_event(&mut self, step: &mut Step, event: &Event) -> Result<(), Disagreement> {
        let block = step.block.number;
        match (event, &mut self.ledger) {
            (Event::Started { network_id, parent }, None) => self.start(step, *network_id, *parent),
            (Event::Recorded { index, message }, Some(_)) => {
                self.record(step, *index, message).map(|_| ())
            }
            (Event::Released(released), Some(_)) => self.apply_release(step, released),
            (Event::Refused, Some(_)) => Ok(()),
            (Event::Unknown { position } | Event::Approved { position, .. }, _) => {
                Err(Disagreement::Event { block, position: *position })
            }
            _ => Err(Disagreement::Start { block }),
        }
    }

    fn start(
        &mut self,
        step: &mut Step,
        got: NetworkId,
        parent: GenesisParent,
    ) -> Result<(), Disagreement> {
        let (want, block) = (self.file.network_id, step.block);
        if got != want {
            return Err(Disagreement::Network { block: block.number, got, want });
        }
        let network = &self.file.network;
        let config = LedgerConfig {
            network_id: want,
            registry: network.sidechain.registry,
            writers: network.parameters.writers.clone(),
            parent,
        };
        let (ledger, genesis) = Ledger::new(config, block.time);
        self.ledger = Some(ledger.with_recoverer(self.recoverer.clone()));
        step.keep(&genesis, &[], B256::ZERO, None);
        Ok(())
    }

    /// Applies a message that the contract says to have recorded at `got`. Answers its record's
    /// body.
    fn record(
        &mut self,
        step: &mut Step,
        got: u64,
        message: &Message,
    ) -> Result<Body, Disagreement> {
        let (number, want) = (step.block.number, self.size());
        let Some(ledger) = &mut self.ledger else {
            return Err(Disagreement::Start { block: number });
        };
        if got != want {
            return Err(Disagreement::Index { block: number, got, want });
        }
        // Releases come with records of our own archive.
        let applied = ledger.apply_proven(message, step.block.time);
        let applied =
            applied.map_err(|error| Disagreement::Refused { block: number, index: got, error })?;
        let mut signatures = signatures_of(message);
        if let Message::AnnounceAndRequest { announcement, .. } = message
            && let Some((provider, others)) = signatures.split_at_checked(SIGNATURE_BYTES)
        {
            signatures = others;
            if let Some(announced) = &applied.announced {
                step.keep(announced, provider, announcement.id(&self.domain).0, None);
            }
        }
        let barred = barred(message, &applied.record);
        step.keep(&applied.record, signatures, message.id(&self.domain), barred);
        Ok(applied.record.body)
    }

    fn apply_release(&mut self, step: &mut Step, released: &Released) -> Result<(), Disagreement> {
        let Released { index, allocation, resource_id, .. } = *released;
        let block = step.block.number;
        let flawed = |flaw| Disagreement::Release { block, index, allocation, flaw };
        let entry = step.entry(allocation).ok_or_else(|| flawed(ReleaseFlaw::Missing))?;
        let message = release_of(released, entry, &self.domain);
        match (self.record(step, index, &message)?, resource_id) {
            (Body::Release(body), Some(named)) if body.resource_id != named => {
                Err(flawed(ReleaseFlaw::Resource))
            }
            _ => Ok(()),
        }
    }

    fn compare(&self, block: u64, size: u64, root: B256) -> Result<(), Disagreement> {
        if size != self.size() {
            return Err(Disagreement::Size { block, got: size, want: self.size() });
        }
        if root != self.root() {
            return Err(Disagreement::Root { block, got: root, want: self.root() });
        }
        Ok(())
    }

    /// Only what was compared may be signed (docs/protocol.md section 8).
    fn note_checkpoint(&mut self, block: BlockRef, is_compared: bool) {
        if !self.rule.is_candidate(block.number) {
            return;
        }
        let size = self.size();
        // Blocks come without gaps, so the candidate noted last is the one before.
        let before = self.rule.block_before(block.number);
        let before = self.candidate.filter(|(number, _)| Some(*number) == before);
        let before = before.map(|(_, size)| size);
        if is_compared && self.rule.is_checkpoint(block.number, size, before) {
            self.archive.note(self.checkpoint_of(&block));
        }
        self.candidate = Some((block.number, size));
    }

    /// The checkpoint of the log as it is, after `block`.
    fn checkpoint_of(&self, block: &BlockRef) -> Checkpoint {
        let trust = &self.file.trust;
        Checkpoint {
            network_id: self.file.network_id,
            era: trust.era,
            set_number: trust.set_number,
            block_number: block.number,
            block_hash: block.hash,
            block_time: block.time,
            size: self.size(),
            root: self.root(),
            next_set: SetHash::ZERO,
        }
    }

    /// What was recorded.
    #[must_use]
    pub const fn archive(&self) -> &A {
        &self.archive
    }

    /// The same, for an archive whose owner takes out what it has gathered.
    pub const fn archive_mut(&mut self) -> &mut A {
        &mut self.archive
    }

    /// The domain under which the network's messages are signed.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The last block that could be a checkpoint block, and the log's size after it: with the ledger
    /// and the head all that [`Replay::resume`] needs.
    #[must_use]
    pub const fn candidate(&self) -> Option<(u64, u64)> {
        self.candidate
    }

    /// The block that was applied last.
    #[must_use]
    pub const fn head(&self) -> Option<&BlockRef> {
        self.head.as_ref()
    }

    /// The ledger after the head; `None` before the registry's first block.
    #[must_use]
    pub const fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// Records in the log.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.ledger.as_ref().map_or(0, Ledger::size)
    }

    /// Root of the log.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.ledger.as_ref().map_or(EMPTY_ROOT, Ledger::root)
    }
}

impl Step {
    /// A record from before the block, or of it.
    fn entry(&self, index: u64) -> Option<&Entry> {
        self.found.get(&index).or_else(|| {
            let first = self.recorded.first()?.index;
            let place = usize::try_from(index.checked_sub(first)?).ok()?;
            Some(&self.recorded.get(place)?.entry)
        })
    }

    fn keep(
        &mut self,
        record: &Record,
        signatures: &[u8],
        id: B256,
        announcement: Option<Announcement>,
    ) {
        let (index, block) = (record.index, self.block.number);
        let evidence = evidence_of(signatures);
        let entry = Entry { record: record.encode(), evidence, announcement };
        self.recorded.push(Recorded { index, entry, id, block });
    }
}

/// The release that an event tells of, with the allocation's record. No path: the record comes from
/// our own log.
fn release_of(released: &Released, allocation: &Entry, domain: &Domain) -> Message {
    let request_id = match Record::decode(&allocation.record).map(|record| record.body) {
        Ok(Body::Allocation(body)) => body.request_id(domain),
        // The ledger says what is wrong with it.
        _ => RequestId::ZERO,
    };
    let release =
        Release { request_id, from_time: released.from_time, timestamp: released.timestamp };
    let signatures = released.signature.0.into();
    Message::Release {
        release,
        signatures,
        record: allocation.record.clone().into(),
        path: Vec::new(),
    }
}

/// The announcement that a tombstone bars: its record does not show it.
const fn barred(message: &Message, record: &Record) -> Option<Announcement> {
    match (message, &record.body) {
        (Message::Withdraw { announcement, .. }, Body::Withdrawal(body))
            if body.resource_index == 0 =>
        {
            Some(*announcement)
        }
        _ => None,
    }
}

/// All signatures of a message; none of what nobody signs.
fn signatures_of(message: &Message) -> &[u8] {
    match message {
        Message::Announce { signatures, .. }
        | Message::Request { signatures, .. }
        | Message::AnnounceAndRequest { signatures, .. }
        | Message::Release { signatures, .. }
        | Message::Withdraw { signatures, .. } => signatures,
        Message::Append { .. } => &[],
    }
}

/// The evidence that a record commits to, of signatures that the ledger accepted.
fn evidence_of(signatures: &[u8]) -> Vec<u8> {
    if signatures.is_empty() {
        return Vec::new();
    }
    let evidence = Evidence::from_signatures(signatures);
    evidence.expect("the ledger accepted the signatures").encode()
}
