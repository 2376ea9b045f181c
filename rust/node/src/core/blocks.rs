//! Final blocks: re-executed, and committed with everything that follows from them at once.

use crate::core::NodeEvent;
use crate::core::state::Core;
use crate::core::work::{After, BlocksIn};
use crate::store::types::{Change, Head, Kept, ResourceRow, Words};
use alloy_primitives::Address;
use fallow_chain::{BlockError, BlockEvents, BlockRef, Event};
use fallow_ledger::{Ledger, Touched};
use fallow_protocol::{
    Body, CalendarWord, Checkpoint, Record, RequesterWord, ResourceId, ResourceWord,
};
use std::collections::HashMap;

/// So many records are committed at once, or those of one block.
const RECORDS: usize = 16_384;
/// So many blocks are committed at once.
const BLOCKS: usize = 4_096;

impl Core {
    /// Takes blocks in, as far as the disk goes along.
    pub(crate) fn take_blocks(&mut self, blocks: Vec<BlockEvents>) {
        if self.health.is_stopped() {
            return;
        }
        // Signers of everything else were recovered while the next blocks were fetched; who signed a
        // release stands in the record that it is about.
        let is_release = |event: &Event| matches!(event, Event::Released(_));
        if blocks.iter().any(|block| block.events.iter().any(is_release)) {
            self.recoverer.warm(&self.replay.claims(&blocks));
        }
        self.blocks.extend(blocks);
        self.apply_blocks();
    }

    /// Applies the blocks that wait. While a change is not durable, no further block is applied:
    /// releases look for their allocations in the store.
    pub(crate) fn apply_blocks(&mut self) {
        while self.work.is_empty() && !self.blocks.is_empty() && !self.health.is_stopped() {
            // The first change of a ledger that something stands on copies all of it.
            self.ahead = None;
            if self.apply_some() {
                self.keep_blocks();
            }
        }
    }

    /// Applies blocks until they make a commit. Answers whether there is something to commit.
    fn apply_some(&mut self) -> bool {
        let mut applied = 0_usize;
        while let Some(block) = self.blocks.front() {
            match self.replay.apply(block) {
                Ok(()) => {}
                Err(BlockError::Disagreement(disagreement)) => {
                    self.health.stop(disagreement.to_string());
                    return false;
                }
                Err(BlockError::Archive(error)) => {
                    self.store_failed(&error);
                    return applied > 0;
                }
            }
            self.blocks.pop_front();
            applied = applied.saturating_add(1);
            if applied >= BLOCKS || self.replay.archive().len() >= RECORDS {
                break;
            }
        }
        applied > 0
    }

    fn keep_blocks(&mut self) {
        let (records, checkpoints) = self.replay.archive_mut().take();
        let (Some(block), Some(ledger)) = (self.replay.head().copied(), self.replay.ledger())
        else {
            return;
        };
        let head = head_of(block, self.replay.candidate(), ledger);
        let (size, root) = (ledger.size(), ledger.root());
        let gathered = Gathered::of(&records, ledger);
        let recorded = self.own(&records);
        let ended = self.ended(&records, &gathered);
        let events = events_of(&records, &checkpoints);
        let Gathered { words, rows, closed } = gathered;
        let change = Change {
            head: Some(head.clone()),
            words,
            checkpoints,
            kept: recorded.iter().map(|(arrival, _)| *arrival).collect(),
            ungossip: ended.clone(),
            records,
            ..Change::default()
        };
        self.head = Some(head);
        let blocks = BlocksIn { block, size, root, recorded, rows, closed, ended, events };
        self.keep(change, After::Blocks(Box::new(blocks)));
    }

    /// Own messages among the records, with the time of their record.
    fn own(&self, records: &[Kept]) -> Vec<(u64, u64)> {
        let own = records.iter().filter_map(|kept| {
            let pending = self.pendings.of_id(kept.id)?;
            let record = Record::decode(&kept.entry.record).ok()?;
            Some((pending.arrival, record.block_time))
        });
        own.collect()
    }

    /// Announcements that travel no more, as they are recorded or closed.
    fn ended(&self, records: &[Kept], gathered: &Gathered) -> Vec<ResourceId> {
        let recorded = records.iter().map(|kept| ResourceId::from(kept.id));
        let closed = gathered.closed.iter().copied();
        recorded.chain(closed).filter(|id| self.travelling.has(*id)).collect()
    }
}

fn head_of(block: BlockRef, candidate: Option<(u64, u64)>, ledger: &Ledger) -> Head {
    let (frontier, size) = (ledger.frontier(), ledger.size());
    let peaks = (0_u32..).zip(frontier.peaks()).filter(|(height, _)| (size >> height) & 1 == 1);
    let mut peaks: Vec<_> = peaks.map(|(_, peak)| *peak).collect();
    peaks.reverse();
    Head { block, candidate, size, peaks }
}

fn events_of(records: &[Kept], checkpoints: &[Checkpoint]) -> Vec<NodeEvent> {
    let new = records.first().zip(records.last()).map(|(first, last)| NodeEvent::Records {
        first: first.index,
        count: last.index.saturating_sub(first.index).saturating_add(1),
        block: last.block,
    });
    new.into_iter().chain(checkpoints.iter().copied().map(NodeEvent::Checkpoint)).collect()
}

/// What records changed, each key once.
#[derive(Debug, Default)]
struct Gathered {
    words: Words,
    rows: Vec<ResourceRow>,
    closed: Vec<ResourceId>,
}

#[derive(Debug, Default)]
struct Keyed {
    resources: HashMap<ResourceId, (ResourceWord, Address)>,
    calendars: HashMap<(u64, u64), CalendarWord>,
    requesters: HashMap<Address, RequesterWord>,
    released: HashMap<u64, alloy_primitives::U256>,
}

impl Gathered {
    /// Of records that the ledger has just appended.
    fn of(records: &[Kept], ledger: &Ledger) -> Self {
        let (mut keyed, mut all) = (Keyed::default(), Self::default());
        for kept in records {
            let record = Record::decode(&kept.entry.record)
                .expect("the re-execution has just encoded this record");
            keyed.add(ledger.touched(&record));
            all.note(kept, &record, ledger);
        }
        all.words = keyed.words();
        all
    }

    fn note(&mut self, kept: &Kept, record: &Record, ledger: &Ledger) {
        match &record.body {
            Body::Announcement(body) => {
                let id = ResourceId::from(kept.id);
                let word = ledger.resource(id).unwrap_or_default();
                let announcement = body.announcement();
                self.rows.push(ResourceRow { index: kept.index, id, announcement, word });
            }
            Body::Withdrawal(body) => self.closed.push(body.resource_id),
            _ => {}
        }
    }
}

impl Keyed {
    fn add(&mut self, touched: Touched) {
        let Touched { resource, calendars, requester, released } = touched;
        self.resources.extend(resource.map(|(id, word, approver)| (id, (word, approver))));
        self.calendars.extend(calendars);
        self.requesters.extend(requester);
        self.released.extend(released);
    }

    fn words(self) -> Words {
        let resources = self.resources.into_iter();
        Words {
            resources: resources.map(|(id, (word, approver))| (id, word, approver)).collect(),
            calendars: self.calendars.into_iter().collect(),
            requesters: self.requesters.into_iter().collect(),
            released: self.released.into_iter().collect(),
        }
    }
}
