//! The ledger from the tables: the words stream in the order of section 5.1, as a snapshot that the
//! ledger loads and checks itself.

use super::Result;
use super::tables::{CALENDARS, RELEASED, REQUESTERS, RESOURCES};
use crate::store::NodeStoreError;
use crate::store::types::Head;
use fallow_ledger::{Ledger, LedgerConfig, SnapshotError};
use fallow_store::failed;
use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTableMetadata as _, StorageError, TableDefinition,
    Value,
};
use std::io::{self, Read};

/// First bytes of a snapshot, and the format's version.
const MAGIC: &[u8] = b"FLWS\x01";
/// Bytes that are held at once.
const CHUNK: usize = 1 << 16;

/// Builds the ledger after `head`.
pub(super) fn load(read: &ReadTransaction, head: &Head, config: LedgerConfig) -> Result<Ledger> {
    let mut first = MAGIC.to_vec();
    first.extend(config.network_id.as_slice());
    first.extend(config.registry);
    first.extend(head.size.to_be_bytes());
    first.extend(head.peaks.iter().flatten());
    let snapshot = Snapshot {
        lists: vec![
            list(read, RELEASED, |out, key, word| {
                out.extend(key.to_be_bytes());
                out.extend(word);
            })?,
            list(read, REQUESTERS, |out, key, word| {
                out.extend(key);
                out.extend(word);
            })?,
            list(read, CALENDARS, |out, (index, number), word| {
                out.extend(index.to_be_bytes());
                out.extend(number.to_be_bytes());
                out.extend(word);
            })?,
            list(read, RESOURCES, |out, key, word| {
                out.extend(key);
                out.extend(word);
            })?,
        ],
        chunk: first,
        at: 0,
    };
    Ledger::load(config, snapshot).map_err(|error| match error {
        SnapshotError::Read(error) => NodeStoreError::Corrupt(format!("the words: {error}")),
        other => NodeStoreError::Corrupt(other.to_string()),
    })
}

/// Appends the next row; `false` at the end.
type List = Box<dyn FnMut(&mut Vec<u8>) -> std::result::Result<bool, StorageError>>;

/// A list of the snapshot: how many there are, then each.
fn list<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
    row: impl Fn(&mut Vec<u8>, K::SelfType<'_>, V::SelfType<'_>) + 'static,
) -> Result<List> {
    let table: ReadOnlyTable<K, V> = read.open_table(table).map_err(failed)?;
    let mut count = Some(table.len().map_err(failed)?);
    let mut rows = table.range_owned::<K::SelfType<'_>>(..).map_err(failed)?;
    Ok(Box::new(move |out| {
        if let Some(count) = count.take() {
            out.extend(count.to_be_bytes());
        }
        let Some(next) = rows.next() else { return Ok(false) };
        let (key, value) = next?;
        row(out, key.value(), value.value());
        Ok(true)
    }))
}

struct Snapshot {
    /// The last one is next.
    lists: Vec<List>,
    chunk: Vec<u8>,
    at: usize,
}

impl Snapshot {
    fn fill(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.at = 0;
        while let Some(list) = self.lists.last_mut().filter(|_| self.chunk.len() < CHUNK) {
            if !list(&mut self.chunk).map_err(io::Error::other)? {
                self.lists.pop();
            }
        }
        Ok(())
    }
}

impl Read for Snapshot {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.chunk.len() {
            self.fill()?;
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.at = self.at.saturating_add(length);
        Ok(length)
    }
}
