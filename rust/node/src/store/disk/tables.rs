//! Layout of the database, schema 1. What is in files, or follows from a record, is in no table.
//!
//! Numbers are positions in the log unless said otherwise. Keys that many rows share stand first in
//! composite keys, so that a page of answers is one range.

use super::Result;
use crate::store::NodeStoreError;
use fallow_store::{StoreError, failed};
use redb::{Key, ReadTransaction, ReadableTable as _, TableDefinition, Value, WriteTransaction};
use std::borrow::Borrow;

/// Version of the layout.
pub(super) const SCHEMA: u64 = 1;

/// Names of single values: the head, that of mainnet, bytes in tables, whose turn it is.
pub(super) const HEAD: &str = "head";
pub(super) const MAINNET_HEAD: &str = "mainnet_head";
pub(super) const TOTALS: &str = "totals";
pub(super) const TURN: &str = "turn";

pub(super) type Word = [u8; 32];
pub(super) type Account = [u8; 20];
pub(super) type Block = u64;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $key:ty => $value:ty = $text:literal;)*) => {
        $($(#[$doc])*
        pub(super) const $name: TableDefinition<'_, $key, $value> = TableDefinition::new($text);)*

        /// Makes all tables.
        pub(super) fn create(write: &WriteTransaction) -> std::result::Result<(), StoreError> {
            $(write.open_table($name).map_err(failed)?;)*
            Ok(())
        }

        /// Copies all tables.
        pub(super) fn copy(read: &ReadTransaction, write: &WriteTransaction) -> Result<()> {
            $(copy_table(read, write, $name)?;)*
            Ok(())
        }
    };
}

tables! {
    /// Single values, by name.
    STATE: &str => &[u8] = "state";
    /// Entries that are in no full bundle yet.
    TAIL: u64 => &[u8] = "tail";
    /// Hashes of the partial tile of a level above 0; that of level 0 follows from the tail.
    EDGE: u8 => &[u8] = "edge";
    /// First 8 bytes of a message's id, position: half the space of whole ids, which the records
    /// tell.
    IDS: (u64, u64) => () = "ids";
    /// First position of a block that has records -> the block.
    BLOCKS: u64 => Block = "blocks";
    /// Announcements.
    ANNOUNCED: u64 => () = "announced";
    /// Provider, announcement.
    PROVIDERS: (Account, u64) => () = "providers";
    /// Position / 256 -> bit i is set if the record at 256 x key + i is an allocation.
    ALLOCATED: u64 => Word = "allocated";
    /// Requester, allocation.
    CLAIMED: (Account, u64) => () = "claimed";
    /// Announcement (mixed), allocation of that resource.
    BOOKED: (u64, u64) => () = "booked";
    /// Last position of a change -> rows that wait to get into the ids, claimed and booked.
    YOUNG: u64 => &[u8] = "young";
    /// Allocation -> its release.
    RELEASES: u64 => u64 = "releases";

    /// Resource word, then the approver if the word has the flag (section 5.1; so the next three).
    RESOURCES: Word => &[u8] = "resources";
    /// Announcement, number of the word.
    CALENDARS: (u64, u64) => Word = "calendars";
    /// By account.
    REQUESTERS: Account => Word = "requesters";
    /// By number of the released word.
    RELEASED: u64 => Word = "released";

    /// Packed checkpoints.
    CHECKPOINTS: Block => &[u8] = "checkpoints";
    /// Packed certificates.
    CERTIFICATES: Block => &[u8] = "certificates";
    /// Size, block of certified checkpoints.
    CERTIFIED: (u64, Block) => () = "certified";
    /// Sidechain block, mainnet block.
    ANCHORED: (Block, Block) => &[u8] = "anchored";
    /// Size, sidechain block, mainnet block.
    ANCHORED_SIZES: (u64, Block, Block) => () = "anchored_sizes";

    /// By arrival.
    PENDING: u64 => &[u8] = "pending";
    /// Time of the promise in unix seconds, arrival.
    FAILED: (u64, u64) => &[u8] = "failed";
    /// Id -> time of the promise, arrival; of both tables above.
    PROMISED: Word => (u64, u64) = "promised";
    /// By nonce.
    FLIGHTS: u64 => &[u8] = "flights";
    /// By hash.
    OFFERS: Word => &[u8] = "offers";
    /// By arrival.
    GOSSIP: u64 => &[u8] = "gossip";
    /// Resource id -> arrival.
    GOSSIPED: Word => u64 = "gossiped";
    /// Sizes whose partial files may be there.
    PUBLISHED: u64 => () = "published";
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    write: &WriteTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<()> {
    let mut table = write.open_table(definition).map_err(failed)?;
    for row in read.open_table(definition).map_err(failed)?.iter().map_err(failed)? {
        let (key, value) = row.map_err(failed)?;
        table.insert(key.value(), value.value()).map_err(failed)?;
    }
    Ok(())
}

/// The bytes of a row.
pub(super) fn bytes<'k, K: Key + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, &'static [u8]>,
    key: impl Borrow<K::SelfType<'k>>,
) -> Result<Option<Vec<u8>>> {
    let table = read.open_table(table).map_err(failed)?;
    Ok(table.get(key).map_err(failed)?.map(|row| row.value().to_vec()))
}

/// The value of a row of fixed size.
pub(super) fn value<'k, K: Key + 'static, V: for<'a> Value<SelfType<'a> = V> + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
    key: impl Borrow<K::SelfType<'k>>,
) -> Result<Option<V>> {
    let table = read.open_table(table).map_err(failed)?;
    Ok(table.get(key).map_err(failed)?.map(|row| row.value()))
}

/// A fixed number of bytes of a row.
pub(super) fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| {
        NodeStoreError::Corrupt(format!("a row of {} bytes where {N} are due", bytes.len()))
    })
}
