//! The ledger re-executed from the registry's events, pure: no node, no clock.
//!
//! Memory grows with the log: about 700 bytes for each record (its bytes and evidence, its ids, two
//! tree nodes), so a million records need about 0.7 GB. A block that is a checkpoint block costs
//! 90 bytes more, every other block nothing.

use crate::{BlockRef, Disagreement, Event, ReleaseFlaw, Released, TicketError};
use alloy_primitives::{B256, Bytes};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
use fallow_log::{LogError, Tree, leaf_hash};
use fallow_protocol::packed::path_nodes;
use fallow_protocol::{
    Body, Certificate, Checkpoint, CheckpointRule, Domain, Evidence, NetworkFile, NetworkId,
    Record, Release, SetHash, Ticket,
};
use std::collections::HashMap;

/// Bytes of one signature.
const SIGNATURE_BYTES: usize = 64;

/// One record with what its hash does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The record, packed.
    pub bytes: Bytes,
    /// Scheme and signatures; empty for kinds without evidence.
    pub evidence: Bytes,
    /// Id of the message; zero for kinds without messages.
    pub id: B256,
    /// Sidechain block.
    pub block: u64,
}

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

/// A block that may be signed, and the log's size after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CheckpointBlock {
    block: BlockRef,
    size: u64,
}

/// The re-executed state of one network.
#[derive(Debug)]
pub struct Replay {
    file: NetworkFile,
    domain: Domain,
    rule: CheckpointRule,
    ledger: Option<Ledger>,
    tree: Tree,
    entries: Vec<Entry>,
    indexes: HashMap<B256, u64>,
    checkpoints: Vec<CheckpointBlock>,
    /// The last block that could be a checkpoint block, and the log's size after it.
    candidate: Option<(u64, u64)>,
    head: Option<BlockRef>,
}

impl Replay {
    /// Before the registry's first block.
    #[must_use]
    pub fn new(file: &NetworkFile) -> Self {
        let (parameters, first) = (&file.network.parameters, file.network.sidechain.block);
        Self {
            domain: file.domain(),
            rule: CheckpointRule::new(parameters, first),
            file: file.clone(),
            ledger: None,
            tree: Tree::new(),
            entries: Vec::new(),
            indexes: HashMap::new(),
            checkpoints: Vec::new(),
            candidate: None,
            head: None,
        }
    }

    /// The block that comes next.
    #[must_use]
    pub fn next_block(&self) -> u64 {
        let first = self.file.network.sidechain.block;
        self.head.map_or(first, |head| head.number.saturating_add(1))
    }

    /// Applies the next block. The caller brings every block, in order, without gaps.
    ///
    /// # Errors
    /// The first disagreement; the state is then of no use any more.
    pub fn apply(&mut self, next: &BlockEvents) -> Result<(), Disagreement> {
        for event in &next.events {
            self.apply_event(&next.block, event)?;
        }
        let block = next.block.number;
        if self.ledger.is_none() {
            return Err(Disagreement::Start { block });
        }
        if let Some((size, root)) = next.claim {
            self.compare(block, size, root)?;
        }
        self.note_checkpoint(next.block, next.claim.is_some());
        self.head = Some(next.block);
        Ok(())
    }

    fn apply_event(&mut self, block: &BlockRef, event: &Event) -> Result<(), Disagreement> {
        match (event, &mut self.ledger) {
            (Event::Started { network_id, parent }, None) => {
                self.start(block, *network_id, *parent)
            }
            (Event::Recorded { index, message }, Some(_)) => {
                self.record(block, *index, message).map(|_| ())
            }
            (Event::Released(released), Some(_)) => self.apply_release(block, released),
            (Event::Refused, Some(_)) => Ok(()),
            (Event::Unknown { position } | Event::Approved { position, .. }, _) => {
                Err(Disagreement::Event { block: block.number, position: *position })
            }
            _ => Err(Disagreement::Start { block: block.number }),
        }
    }

    fn start(
        &mut self,
        block: &BlockRef,
        got: NetworkId,
        parent: GenesisParent,
    ) -> Result<(), Disagreement> {
        let want = self.file.network_id;
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
        self.ledger = Some(ledger);
        self.keep(&genesis, &[], B256::ZERO, block.number);
        Ok(())
    }

    /// Applies a message that the contract says to have recorded at `got`. Answers its record's
    /// body.
    fn record(
        &mut self,
        block: &BlockRef,
        got: u64,
        message: &Message,
    ) -> Result<Body, Disagreement> {
        let (number, want) = (block.number, self.size());
        let Some(ledger) = &mut self.ledger else {
            return Err(Disagreement::Start { block: number });
        };
        if got != want {
            return Err(Disagreement::Index { block: number, got, want });
        }
        let applied = ledger.apply(message, block.time).map_err(|error| Disagreement::Refused {
            block: number,
            index: got,
            error,
        })?;
        let mut signatures = signatures_of(message);
        if let Message::AnnounceAndRequest { announcement, .. } = message
            && let Some((provider, others)) = signatures.split_at_checked(SIGNATURE_BYTES)
        {
            signatures = others;
            if let Some(announced) = &applied.announced {
                self.keep(announced, provider, announcement.id(&self.domain).0, number);
            }
        }
        self.keep(&applied.record, signatures, message.id(&self.domain), number);
        Ok(applied.record.body)
    }

