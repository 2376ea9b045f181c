//! Indexes of the newest records in memory, and how they get into their tables.
//!
//! The keys of ids, requesters and resources are spread over their whole tables, so that each record
//! alone would have a page of 4 KiB written for each of them: 80 MB for a block of 7000 records in a
//! log of 10^6. Instead the newest rows wait, in memory and as one row a change in the table `young`,
//! and the tables take one slice of their keys after the other, many rows a page.
//!
//! ```text
//! change: rows --> young --slice 17 of 64--> ids, claimed, booked
//! start:  table `young` --> young            rows that were taken already do no harm
//! ```

use super::Result;
use super::append::Row;
use super::records::{insert, prefix};
use super::rows::Stored;
use super::tables::{Account, BOOKED, CLAIMED, IDS, STATE, TURN, YOUNG};
use alloy_primitives::B256;
use fallow_protocol::Body;
use fallow_store::failed;
use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};
use std::collections::BTreeSet;
use std::ops::{Bound, RangeBounds, RangeInclusive};

/// Parts of the keys, by the highest bits. A power of two.
const SLICES: u64 = 64;
const SLICE_BITS: u32 = u64::BITS - SLICES.ilog2();

/// First 8 bytes of the id, position.
pub(super) type IdKey = (u64, u64);
/// Requester, position.
pub(super) type ClaimKey = (Account, u64);
/// Mixed position of the announcement, position.
pub(super) type BookKey = (u64, u64);

