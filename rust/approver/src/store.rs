//! What was signed, durable: the file that keeps a requester from having more signed than it may.
//!
//! Tables of a store: `usage` (day, requester) -> units signed for that day; `signed` (timestamp,
//! request id) -> units that it counted, while the request can still be asked again.

use crate::Claim;
use crate::claim::day_of;
use fallow_protocol::Refusal;
use fallow_store::{Identity, Owner, StoreError, failed};
use redb::{ReadableTable as _, Table, TableDefinition};
use std::path::Path;

/// Version of the store's layout.
pub const SCHEMA_VERSION: u64 = 1;

type Usage<'a> = Table<'a, (u64, [u8; 20]), u64>;
type Signed<'a> = Table<'a, (u64, [u8; 32]), u16>;

const USAGE: TableDefinition<'_, (u64, [u8; 20]), u64> = TableDefinition::new("usage");
const SIGNED: TableDefinition<'_, (u64, [u8; 32]), u16> = TableDefinition::new("signed");

/// Days that are over are kept so long, against a clock that goes back. Nothing counts on them.
const KEPT_DAYS: u64 = 7;
/// Seconds that a signed request is kept. It can be asked again for 300 s around its timestamp;
/// the rest of the hour is for a clock that goes back.
const KEPT_SECONDS: u64 = 3_600;

/// What counting a claim did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is counted now.
    Now,
    /// It was counted before: the same request was asked again.
    Before,
}

/// The open store.
#[derive(Debug)]
pub struct Store {
    file: fallow_store::Store,
}

impl Store {
    /// Opens the store, or creates it.
    ///
    /// # Errors
    /// When it is in use, of another schema, or somebody else's.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, StoreError> {
        let owner = Owner { daemon: "approver", schema: SCHEMA_VERSION, identity: *identity };
        let file = fallow_store::Store::open(path, &owner, |write| {
            write.open_table(USAGE).map_err(failed)?;
            write.open_table(SIGNED).map(drop).map_err(failed)
        })?;
        Ok(Self { file })
    }

    /// Takes a claim from its requester's allowance, once. When this returns `Ok(Ok(_))`, it is on
    /// the disk, and the request may be signed.
    ///
    /// # Errors
    /// When the database fails; the outcome is then unknown, and nothing may be signed. The inner
    /// error is rule 802: nothing was counted.
    pub fn count(&self, claim: &Claim, now: u64) -> Result<Result<Counted, Refusal>, StoreError> {
        let write = self.file.write()?;
        {
            let mut signed = write.open_table(SIGNED).map_err(failed)?;
            let key = (claim.timestamp, claim.id.0.0);
            if signed.get(key).map_err(failed)?.is_some() {
                return Ok(Ok(Counted::Before));
            }
            let mut usage = write.open_table(USAGE).map_err(failed)?;
            if let Err(refusal) = take(&mut usage, claim)? {
                return Ok(Err(refusal));
            }
            signed.insert(key, claim.volume).map_err(failed)?;
            prune(&mut usage, &mut signed, now)?;
        }
        write.commit().map_err(failed)?;
        Ok(Ok(Counted::Now))
    }

    /// Units signed for a requester and day.
    ///
    /// # Errors
    /// When the database fails.
    pub fn used(&self, requester: alloy_primitives::Address, day: u64) -> Result<u64, StoreError> {
        let usage = self.file.read()?.open_table(USAGE).map_err(failed)?;
        let units = usage.get((day, requester.0.0)).map_err(failed)?;
        Ok(units.map_or(0, |units| units.value()))
    }
}

/// Counts a claim on each of its days, or finds the first that lacks units. The caller drops the
/// transaction then, with what the days before it were given.
fn take(usage: &mut Usage<'_>, claim: &Claim) -> Result<Result<(), Refusal>, StoreError> {
    for day in claim.days.clone() {
        let key = (day, claim.requester.0.0);
        let used = usage.get(key).map_err(failed)?.map_or(0, |units| units.value());
        if let Err(refusal) = claim.fits(used) {
            return Ok(Err(refusal));
        }
        // It fits below a limit of 32 bits.
        usage.insert(key, used.saturating_add(claim.volume.into())).map_err(failed)?;
    }
    Ok(Ok(()))
}

