//! What was signed, durable: the file that keeps a validator from signing twice.
//!
//! A redb database. Table `signed`: (era, block) -> digest. Table `meta`: the schema's version, and
//! whose store it is. The database is locked while it is open, so a second process cannot sign with
//! it. A commit is on the disk when it returns. Shares are not stored: a BLS signature is a function
//! of key and digest.

use crate::RefusalReason;
use alloy_primitives::{Address, B256};
use fallow_protocol::NetworkId;
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use std::path::{Path, PathBuf};

/// Version of the store's layout.
pub const SCHEMA_VERSION: u64 = 1;

const SIGNED: TableDefinition<'_, (u32, u64), [u8; 32]> = TableDefinition::new("signed");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const VERSION_KEY: &str = "version";
const IDENTITY_KEY: &str = "identity";

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The network.
    pub network_id: NetworkId,
    /// The member's account.
    pub account: Address,
}

impl Identity {
    fn encode(&self) -> Vec<u8> {
        [self.network_id.as_slice(), self.account.as_slice()].concat()
    }
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it open.
    #[error("`{path}` is in use: another validator runs with this store")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by another version of this program.
    #[error("the store has schema {got:?}, this program reads {SCHEMA_VERSION}")]
    Version {
        /// What it says of itself.
        got: Vec<u8>,
    },
    /// It belongs to another member or network.
    #[error("the store belongs to another member or network")]
    Identity,
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(#[source] Box<redb::Error>),
}

/// redb has one error type for each kind of call.
fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Database(Box::new(error.into()))
}

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
    database: Database,
}

impl Store {
    /// Opens the store, or creates it.
    ///
    /// # Errors
    /// When it is in use, of another schema, or somebody else's.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, StoreError> {
        let database = Database::create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
            other => failed(other),
        })?;
        let store = Self { database };
        store.claim(identity)?;
        Ok(store)
    }

    /// Writes version and identity into a new store, compares them in an old one.
    fn claim(&self, identity: &Identity) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut meta = transaction.open_table(META).map_err(failed)?;
            let version = meta.get(VERSION_KEY).map_err(failed)?;
            let version = version.map(|version| version.value().to_vec());
            match version {
                None => {
                    let version = SCHEMA_VERSION.to_be_bytes();
                    meta.insert(VERSION_KEY, version.as_slice()).map_err(failed)?;
                    meta.insert(IDENTITY_KEY, identity.encode().as_slice()).map_err(failed)?;
                }
                Some(got) if got != SCHEMA_VERSION.to_be_bytes() => {
                    return Err(StoreError::Version { got });
                }
                Some(_) => check_identity(&meta, identity)?,
            }
            // Readers need the table to be there.
            transaction.open_table(SIGNED).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// The digest that was signed for a block.
    ///
    /// # Errors
    /// When the database fails.
    pub fn signed(&self, era: u32, block: u64) -> Result<Option<B256>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = transaction.open_table(SIGNED).map_err(failed)?;
        let digest = table.get((era, block)).map_err(failed)?;
        Ok(digest.map(|digest| digest.value().into()))
    }

    /// The earliest of the last `count` blocks of an era that were signed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn recently_signed(&self, era: u32, count: usize) -> Result<Option<u64>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
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
        let transaction = self.database.begin_write().map_err(failed)?;
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

fn check_identity(
    meta: &redb::Table<'_, &str, &[u8]>,
    identity: &Identity,
) -> Result<(), StoreError> {
    let stored = meta.get(IDENTITY_KEY).map_err(failed)?;
    match stored {
        Some(stored) if stored.value() == identity.encode() => Ok(()),
        _ => Err(StoreError::Identity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_open_store_cannot_be_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        assert!(matches!(open(&folder), Err(StoreError::InUse { .. })));
        drop(store);
        assert!(open(&folder).is_ok());
    }

    #[test]
    fn a_store_of_another_member_or_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed.redb");
        drop(open(&folder).unwrap());
        let other = Identity { account: Address::ZERO, ..IDENTITY };
        assert!(matches!(Store::open(&path, &other), Err(StoreError::Identity)));
        let database = Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert(VERSION_KEY, [9].as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(database);
        assert!(matches!(open(&folder), Err(StoreError::Version { got }) if got == [9]));
    }
}
