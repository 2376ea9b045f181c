//! What was signed, durable: the file that keeps a validator from signing twice.
//!
//! Table `signed` of a store: (era, block) -> digest. The store is locked while it is open, so a
//! second process cannot sign with it. Shares are not stored: a BLS signature is a function of key
//! and digest.

use crate::RefusalReason;
use alloy_primitives::B256;
use fallow_store::{Identity, Owner, StoreError, failed};
use redb::{ReadableTable as _, TableDefinition};
use std::path::Path;

/// Version of the store's layout.
pub const SCHEMA_VERSION: u64 = 1;

const SIGNED: TableDefinition<'_, (u32, u64), [u8; 32]> = TableDefinition::new("signed");

/// What reserving a digest found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It may be signed: it is durable now, or was before.
    Free,
    /// Another digest was signed for the block.
    Taken(RefusalReason),
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
        let owner = Owner { daemon: "validator", schema: SCHEMA_VERSION, identity: *identity };
        let file = fallow_store::Store::open(path, &owner, |write| {
            write.open_table(SIGNED).map(drop).map_err(failed)
        })?;
        Ok(Self { file })
    }

    /// The digest that was signed for a block.
    ///
    /// # Errors
    /// When the database fails.
    pub fn signed(&self, era: u32, block: u64) -> Result<Option<B256>, StoreError> {
        let transaction = self.file.read()?;
        let table = transaction.open_table(SIGNED).map_err(failed)?;
        let digest = table.get((era, block)).map_err(failed)?;
        Ok(digest.map(|digest| digest.value().into()))
    }

    /// The earliest of the last `count` blocks of an era that were signed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn recently_signed(&self, era: u32, count: usize) -> Result<Option<u64>, StoreError> {
        let transaction = self.file.read()?;
        let table = transaction.open_table(SIGNED).map_err(failed)?;
        let entries = table.range((era, 0)..=(era, u64::MAX)).map_err(failed)?;
        let earliest = entries.rev().take(count).last().transpose().map_err(failed)?;
        Ok(earliest.map(|(key, _)| key.value().1))
    }

    /// Makes a digest durable, the only one for its (era, block). When this returns
    /// [`Reserved::Free`], it is on the disk and may be signed.
    ///
    /// # Errors
    /// When the database fails; the outcome is then unknown, and nothing may be signed.
    pub fn reserve(&self, era: u32, block: u64, digest: B256) -> Result<Reserved, StoreError> {
        let transaction = self.file.write()?;
        {
            let mut table = transaction.open_table(SIGNED).map_err(failed)?;
            let stored = table.get((era, block)).map_err(failed)?;
            let stored = stored.map(|stored| B256::from(stored.value()));
            match stored {
                Some(stored) if stored == digest => return Ok(Reserved::Free),
                Some(stored) => {
                    return Ok(Reserved::Taken(RefusalReason::Signed {
                        block,
                        stored,
                        got: digest,
                    }));
                }
                None => table.insert((era, block), digest.0).map_err(failed)?,
            };
        }
        transaction.commit().map_err(failed)?;
        Ok(Reserved::Free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use fallow_protocol::NetworkId;

    const IDENTITY: Identity =
        Identity { network_id: NetworkId::repeat_byte(1), account: Address::repeat_byte(2) };

    fn open(folder: &tempfile::TempDir) -> Result<Store, StoreError> {
        Store::open(&folder.path().join("signed.redb"), &IDENTITY)
    }

    #[test]
    fn a_block_is_never_given_two_digests_also_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (B256::repeat_byte(7), B256::repeat_byte(8));
        let store = open(&folder).unwrap();
        assert_eq!(store.reserve(0, 4, first).unwrap(), Reserved::Free);
        assert_eq!(store.reserve(0, 4, first).unwrap(), Reserved::Free, "the same again");
        drop(store);
        let store = open(&folder).unwrap();
        let taken = RefusalReason::Signed { block: 4, stored: first, got: second };
        assert_eq!(store.reserve(0, 4, second).unwrap(), Reserved::Taken(taken));
        assert_eq!(store.signed(0, 4).unwrap(), Some(first), "nothing changed");
        assert_eq!(store.reserve(1, 4, second).unwrap(), Reserved::Free, "another era");
    }

    #[test]
    fn recently_signed_blocks_are_those_of_the_era() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        assert_eq!(store.recently_signed(0, 2).unwrap(), None);
        for (era, block) in [(0, 8), (0, 256), (0, 12), (1, 999)] {
            store.reserve(era, block, B256::ZERO).unwrap();
        }
        assert_eq!(store.recently_signed(0, 1).unwrap(), Some(256));
        assert_eq!(store.recently_signed(0, 2).unwrap(), Some(12));
        assert_eq!(store.recently_signed(0, 9).unwrap(), Some(8));
        assert_eq!(store.signed(0, 9).unwrap(), None);
    }

    #[test]
    fn a_store_in_use_or_of_another_member_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed.redb");
        let store = open(&folder).unwrap();
        assert!(matches!(open(&folder), Err(StoreError::InUse { .. })));
        drop(store);
        for other in [
            Identity { account: Address::ZERO, ..IDENTITY },
            Identity { network_id: NetworkId::ZERO, ..IDENTITY },
        ] {
            assert!(matches!(Store::open(&path, &other), Err(StoreError::Identity)));
        }
        assert!(open(&folder).is_ok());
    }
}