fn prune(usage: &mut Usage<'_>, signed: &mut Signed<'_>, now: u64) -> Result<(), StoreError> {
    let oldest_day = day_of(now).saturating_sub(KEPT_DAYS);
    usage.retain_in(..(oldest_day, [0; 20]), |_, _| false).map_err(failed)?;
    let oldest = now.saturating_sub(KEPT_SECONDS);
    signed.retain_in(..(oldest, [0; 32]), |_, _| false).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use fallow_protocol::{Code, NetworkId, RequestId};
    use redb::ReadableTableMetadata as _;

    const IDENTITY: Identity =
        Identity { network_id: NetworkId::repeat_byte(1), account: Address::repeat_byte(2) };
    const ADA: Address = Address::repeat_byte(3);
    const BOB: Address = Address::repeat_byte(4);
    const DAY: u64 = 86_400;
    const NOW: u64 = 100 * DAY;

    fn open(folder: &tempfile::TempDir) -> Result<Store, StoreError> {
        Store::open(&folder.path().join("approver.redb"), &IDENTITY)
    }

    fn claim(id: u8, requester: Address, days: crate::Days, volume: u16) -> Claim {
        Claim { id: RequestId::repeat_byte(id), requester, timestamp: NOW, volume, days, limit: 8 }
    }

    fn lacks(volume: u16, left: u64) -> Result<Counted, Refusal> {
        Err(Refusal::new(Code::AllowanceExceeded, volume, left))
    }

    #[test]
    fn each_key_and_day_has_its_allowance_also_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        let count = |store: &Store, claim: &Claim| store.count(claim, NOW).unwrap();
        assert_eq!(count(&store, &claim(1, ADA, 100..=100, 5)), Ok(Counted::Now));
        drop(store);
        let store = open(&folder).unwrap();
        assert_eq!(count(&store, &claim(2, ADA, 100..=100, 4)), lacks(4, 3));
        assert_eq!(count(&store, &claim(2, ADA, 100..=100, 3)), Ok(Counted::Now));
        assert_eq!(count(&store, &claim(3, ADA, 100..=100, 1)), lacks(1, 0));
        assert_eq!(count(&store, &claim(4, ADA, 101..=101, 8)), Ok(Counted::Now));
        assert_eq!(count(&store, &claim(5, BOB, 100..=100, 8)), Ok(Counted::Now));
    }

    #[test]
    fn the_same_request_is_counted_once_also_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        let claim = claim(1, ADA, 100..=101, 8);
        assert_eq!(store.count(&claim, NOW).unwrap(), Ok(Counted::Now));
        assert_eq!(store.count(&claim, NOW + 1).unwrap(), Ok(Counted::Before));
        drop(store);
        let store = open(&folder).unwrap();
        assert_eq!(store.count(&claim, NOW + 300).unwrap(), Ok(Counted::Before));
        assert_eq!((store.used(ADA, 100).unwrap(), store.used(ADA, 101).unwrap()), (8, 8));
    }

    #[test]
    fn a_refused_request_counts_on_no_day() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        assert_eq!(store.count(&claim(1, ADA, 102..=102, 6), NOW).unwrap(), Ok(Counted::Now));
        assert_eq!(store.count(&claim(2, ADA, 100..=103, 3), NOW).unwrap(), lacks(3, 2));
        for (day, used) in [(100, 0), (101, 0), (102, 6), (103, 0)] {
            assert_eq!(store.used(ADA, day).unwrap(), used, "day {day}");
        }
        assert_eq!(store.count(&claim(2, ADA, 100..=103, 2), NOW).unwrap(), Ok(Counted::Now));
    }

    #[test]
    fn what_is_long_over_is_forgotten_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        let first = claim(1, ADA, 100..=101, 1);
        assert_eq!(store.count(&first, NOW).unwrap(), Ok(Counted::Now));
        let later = NOW + 8 * DAY;
        let second = Claim { timestamp: later, ..claim(2, ADA, 108..=108, 1) };
        assert_eq!(store.count(&second, later).unwrap(), Ok(Counted::Now));
        assert_eq!(store.used(ADA, 100).unwrap(), 0, "forgotten");
        assert_eq!(store.used(ADA, 101).unwrap(), 1, "kept for a week");
        assert_eq!(store.used(ADA, 108).unwrap(), 1);
        let read = store.file.read().unwrap();
        assert_eq!(read.open_table(SIGNED).unwrap().len().unwrap(), 1);
    }

    #[test]
    fn a_store_in_use_or_of_another_approver_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        assert!(matches!(open(&folder), Err(StoreError::InUse { .. })));
        drop(store);
        let path = folder.path().join("approver.redb");
        for other in [
            Identity { account: ADA, ..IDENTITY },
            Identity { network_id: NetworkId::ZERO, ..IDENTITY },
        ] {
            assert!(matches!(Store::open(&path, &other), Err(StoreError::Identity)));
        }
        assert!(open(&folder).is_ok());
    }
}
