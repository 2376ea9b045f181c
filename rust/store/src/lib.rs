//! The database of a daemon that must not forget: a redb file that one process at a time has open,
//! that knows the version of its layout, and whose it is. What is in it is the daemon's own.
//!
//! ```text
//! table `meta`   "version" -> u64, big-endian    layout of the other tables
//!                "identity" -> networkId || account
//! ```
//!
//! A commit is on the disk when it returns, so what was committed may be shown. When a commit
//! fails, its outcome is unknown, and nothing may be shown.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

use alloy_primitives::Address;
use fallow_protocol::NetworkId;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    Table, TableDefinition, WriteTransaction,
};
use std::path::{Path, PathBuf};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const VERSION_KEY: &str = "version";
const IDENTITY_KEY: &str = "identity";

/// Whose store it is: it is never used for another network or account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The network.
    pub network_id: NetworkId,
    /// The account that the daemon signs with.
    pub account: Address,
}

impl Identity {
    fn encode(&self) -> Vec<u8> {
        [self.network_id.as_slice(), self.account.as_slice()].concat()
    }
}

/// Who opens a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What the daemon is called in errors, e.g. `validator`.
    pub daemon: &'static str,
    /// Version of the layout that the daemon reads and writes.
    pub schema: u64,
    /// Whose it is.
    pub identity: Identity,
}

/// One step from a layout to the next, in the transaction in which the store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The schema that it leads from, to the next one.
    pub from: u64,
    /// Rewrites the tables.
    pub run: fn(&WriteTransaction) -> Result<(), StoreError>,
}

/// How a store is opened, beside whose it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// Bytes of memory that the database may keep pages in; its own default if `None`.
    pub cache_bytes: Option<usize>,
    /// Reads and checks the whole file when it is opened. Without this, a file that something else
    /// altered may be read as if nothing were wrong.
    pub verify: bool,
    /// Steps from older layouts to the owner's. A layout that none leads from is refused.
    pub migrations: &'a [Migration],
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it open.
    #[error("`{path}` is in use: another {daemon} runs with this store")]
    InUse {
        /// The file.
        path: PathBuf,
        /// What the daemon is called.
        daemon: &'static str,
    },
    /// It was written by another version of the program.
    #[error("the store has schema {got:?}, this program reads {want}")]
    Version {
        /// What it says of itself.
        got: Vec<u8>,
        /// The version that is read.
        want: u64,
    },
    /// It belongs to another account or network.
    #[error("the store belongs to another account or network")]
    Identity,
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(#[source] Box<redb::Error>),
}

/// An error of the database. redb has one error type for each kind of call.
pub fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Database(Box::new(error.into()))
}

/// An open store; it is locked until this is dropped.
#[derive(Debug)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens a store, or creates it. `create` opens the daemon's own tables, which readers need to
    /// be there.
    ///
    /// # Errors
    /// When it is in use, of another schema, or somebody else's.
    pub fn open(
        path: &Path,
        owner: &Owner,
        create: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        Self::open_with(path, owner, &Settings::default(), create)
    }

    /// As [`Store::open`], with settings. Migrations run before `create`, and all of it is one
    /// change: a store is never left between two layouts.
    ///
    /// # Errors
    /// When it is in use, of a schema that cannot be read, somebody else's, or corrupt.
    pub fn open_with(
        path: &Path,
        owner: &Owner,
        settings: &Settings<'_>,
        create: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let mut builder = Builder::new();
        builder.set_check_integrity_on_open(settings.verify);
        if let Some(bytes) = settings.cache_bytes {
            builder.set_cache_size(bytes);
        }
        let database = builder.create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => {
                StoreError::InUse { path: path.to_owned(), daemon: owner.daemon }
            }
            other => failed(other),
        })?;
        let store = Self { database };
        let write = store.write()?;
        let from = claim(&mut write.open_table(META).map_err(failed)?, owner, settings)?;
        for schema in from..owner.schema {
            migration(settings, schema).map_or(Ok(()), |migration| (migration.run)(&write))?;
        }
        create(&write)?;
        write.commit().map_err(failed)?;
        Ok(store)
    }

    /// What is committed now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(&self) -> Result<ReadTransaction, StoreError> {
        self.database.begin_read().map_err(failed)
    }

    /// Begins a change; there is one at a time, others wait for it. Dropped without a commit, it
    /// never was.
    ///
    /// # Errors
    /// When the database fails.
    pub fn write(&self) -> Result<WriteTransaction, StoreError> {
        self.database.begin_write().map_err(failed)
    }
}

