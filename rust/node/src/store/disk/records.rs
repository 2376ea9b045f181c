//! Writing records and words: one table after the other, each in the order of its keys, so that a
//! page is touched once.

use super::Result;
use super::append::Row;
use super::tables::{
    ALLOCATED, ANNOUNCED, BLOCKS, CALENDARS, PROVIDERS, RELEASED, RELEASES, REQUESTERS, RESOURCES,
};
use crate::store::types::Words;
use alloy_primitives::B256;
use fallow_protocol::Body;
use fallow_store::failed;
use redb::{Key, ReadableTable as _, Table, TableDefinition, Value, WriteTransaction};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// Records to a word of the table of allocations.
const WORD_BITS: u64 = 256;

/// First 8 bytes of an id.
pub(super) fn prefix(id: B256) -> u64 {
    id.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// Writes what is looked up of records, but for what [`super::young`] keeps back.
pub(super) fn write(write: &WriteTransaction, rows: &[Row]) -> Result<()> {
    write_blocks(write, rows)?;
    let announced = rows.iter().filter_map(|row| match &row.body {
        Body::Announcement(body) => Some((row.index, body.provider)),
        _ => None,
    });
    insert(write, ANNOUNCED, announced.clone().map(|(index, _)| (index, ())))?;
    insert(write, PROVIDERS, announced.map(|(index, provider)| ((provider.into(), index), ())))?;
    let releases = rows.iter().filter_map(|row| match &row.body {
        Body::Release(body) => Some((body.request_index, row.index)),
        _ => None,
    });
    insert(write, RELEASES, releases)?;
    write_allocations(write, rows)
}

fn write_blocks(write: &WriteTransaction, rows: &[Row]) -> Result<()> {
    let mut table = write.open_table(BLOCKS).map_err(failed)?;
    let mut last = table.last().map_err(failed)?.map(|(_, block)| block.value());
    for row in rows {
        if last != Some(row.block) {
            table.insert(row.index, row.block).map_err(failed)?;
            last = Some(row.block);
        }
    }
    Ok(())
}

fn write_allocations(write: &WriteTransaction, rows: &[Row]) -> Result<()> {
    let allocations = rows.iter().filter(|row| matches!(row.body, Body::Allocation(_)));
    let mut words: BTreeMap<u64, [u8; 32]> = BTreeMap::new();
    for index in allocations.map(|row| row.index) {
        let bit = usize::try_from(index % WORD_BITS).unwrap_or(0);
        words.entry(index / WORD_BITS).or_default()[bit / 8] |= 1 << (bit % 8);
    }
    let mut table = write.open_table(ALLOCATED).map_err(failed)?;
    for (number, mut word) in words {
        if let Some(before) = table.get(number).map_err(failed)? {
            before.value().iter().zip(&mut word).for_each(|(before, byte)| *byte |= before);
        }
        table.insert(number, word).map_err(failed)?;
    }
    Ok(())
}

/// The positions that are marked in a word of the table of allocations.
pub(super) fn marked(number: u64, word: [u8; 32]) -> impl Iterator<Item = u64> {
    let first = number.saturating_mul(WORD_BITS);
    let set = move |bit: &u64| {
        let bit = usize::try_from(*bit).unwrap_or(0);
        word[bit / 8] >> (bit % 8) & 1 == 1
    };
    (0..WORD_BITS).filter(set).map(move |bit| first.saturating_add(bit))
}

/// The number of the word that marks a position.
pub(super) const fn word_of(index: u64) -> u64 {
    index / WORD_BITS
}

/// Writes the words that records changed.
pub(super) fn write_words(write: &WriteTransaction, words: &Words) -> Result<()> {
    let mut resources = write.open_table(RESOURCES).map_err(failed)?;
    for (id, word, approver) in &words.resources {
        let mut value = word.to_word().to_be_bytes_vec();
        value.extend(word.has_approver.then_some(approver.as_slice()).into_iter().flatten());
        resources.insert(id.0.0, value.as_slice()).map_err(failed)?;
    }
    drop(resources);
    insert(write, CALENDARS, words.calendars.iter().map(|(key, word)| (*key, word.to_bytes())))?;
    let requesters = words.requesters.iter();
    insert(
        write,
        REQUESTERS,
        requesters.map(|(key, word)| (key.0.0, word.to_word().to_be_bytes())),
    )?;
    insert(write, RELEASED, words.released.iter().map(|(key, word)| (*key, word.to_be_bytes())))
}

/// Inserts rows in the order of their keys.
pub(super) fn insert<K, V, Q, W>(
    write: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
    rows: impl Iterator<Item = (Q, W)>,
) -> Result<()>
where
    K: Key + 'static,
    V: Value + 'static,
    Q: Ord + for<'k> Borrow<K::SelfType<'k>>,
    W: for<'v> Borrow<V::SelfType<'v>>,
{
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let mut table: Table<'_, K, V> = write.open_table(table).map_err(failed)?;
    for (key, value) in rows {
        table.insert(key, value).map_err(failed)?;
    }
    Ok(())
}