    fn apply_release(&mut self, block: &BlockRef, released: &Released) -> Result<(), Disagreement> {
        let Released { index, allocation, resource_id, .. } = *released;
        let flawed = |flaw| Disagreement::Release { block: block.number, index, allocation, flaw };
        let message = self.release(released).ok_or_else(|| flawed(ReleaseFlaw::Missing))?;
        match (self.record(block, index, &message)?, resource_id) {
            (Body::Release(body), Some(named)) if body.resource_id != named => {
                Err(flawed(ReleaseFlaw::Resource))
            }
            _ => Ok(()),
        }
    }

    /// The release that an event tells of, with the allocation's record and a path to the peak that
    /// it stands under; `None` if there is no record of that index.
    fn release(&self, released: &Released) -> Option<Message> {
        let (index, size) = (released.allocation, self.size());
        let entry = self.entry(index)?;
        let mut path = self.tree.prove_inclusion(index, size).ok()?;
        path.truncate(path_nodes(size, index, None)?);
        let release = Release {
            request_id: entry.id.into(),
            from_time: released.from_time,
            timestamp: released.timestamp,
        };
        let (signatures, record) = (released.signature.0.into(), entry.bytes.clone());
        Some(Message::Release { release, signatures, record, path })
    }

    fn keep(&mut self, record: &Record, signatures: &[u8], id: B256, block: u64) {
        let bytes = Bytes::from(record.encode());
        self.tree.push(leaf_hash(&bytes)).expect("memory ends long before 2^63 records");
        if !id.is_zero() {
            self.indexes.insert(id, record.index);
        }
        self.entries.push(Entry { bytes, evidence: evidence_of(signatures), id, block });
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
            self.checkpoints.push(CheckpointBlock { block, size });
        }
        self.candidate = Some((block.number, size));
    }

    /// The domain under which the network's messages are signed.
    pub(crate) const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Which blocks may be signed.
    pub(crate) const fn rule(&self) -> &CheckpointRule {
        &self.rule
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

    /// The whole log, which proves inclusion and growth at any size.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Records in the log.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Root of the log.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.tree.root()
    }

    /// A record by its index.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// All records, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Index of a message's record, by the message's id.
    #[must_use]
    pub fn index_of(&self, id: B256) -> Option<u64> {
        self.indexes.get(&id).copied()
    }

    /// The checkpoint of a block, if it is a checkpoint block at or before the head.
    #[must_use]
    pub fn checkpoint(&self, number: u64) -> Option<Checkpoint> {
        let blocks = &self.checkpoints;
        let position = blocks.binary_search_by_key(&number, |entry| entry.block.number).ok()?;
        self.checkpoint_of(blocks.get(position)?)
    }

    /// Checkpoints of all checkpoint blocks after `number`, in order; the newest `limit` of them.
    #[must_use]
    pub fn checkpoints_after(&self, number: u64, limit: usize) -> Vec<Checkpoint> {
        let blocks = &self.checkpoints;
        let first = blocks.partition_point(|entry| entry.block.number <= number);
        let first = first.max(blocks.len().saturating_sub(limit));
        let blocks = blocks.get(first..).unwrap_or_default();
        blocks.iter().filter_map(|entry| self.checkpoint_of(entry)).collect()
    }

    /// The newest checkpoint.
    #[must_use]
    pub fn latest_checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoint_of(self.checkpoints.last()?)
    }

    fn checkpoint_of(&self, entry: &CheckpointBlock) -> Option<Checkpoint> {
        let trust = &self.file.trust;
        Some(Checkpoint {
            network_id: self.file.network_id,
            era: trust.era,
            set_number: trust.set_number,
            block_number: entry.block.number,
            block_hash: entry.block.hash,
            block_time: entry.block.time,
            size: entry.size,
            root: self.tree.root_at(entry.size).ok()?,
            next_set: SetHash::ZERO,
        })
    }

    /// The ticket of a record under a certified checkpoint (docs/protocol.md section 12).
    ///
    /// # Errors
    /// When the record is not under it, or the checkpoint is not of this log.
    pub fn ticket(
        &self,
        index: u64,
        checkpoint: &Checkpoint,
        certificate: Certificate,
    ) -> Result<Ticket, TicketError> {
        let path = self.tree.prove_inclusion(index, checkpoint.size)?;
        let (got, want) = (checkpoint.root, self.tree.root_at(checkpoint.size)?);
        if got != want {
            return Err(TicketError::Root { got, want });
        }
        let entry = self.entry(index);
        let entry = entry.ok_or_else(|| LogError::IndexOutOfRange { index, size: self.size() })?;
        Ok(Ticket {
            record: Record::decode(&entry.bytes)?,
            evidence: entry.evidence.to_vec(),
            path,
            checkpoint: *checkpoint,
            certificate,
        })
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
fn evidence_of(signatures: &[u8]) -> Bytes {
    if signatures.is_empty() {
        return Bytes::new();
    }
    let evidence = Evidence::from_signatures(signatures);
    evidence.expect("the ledger accepted the signatures").encode().into()
}