/// Writes version and identity into a new store, compares them in an old one. Answers the schema
/// from which to migrate.
fn claim(
    meta: &mut Table<'_, &str, &[u8]>,
    owner: &Owner,
    settings: &Settings<'_>,
) -> Result<u64, StoreError> {
    let (version, identity) = (entry(meta, VERSION_KEY)?, entry(meta, IDENTITY_KEY)?);
    let (schema, owner_identity) = (owner.schema.to_be_bytes(), owner.identity.encode());
    let from = match version {
        None => {
            meta.insert(IDENTITY_KEY, owner_identity.as_slice()).map_err(failed)?;
            owner.schema
        }
        Some(got) => readable(&got, owner.schema, settings)
            .ok_or(StoreError::Version { got, want: owner.schema })?,
    };
    if identity.is_some_and(|identity| identity != owner_identity) {
        return Err(StoreError::Identity);
    }
    meta.insert(VERSION_KEY, schema.as_slice()).map_err(failed)?;
    Ok(from)
}

/// The schema of a store that is of the wanted one, or from which migrations lead to it.
fn readable(got: &[u8], want: u64, settings: &Settings<'_>) -> Option<u64> {
    let got = u64::from_be_bytes(got.try_into().ok()?);
    let leads = got <= want && (got..want).all(|schema| migration(settings, schema).is_some());
    leads.then_some(got)
}

fn migration<'a>(settings: &Settings<'a>, from: u64) -> Option<&'a Migration> {
    settings.migrations.iter().find(|migration| migration.from == from)
}

