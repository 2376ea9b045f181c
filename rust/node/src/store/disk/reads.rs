//! Answers from what is committed. The edge is taken before the tables are read: what they tell of
//! later records is left out, so that every position in an answer can be read.

use super::append::id_of;
use super::edge::Edge;
use super::rows::Stored;
use super::tables::{
    ALLOCATED, ANCHORED, ANCHORED_SIZES, ANNOUNCED, BLOCKS, BOOKED, CALENDARS, CERTIFICATES,
    CERTIFIED, CHECKPOINTS, CLAIMED, FAILED, FLIGHTS, GOSSIP, GOSSIPED, IDS, MAINNET_HEAD, OFFERS,
    PENDING, PROMISED, PROVIDERS, RELEASES, RESOURCES, STATE,
};
use super::young::{mixed, positions};
use super::{DiskStore, NodeStore, Result, chains, head, read_lock, records, snapshot, tables};
use crate::store::NodeStoreError;
use crate::store::types::{
    Anchored, Change, Checkpointed, Flight, GossipedAnnouncement, Head, Kept, Pending, Place,
    ResourceRow,
};
use alloy_primitives::{Address, B256, U256};
use fallow_chain::BlockRef;
use fallow_ledger::{Ledger, LedgerConfig};
use fallow_protocol::{Body, CalendarWord, Certificate, Checkpoint, ResourceId, ResourceWord};
use fallow_store::failed;
use redb::{Key, ReadTransaction, ReadableTable as _, TableDefinition};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

/// Records that are committed are shown within microseconds; nobody waits for ever.
const SHOWN_TRIES: usize = 200;
const SHOWN_PAUSE: Duration = Duration::from_millis(1);

impl NodeStore for DiskStore {
    fn commit(&self, change: &Change) -> Result<()> {
        self.commit_change(change)
    }

    fn publish(&self, checkpoint: &Checkpoint, certificate: &Certificate) -> Result<()> {
        Self::publish(self, checkpoint, certificate)
    }

    fn head(&self) -> Result<Option<Head>> {
        self.database.read(head)
    }

    fn ledger(&self, config: LedgerConfig) -> Result<Option<Ledger>> {
        self.database.read(|read| {
            let Some(head) = head(read)? else { return Ok(None) };
            if let Some(newest) = newest_checkpoint(read)? {
                self.check_checkpoint(&newest)?;
            }
            snapshot::load(read, &head, config).map(Some)
        })
    }

    fn size(&self) -> Result<u64> {
        Ok(self.log.edge().size())
    }

    fn entry(&self, index: u64) -> Result<Option<Kept>> {
        Ok(self.entries(index, 1)?.pop())
    }

    fn entries(&self, first: u64, limit: usize) -> Result<Vec<Kept>> {
        let entries = self.log.entries(&self.log.edge(), first, limit)?;
        let blocks = self.database.read(|read| blocks(read, first, entries.len()))?;
        let with_block = |(entry, record): (_, fallow_protocol::Record)| {
            let index = record.index;
            let block = blocks.range(..=index).next_back().map(|(_, block)| *block);
            let block = block.ok_or_else(|| corrupt(format!("record {index} has no block")))?;
            Ok(Kept { index, entry, id: id_of(&record.body, self.domain()), block })
        };
        entries.into_iter().map(with_block).collect()
    }

    /// What a change has removed from the promises is found here at once: while records are
    /// committed and not shown yet, it is looked for again.
    fn index_of(&self, id: B256) -> Result<Option<u64>> {
        for _ in 0..SHOWN_TRIES {
            let edge = self.log.edge();
            if let Some(index) = self.position(&edge, id)? {
                return Ok(Some(index));
            }
            let committed = self.head()?.map_or(0, |head| head.size);
            if committed <= edge.size() {
                break;
            }
            std::thread::sleep(SHOWN_PAUSE);
        }
        Ok(None)
    }