/// Positions of announcements are all small: their product with an odd number is spread like the
/// other keys, and still another one for each (Knuth, The Art of Computer Programming 3, 6.4).
pub(super) const fn mixed(resource: u64) -> u64 {
    resource.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Rows of the three tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Young {
    pub(super) ids: BTreeSet<IdKey>,
    pub(super) claimed: BTreeSet<ClaimKey>,
    pub(super) booked: BTreeSet<BookKey>,
}

/// What the table of young rows has of one record that has an id: of an allocation also requester
/// and resource.
pub(super) type YoungRow = (u64, u64, Option<(Account, u64)>);

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turn {
    /// The slice that is taken next.
    slice: u64,
    /// Size of the log when slice 0 was taken last: rows of records below are all taken when the
    /// last slice is.
    since: u64,
}

impl Stored for Turn {
    type Row = (u64, u64);

    fn to_row(&self) -> (u64, u64) {
        (self.slice, self.since)
    }

    fn from_row((slice, since): (u64, u64)) -> std::result::Result<Self, String> {
        Ok(Self { slice, since })
    }
}

impl Stored for Vec<YoungRow> {
    type Row = Self;

    fn to_row(&self) -> Self {
        self.clone()
    }

    fn from_row(row: Self) -> std::result::Result<Self, String> {
        Ok(row)
    }
}

/// What a change does to the rows that wait.
#[derive(Debug)]
pub(super) struct Taking {
    new: Young,
    slices: Vec<u64>,
}

impl Young {
    /// The rows that wait.
    pub(super) fn load(read: &ReadTransaction) -> Result<Self> {
        let mut young = Self::default();
        for row in read.open_table(YOUNG).map_err(failed)?.iter().map_err(failed)? {
            let (_, rows) = row.map_err(failed)?;
            Vec::<YoungRow>::from_bytes(rows.value())?.iter().for_each(|row| young.add(row));
        }
        Ok(young)
    }

    fn add(&mut self, (id, index, claim): &YoungRow) {
        self.ids.insert((*id, *index));
        if let Some((requester, resource)) = claim {
            self.claimed.insert((*requester, *index));
            self.booked.insert((mixed(*resource), *index));
        }
    }

    /// Writes new rows, and slices in their turn until rows of at most `limit` records wait.
    /// [`Self::apply`] follows once it is committed.
    pub(super) fn write(
        &self,
        write: &WriteTransaction,
        rows: &[Row],
        limit: usize,
    ) -> Result<Taking> {
        let mut taking = Taking { new: Self::default(), slices: Vec::new() };
        let Some(last) = rows.last() else { return Ok(taking) };
        let new: Vec<YoungRow> = rows.iter().filter_map(young_row).collect();
        let mut table = write.open_table(YOUNG).map_err(failed)?;
        table.insert(last.index, new.to_bytes()?.as_slice()).map_err(failed)?;
        new.iter().for_each(|row| taking.new.add(row));
        let mut state = write.open_table(STATE).map_err(failed)?;
        let turn = state.get(TURN).map_err(failed)?.map(|row| Turn::from_bytes(row.value()));
        let mut turn = turn.transpose()?.unwrap_or_default();
        let mut waiting = self.ids.len().saturating_add(taking.new.ids.len());
        let mut taken = Self::default();
        while waiting > limit {
            if turn.slice == 0 {
                turn.since = last.index;
            }
            let before = taken.ids.len();
            self.copy_slice(turn.slice, &mut taken);
            taking.new.copy_slice(turn.slice, &mut taken);
            waiting = waiting.saturating_sub(taken.ids.len().saturating_sub(before));
            taking.slices.push(turn.slice);
            turn.slice = turn.slice.saturating_add(1) % SLICES;
            if turn.slice == 0 {
                table.retain_in(..=turn.since, |_, _| false).map_err(failed)?;
            }
        }
        state.insert(TURN, turn.to_bytes()?.as_slice()).map_err(failed)?;
        drop((table, state));
        insert(write, IDS, taken.ids.into_iter().map(|key| (key, ())))?;
        insert(write, CLAIMED, taken.claimed.into_iter().map(|key| (key, ())))?;
        insert(write, BOOKED, taken.booked.into_iter().map(|key| (key, ())))?;
        Ok(taking)
    }

    /// Takes in what was committed.
    pub(super) fn apply(&mut self, mut taking: Taking) {
        self.ids.append(&mut taking.new.ids);
        self.claimed.append(&mut taking.new.claimed);
        self.booked.append(&mut taking.new.booked);
        for slice in taking.slices {
            let keys = SliceKeys::new(slice);
            remove(&mut self.ids, &keys.numbers);
            remove(&mut self.claimed, &keys.accounts);
            remove(&mut self.booked, &keys.numbers);
        }
    }

    fn copy_slice(&self, slice: u64, to: &mut Self) {
        let keys = SliceKeys::new(slice);
        to.ids.extend(self.ids.range(keys.numbers.clone()));
        to.claimed.extend(self.claimed.range(keys.accounts));
        to.booked.extend(self.booked.range(keys.numbers));
    }
}

/// Keys of a slice.
struct SliceKeys {
    numbers: RangeInclusive<(u64, u64)>,
    accounts: RangeInclusive<ClaimKey>,
}

impl SliceKeys {
    fn new(slice: u64) -> Self {
        let first = slice.wrapping_shl(SLICE_BITS);
        let last = first | !u64::MAX.wrapping_shl(SLICE_BITS);
        let accounts = (account(first, 0), 0)..=(account(last, u8::MAX), u64::MAX);
        Self { numbers: (first, 0)..=(last, u64::MAX), accounts }
    }
}

/// The positions in a range of keys.
pub(super) fn positions<K: Ord + Copy>(
    keys: &BTreeSet<(K, u64)>,
    range: impl RangeBounds<(K, u64)>,
    limit: usize,
) -> Vec<u64> {
    keys.range(range).take(limit).map(|(_, index)| *index).collect()
}

fn young_row(row: &Row) -> Option<YoungRow> {
    let claim = match &row.body {
        Body::Allocation(body) => Some((body.requester.into(), body.resource_index)),
        _ => None,
    };
    (row.id != B256::ZERO).then(|| (prefix(row.id), row.index, claim))
}

/// The account that begins with a number and goes on with a byte.
fn account(first: u64, rest: u8) -> Account {
    let mut account = [rest; 20];
    account[..8].copy_from_slice(&first.to_be_bytes());
    account
}

fn remove<K: Ord + Copy>(keys: &mut BTreeSet<K>, range: &RangeInclusive<K>) {
    let mut above = keys.split_off(range.start());
    let first = above.range((Bound::Excluded(*range.end()), Bound::Unbounded)).next().copied();
    if let Some(first) = first {
        keys.append(&mut above.split_off(&first));
    }
}
