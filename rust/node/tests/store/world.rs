//! A made-up history as the changes that the core would commit.

use alloy_primitives::{Address, B256, U256};
use fallow_chain::BlockRef;
use fallow_history::{Block, History, HistoryNetwork, HistoryOptions};
use fallow_ledger::Ledger;
use fallow_log::Frontier;
use fallow_node::store::types::{Change, Head, Kept, Words};
use fallow_node::store::{DiskSettings, DiskStore, NodeStore, NodeStoreError};
use fallow_protocol::{CalendarWord, Checkpoint, RequesterWord, ResourceId, ResourceWord};
use std::collections::BTreeMap;
use std::path::Path;

pub const ACCOUNT: Address = Address::repeat_byte(0xac);

/// A history and what came of it so far.
#[derive(Debug)]
pub struct World {
    history: History,
    /// All records, by position.
    pub kept: Vec<Kept>,
    /// Of the last block.
    pub checkpoint: Option<Checkpoint>,
}

impl World {
    pub fn new(records: u64, block_records: u64) -> Self {
        let options = HistoryOptions { block_records, ..HistoryOptions::new(11, records) };
        Self { history: History::new(options), kept: Vec::new(), checkpoint: None }
    }

    pub fn network(&self) -> &HistoryNetwork {
        self.history.network()
    }

    pub fn ledger(&self) -> &Ledger {
        self.history.ledger()
    }

    pub fn size(&self) -> u64 {
        self.kept.len() as u64
    }

    /// The next block as a change, with its checkpoint.
    pub fn change(&mut self) -> Option<Change> {
        let block = self.history.next()?;
        let words = words(self.history.ledger(), &block);
        let (frontier, number) = (self.history.ledger().frontier().clone(), block.number);
        let first = frontier.size() - block.records.len() as u64;
        let records: Vec<Kept> = (first..)
            .zip(block.records)
            .map(|(index, made)| Kept { index, entry: made.entry, id: made.id, block: number })
            .collect();
        self.kept.extend(records.iter().cloned());
        let (size, root) = (frontier.size(), frontier.root());
        let checkpoint = self.network().checkpoint(number, block.time, size, root);
        self.checkpoint = Some(checkpoint);
        let head = Some(head(number, block.time, &frontier));
        Some(Change { head, records, words, checkpoints: vec![checkpoint], ..Change::default() })
    }

    pub fn open(&self, dir: &Path) -> DiskStore {
        self.try_open(dir).unwrap()
    }

    pub fn try_open(&self, dir: &Path) -> Result<DiskStore, NodeStoreError> {
        // Few young records, so that slices are taken.
        let settings =
            DiskSettings { reserve_bytes: 0, young_records: 200, ..DiskSettings::default() };
        DiskStore::open_with(dir, self.network().file(), ACCOUNT, settings)
    }

    /// A store with all blocks that are left.
    pub fn build(&mut self, dir: &Path) -> DiskStore {
        let store = self.open(dir);
        while let Some(change) = self.change() {
            store.commit(&change).unwrap();
        }
        store
    }
}

pub fn head(number: u64, time: u64, frontier: &Frontier) -> Head {
    let (hash, parent) = (block_hash(number), block_hash(number - 1));
    let heights = frontier.peaks().iter().enumerate().rev();
    let set = heights.filter(|(height, _)| frontier.size() >> height & 1 == 1);
    Head {
        block: BlockRef { number, hash, parent, time },
        candidate: Some((number, frontier.size())),
        size: frontier.size(),
        peaks: set.map(|(_, peak)| *peak).collect(),
    }
}

fn block_hash(number: u64) -> B256 {
    U256::from(number).into()
}

/// The words that a block changed, each key once.
fn words(ledger: &Ledger, block: &Block) -> Words {
    let mut resources: BTreeMap<ResourceId, (ResourceWord, Address)> = BTreeMap::new();
    let mut calendars: BTreeMap<(u64, u64), CalendarWord> = BTreeMap::new();
    let mut requesters: BTreeMap<Address, RequesterWord> = BTreeMap::new();
    let mut released: BTreeMap<u64, U256> = BTreeMap::new();
    for made in &block.records {
        let touched = ledger.touched(&made.record);
        resources.extend(touched.resource.map(|(id, word, approver)| (id, (word, approver))));
        calendars.extend(touched.calendars);
        requesters.extend(touched.requester);
        released.extend(touched.released);
    }
    let resources = resources.into_iter().map(|(id, (word, approver))| (id, word, approver));
    Words {
        resources: resources.collect(),
        calendars: calendars.into_iter().collect(),
        requesters: requesters.into_iter().collect(),
        released: released.into_iter().collect(),
    }
}