    fn resources(
        &self,
        provider: Option<Address>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>> {
        let size = self.log.edge().size();
        self.database.read(|read| match provider {
            Some(provider) => page(read, PROVIDERS, |index| (provider.into(), index), second)
                .up_to(size, after, limit),
            None => page(read, ANNOUNCED, |index| index, |key| key).up_to(size, after, limit),
        })
    }

    fn allocations(&self, of: Place, after: Option<u64>, limit: usize) -> Result<Vec<u64>> {
        let size = self.log.edge().size();
        let from = after.map_or(0, |after| after.saturating_add(1));
        let to = size.max(from);
        // Rows only ever go from the young ones to the tables.
        let (young, old) = match of {
            Place::Everywhere => {
                let all = |read: &_| all_allocations(read, size, after, limit);
                (Vec::new(), self.database.read(all)?)
            }
            Place::Requester(requester) => {
                let key = |index| (requester.into(), index);
                let young = positions(&read_lock(&self.young).claimed, key(from)..key(to), limit);
                let old = |read: &_| page(read, CLAIMED, key, second).up_to(size, after, limit);
                (young, self.database.read(old)?)
            }
            Place::Resource(resource) => {
                let key = |index| (mixed(resource), index);
                let young = positions(&read_lock(&self.young).booked, key(from)..key(to), limit);
                let old = |read: &_| page(read, BOOKED, key, second).up_to(size, after, limit);
                (young, self.database.read(old)?)
            }
        };
        let all: BTreeSet<u64> = young.into_iter().chain(old).collect();
        Ok(all.into_iter().take(limit).collect())
    }

    fn release_of(&self, index: u64) -> Result<Option<u64>> {
        let size = self.log.edge().size();
        let release = self.database.read(|read| tables::value(read, RELEASES, index))?;
        Ok(release.filter(|release| *release < size))
    }

    fn resource(&self, id: ResourceId) -> Result<Option<ResourceWord>> {
        self.database.read(|read| resource_word(read, id))
    }

    fn resource_rows(&self, after: Option<u64>, limit: usize) -> Result<Vec<ResourceRow>> {
        let indexes = self.resources(None, after, limit)?;
        let edge = self.log.edge();
        let row = |index| {
            let entry = self.log.entries(&edge, index, 1)?.pop();
            let Some((_, fallow_protocol::Record { body: Body::Announcement(body), .. })) = entry
            else {
                return Err(corrupt(format!("record {index} is no announcement")));
            };
            let announcement = body.announcement();
            let id = announcement.id(self.domain());
            let word = self.resource(id)?;
            let word = word.ok_or_else(|| corrupt(format!("resource {id} has no word")))?;
            Ok(ResourceRow { index, id, announcement, word })
        };
        indexes.into_iter().map(row).collect()
    }

    fn calendar(&self, index: u64, first: u64, last: u64) -> Result<Vec<CalendarWord>> {
        let found = self.database.read(|read| {
            let table = read.open_table(CALENDARS).map_err(failed)?;
            let rows = table.range((index, first)..=(index, last)).map_err(failed)?;
            let word = |row: std::result::Result<_, redb::StorageError>| {
                let (key, word): (
                    redb::AccessGuard<'_, (u64, u64)>,
                    redb::AccessGuard<'_, [u8; 32]>,
                ) = row.map_err(failed)?;
                Ok((key.value().1, CalendarWord::from_bytes(word.value())))
            };
            rows.map(word).collect::<Result<BTreeMap<_, _>>>()
        })?;
        let word = |number| found.get(&number).copied().unwrap_or_default();
        Ok((first..=last).map(word).collect())
    }

    fn checkpoint(&self, block: u64) -> Result<Option<Checkpointed>> {
        self.database.read(|read| checkpointed(read, block))
    }

    fn checkpoints(
        &self,
        before: Option<u64>,
        limit: usize,
        certified: bool,
    ) -> Result<Vec<Checkpointed>> {
        let table = if certified { CERTIFICATES } else { CHECKPOINTS };
        self.database.read(|read| {
            let table = read.open_table(table).map_err(failed)?;
            let end = before.map_or(Bound::Unbounded, Bound::Excluded);
            let rows = table.range::<u64>((Bound::Unbounded, end)).map_err(failed)?.rev();
            let blocks = rows.take(limit).map(|row| Ok(row.map_err(failed)?.0.value()));
            let blocks: Vec<u64> = blocks.collect::<Result<_>>()?;
            blocks.into_iter().map(|block| known_checkpoint(read, block)).collect()
        })
    }

    fn certified_above(&self, index: u64) -> Result<Option<Checkpointed>> {
        self.database.read(|read| {
            let table = read.open_table(CERTIFIED).map_err(failed)?;
            let first = (index.saturating_add(1), 0);
            let row = table.range(first..).map_err(failed)?.next().transpose().map_err(failed)?;
            row.map(|(key, _)| known_checkpoint(read, key.value().1)).transpose()
        })
    }

    fn anchored_above(&self, index: u64) -> Result<Option<Anchored>> {
        self.database.read(|read| {
            let table = read.open_table(ANCHORED_SIZES).map_err(failed)?;
            let first = (index.saturating_add(1), 0, 0);
            let row = table.range(first..).map_err(failed)?.next().transpose().map_err(failed)?;
            let Some((_, block, mainnet)) = row.map(|(key, _)| key.value()) else {
                return Ok(None);
            };
            let row = tables::bytes(read, ANCHORED, (block, mainnet))?;
            row.map(|row| Anchored::from_bytes(&row)).transpose()
        })
    }

    fn anchorings(&self, first: u64, limit: usize) -> Result<Vec<Anchored>> {
        self.database.read(|read| {
            let table = read.open_table(ANCHORED).map_err(failed)?;
            let rows = table.range((first, 0)..).map_err(failed)?.take(limit);
            rows.map(|row| Anchored::from_bytes(row.map_err(failed)?.1.value())).collect()
        })
    }

    fn pending(&self) -> Result<Vec<Pending>> {
        self.database.read(|read| stored(read, PENDING, 0, usize::MAX))
    }

    fn promised(&self, id: B256) -> Result<Option<Pending>> {
        self.database.read(|read| {
            let Some((by_time, arrival)) = tables::value(read, PROMISED, id.0)? else {
                return Ok(None);
            };
            let row = match tables::bytes(read, PENDING, arrival)? {
                Some(row) => row,
                None => tables::bytes(read, FAILED, (by_time, arrival))?
                    .ok_or_else(|| corrupt(format!("message {arrival} is promised, not there")))?,
            };
            Pending::from_bytes(&row).map(Some)
        })
    }

    fn flights(&self) -> Result<Vec<Flight>> {
        self.database.read(|read| stored(read, FLIGHTS, 0, usize::MAX))
    }

    fn offer(&self, hash: B256) -> Result<Option<Vec<u8>>> {
        self.database.read(|read| tables::bytes(read, OFFERS, hash.0))
    }

    fn gossip(&self, after: u64, limit: usize) -> Result<Vec<GossipedAnnouncement>> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        self.database.read(|read| stored(read, GOSSIP, first, limit))
    }

