//! The database file, which is opened anew when it has failed: redb refuses everything after an
//! error of the disk, and what became of the last change shows only then.

use super::tables::{self, STATE};
use super::{DiskSettings, Result};
use crate::store::NodeStoreError;
use fallow_store::{Migration, Owner, Settings, Store, StoreError, failed};
use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Steps from older schemas.
const MIGRATIONS: &[Migration] = &[];
/// Counts changes: tells whether one whose commit failed is there all the same.
const CHANGES: &str = "changes";

#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    owner: Owner,
    settings: DiskSettings,
    /// `None` after a failure, until it could be opened again.
    store: RwLock<Option<Store>>,
}

impl Database {
    pub(super) fn open(path: PathBuf, owner: Owner, settings: DiskSettings) -> Result<Self> {
        let database = Self { path, owner, settings, store: RwLock::new(None) };
        database.reopen()?;
        Ok(database)
    }

    /// Reads what is committed now.
    pub(super) fn read<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T>) -> Result<T> {
        let store = self.store()?;
        let open = store.as_ref().ok_or_else(|| closed(&self.path))?;
        let result = open.read().map_err(NodeStoreError::from).and_then(|open| read(&open));
        drop(store);
        if result.as_ref().is_err_and(lost) {
            self.close();
        }
        result
    }

    /// Makes a change, wholly or not at all.
    pub(super) fn write<T>(&self, write: impl FnOnce(&WriteTransaction) -> Result<T>) -> Result<T> {
        let (mut number, mut answer) = (0, None);
        let result = self.try_write(|transaction| {
            number = count(transaction)?;
            answer = Some(write(transaction)?);
            Ok(())
        });
        match (result, answer) {
            (Ok(()), Some(answer)) => Ok(answer),
            // The commit itself failed: it may have become durable all the same.
            (Err(error), Some(answer)) => {
                self.close();
                let made = self.read(changes).is_ok_and(|made| made >= number);
                if made { Ok(answer) } else { Err(error) }
            }
            (Err(error), None) => {
                if lost(&error) {
                    self.close();
                }
                Err(error)
            }
            (Ok(()), None) => Err(closed(&self.path)),
        }
    }

    fn try_write(&self, write: impl FnOnce(&WriteTransaction) -> Result<()>) -> Result<()> {
        let store = self.store()?;
        let transaction = store.as_ref().ok_or_else(|| closed(&self.path))?.write()?;
        write(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(())
    }

    fn store(&self) -> Result<RwLockReadGuard<'_, Option<Store>>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        if store.is_some() {
            return Ok(store);
        }
        drop(store);
        self.reopen()?;
        Ok(self.store.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn close(&self) {
        self.store.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn reopen(&self) -> Result<()> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        if store.is_none() {
            let settings = Settings {
                cache_bytes: Some(self.settings.cache_bytes),
                verify: true,
                migrations: MIGRATIONS,
            };
            *store = Some(Store::open_with(&self.path, &self.owner, &settings, tables::create)?);
        }
        Ok(())
    }
}

/// Whether the database has to be opened again after this.
fn lost(error: &NodeStoreError) -> bool {
    let NodeStoreError::Store(StoreError::Database(error)) = error else { return false };
    matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo)
}

fn closed(path: &std::path::Path) -> NodeStoreError {
    let error = std::io::Error::other("the database is closed");
    NodeStoreError::File { path: path.to_owned(), error }
}

/// Counts the change that is being made.
fn count(write: &WriteTransaction) -> Result<u64> {
    let mut state = write.open_table(STATE).map_err(failed)?;
    let before = state.get(CHANGES).map_err(failed)?.map(|row| tables::array(row.value()));
    let number = u64::from_be_bytes(before.transpose()?.unwrap_or_default()).saturating_add(1);
    state.insert(CHANGES, number.to_be_bytes().as_slice()).map_err(failed)?;
    Ok(number)
}

/// How many changes were made.
fn changes(read: &ReadTransaction) -> Result<u64> {
    let number = tables::bytes(read, STATE, CHANGES)?;
    number.map_or(Ok(0), |bytes| Ok(u64::from_be_bytes(tables::array(&bytes)?)))
}