fn entry(meta: &Table<'_, &str, &[u8]>, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let value = meta.get(key).map_err(failed)?;
    Ok(value.map(|value| value.value().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity =
        Identity { network_id: NetworkId::repeat_byte(1), account: Address::repeat_byte(2) };
    const OWNER: Owner = Owner { daemon: "daemon", schema: 1, identity: IDENTITY };
    const NUMBERS: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");

    fn open(folder: &tempfile::TempDir, owner: &Owner) -> Result<Store, StoreError> {
        Store::open(&folder.path().join("store.redb"), owner, |write| {
            write.open_table(NUMBERS).map(drop).map_err(failed)
        })
    }

    #[test]
    fn what_was_committed_is_there_after_reopening_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, &OWNER).unwrap();
        let write = store.write().unwrap();
        write.open_table(NUMBERS).unwrap().insert(1, 10).unwrap();
        write.commit().unwrap();
        let write = store.write().unwrap();
        write.open_table(NUMBERS).unwrap().insert(1, 11).unwrap();
        drop(write);
        drop(store);
        let store = open(&folder, &OWNER).unwrap();
        let read = store.read().unwrap();
        let number = read.open_table(NUMBERS).unwrap().get(1).unwrap();
        assert_eq!(number.map(|number| number.value()), Some(10));
    }

    #[test]
    fn an_open_store_cannot_be_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, &OWNER).unwrap();
        let error = open(&folder, &OWNER).unwrap_err();
        assert!(matches!(error, StoreError::InUse { .. }));
        assert!(error.to_string().ends_with("is in use: another daemon runs with this store"));
        drop(store);
        assert!(open(&folder, &OWNER).is_ok());
    }

    #[test]
    fn a_store_of_another_owner_or_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(&folder, &OWNER).unwrap());
        for identity in [
            Identity { account: Address::ZERO, ..IDENTITY },
            Identity { network_id: NetworkId::ZERO, ..IDENTITY },
        ] {
            let other = Owner { identity, ..OWNER };
            assert!(matches!(open(&folder, &other), Err(StoreError::Identity)));
        }
        let newer = Owner { schema: 2, ..OWNER };
        let got = 1_u64.to_be_bytes();
        assert!(matches!(
            open(&folder, &newer),
            Err(StoreError::Version { got: found, want: 2 }) if found == got
        ));
        assert!(open(&folder, &OWNER).is_ok(), "nothing changed");
    }

    /// Multiplies every number by ten.
    const TENFOLD: Migration = Migration {
        from: 1,
        run: |write| {
            let mut numbers = write.open_table(NUMBERS).map_err(failed)?;
            let old: Vec<_> = numbers
                .iter()
                .map_err(failed)?
                .map(|row| row.map(|(key, number)| (key.value(), number.value())))
                .collect::<Result<_, _>>()
                .map_err(failed)?;
            old.into_iter().try_for_each(|(key, number)| {
                numbers.insert(key, number * 10).map(drop).map_err(failed)
            })
        },
    };
    const NOTHING: Migration = Migration { from: 2, run: |_| Ok(()) };

    fn store_of_schema_1(folder: &tempfile::TempDir) {
        let store = open(folder, &OWNER).unwrap();
        let write = store.write().unwrap();
        write.open_table(NUMBERS).unwrap().insert(1, 7).unwrap();
        write.commit().unwrap();
    }

    fn migrated(
        folder: &tempfile::TempDir,
        schema: u64,
        migrations: &[Migration],
    ) -> Result<u64, StoreError> {
        let settings = Settings { migrations, verify: true, ..Settings::default() };
        let path = folder.path().join("store.redb");
        let store = Store::open_with(&path, &Owner { schema, ..OWNER }, &settings, |_| Ok(()))?;
        let numbers = store.read()?.open_table(NUMBERS).map_err(failed)?;
        Ok(numbers.get(1).unwrap().unwrap().value())
    }

    #[test]
    fn an_older_store_is_migrated_once_step_by_step() {
        let folder = tempfile::tempdir().unwrap();
        store_of_schema_1(&folder);
        for _ in 0..2 {
            assert_eq!(migrated(&folder, 3, &[NOTHING, TENFOLD]).unwrap(), 70);
        }
        assert!(matches!(open(&folder, &OWNER), Err(StoreError::Version { want: 1, .. })));
    }

    #[test]
    fn a_store_that_no_migration_leads_from_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        store_of_schema_1(&folder);
        let gap = migrated(&folder, 3, &[TENFOLD]).unwrap_err();
        assert!(matches!(gap, StoreError::Version { want: 3, .. }));
        assert_eq!(migrated(&folder, 1, &[]).unwrap(), 7);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_old_layout() {
        const FAILS: Migration = Migration { from: 2, run: |_| Err(StoreError::Identity) };
        let folder = tempfile::tempdir().unwrap();
        store_of_schema_1(&folder);
        assert!(matches!(migrated(&folder, 3, &[TENFOLD, FAILS]), Err(StoreError::Identity)));
        assert_eq!(migrated(&folder, 1, &[]).unwrap(), 7);
    }

    #[test]
    fn an_altered_page_is_found_when_the_store_is_verified() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = open(&folder, &OWNER).unwrap();
        let write = store.write().unwrap();
        let number = 0x0123_4567_89ab_cdef;
        write.open_table(NUMBERS).unwrap().insert(1, number).unwrap();
        write.commit().unwrap();
        drop(store);
        let mut bytes = std::fs::read(&path).unwrap();
        let pattern = number.to_le_bytes();
        let places = (0..bytes.len() - 8).filter(|at| bytes[*at..*at + 8] == pattern);
        let places = places.collect::<Vec<_>>();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at] ^= 1);
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(migrated(&folder, 1, &[]), Err(StoreError::Database(_))));
    }

    #[test]
    fn a_file_that_is_no_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("store.redb"), b"something else").unwrap();
        assert!(matches!(open(&folder, &OWNER), Err(StoreError::Database(_))));
    }
}