    fn gossiped(&self, id: ResourceId) -> Result<Option<GossipedAnnouncement>> {
        self.database.read(|read| {
            let Some(arrival) = tables::value(read, GOSSIPED, id.0.0)? else { return Ok(None) };
            let row = tables::bytes(read, GOSSIP, arrival)?;
            let row =
                row.ok_or_else(|| corrupt(format!("announcement {id} is listed, not there")))?;
            GossipedAnnouncement::from_bytes(&row).map(Some)
        })
    }

    fn mainnet_head(&self) -> Result<Option<BlockRef>> {
        self.database.read(|read| {
            let row = tables::bytes(read, STATE, MAINNET_HEAD)?;
            row.map(|row| BlockRef::from_bytes(&row)).transpose()
        })
    }
}

impl DiskStore {
    /// Position of a message's record in the log up to an edge.
    fn position(&self, edge: &Edge, id: B256) -> Result<Option<u64>> {
        let first = records::prefix(id);
        let keys = (first, 0)..=(first, u64::MAX);
        let young = positions(&read_lock(&self.young).ids, keys.clone(), usize::MAX);
        let old = self.database.read(|read| {
            let table = read.open_table(IDS).map_err(failed)?;
            let rows = table.range(keys).map_err(failed)?;
            rows.map(|row| Ok(row.map_err(failed)?.0.value().1)).collect::<Result<Vec<_>>>()
        })?;
        let candidates: BTreeSet<u64> = young.into_iter().chain(old).collect();
        for index in candidates {
            let found = self.log.entries(edge, index, 1)?.pop();
            if found.is_some_and(|(_, record)| id_of(&record.body, self.domain()) == id) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}

/// The blocks of some records: first position of each.
fn blocks(read: &ReadTransaction, first: u64, count: usize) -> Result<BTreeMap<u64, u64>> {
    let table = read.open_table(BLOCKS).map_err(failed)?;
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let end = first.saturating_add(count);
    let mut blocks = BTreeMap::new();
    for row in table.range(..end).map_err(failed)?.rev() {
        let (start, block) = row.map_err(failed)?;
        blocks.insert(start.value(), block.value());
        if start.value() <= first {
            break;
        }
    }
    Ok(blocks)
}

fn newest_checkpoint(read: &ReadTransaction) -> Result<Option<Checkpoint>> {
    let table = read.open_table(CHECKPOINTS).map_err(failed)?;
    let newest = table.last().map_err(failed)?;
    newest.map(|(_, row)| chains::decode(row.value())).transpose()
}

fn checkpointed(read: &ReadTransaction, block: u64) -> Result<Option<Checkpointed>> {
    let Some(row) = tables::bytes(read, CHECKPOINTS, block)? else { return Ok(None) };
    let certificate = tables::bytes(read, CERTIFICATES, block)?;
    let certificate = certificate.map(|row| Certificate::decode(&row)).transpose();
    let certificate = certificate.map_err(|error| corrupt(format!("a certificate: {error}")))?;
    Ok(Some(Checkpointed { checkpoint: chains::decode(&row)?, certificate }))
}

fn known_checkpoint(read: &ReadTransaction, block: u64) -> Result<Checkpointed> {
    let found = checkpointed(read, block)?;
    found.ok_or_else(|| corrupt(format!("the checkpoint of block {block} is listed, not there")))
}

fn resource_word(read: &ReadTransaction, id: ResourceId) -> Result<Option<ResourceWord>> {
    let row = tables::bytes(read, RESOURCES, id.0.0)?;
    let word = |row: Vec<u8>| {
        let word = row.first_chunk::<32>().map(|word| U256::from_be_bytes(*word));
        let word =
            word.ok_or_else(|| corrupt(format!("the word of resource {id} is too short")))?;
        Ok(ResourceWord::from_word(word))
    };
    row.map(word).transpose()
}

/// Rows of a table by number, from `first` on.
fn stored<T: Stored>(
    read: &ReadTransaction,
    table: TableDefinition<'_, u64, &'static [u8]>,
    first: u64,
    limit: usize,
) -> Result<Vec<T>> {
    let table = read.open_table(table).map_err(failed)?;
    let rows = table.range(first..).map_err(failed)?.take(limit);
    rows.map(|row| T::from_bytes(row.map_err(failed)?.1.value())).collect()
}

/// Positions of allocations, from their bitmap.
fn all_allocations(
    read: &ReadTransaction,
    size: u64,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<u64>> {
    let first = after.map_or(0, |after| after.saturating_add(1));
    let table = read.open_table(ALLOCATED).map_err(failed)?;
    let mut found = Vec::new();
    for row in table.range(records::word_of(first)..).map_err(failed)? {
        let (number, word) = row.map_err(failed)?;
        let marked = records::marked(number.value(), word.value());
        found.extend(marked.filter(|index| (first..size).contains(index)));
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// Positions that stand in the keys of a table.
struct Page<'a, K: Key + 'static, I, O> {
    read: &'a ReadTransaction,
    table: TableDefinition<'static, K, ()>,
    key: I,
    index: O,
}

const fn page<'a, K: Key + 'static, I, O>(
    read: &'a ReadTransaction,
    table: TableDefinition<'static, K, ()>,
    key: I,
    index: O,
) -> Page<'a, K, I, O> {
    Page { read, table, key, index }
}

impl<K, I, O> Page<'_, K, I, O>
where
    K: Key + for<'k> redb::Value<SelfType<'k> = K> + 'static,
    I: Fn(u64) -> K,
    O: Fn(K) -> u64,
{
    /// At most `limit` positions above `after`, below `size`.
    fn up_to(&self, size: u64, after: Option<u64>, limit: usize) -> Result<Vec<u64>> {
        let first = after.map_or(0, |after| after.saturating_add(1));
        let table = self.read.open_table(self.table).map_err(failed)?;
        let range = (self.key)(first)..(self.key)(size.max(first));
        let rows = table.range(range).map_err(failed)?.take(limit);
        rows.map(|row| Ok((self.index)(row.map_err(failed)?.0.value()))).collect()
    }
}

const fn second<T: Copy>(key: (T, u64)) -> u64 {
    key.1
}

fn corrupt(what: String) -> NodeStoreError {
    NodeStoreError::Corrupt(what)
}
