//! What was sent to mainnet, durable: the file that keeps a relayer from sending twice.
//!
//! Table `anchors` of a store: nonce of the account -> transaction and its checkpoint, as JSON. A
//! commit is on the disk when it returns, so a transaction is stored before any node sees it.

use alloy_primitives::B256;
use fallow_chain::{Transaction, TransactionState};
use fallow_store::{Identity, Owner, failed};
use redb::{ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of the store's layout.
pub const SCHEMA_VERSION: u64 = 1;

/// So many settled transactions are kept for people to look at, about 5 kB each.
const KEPT: usize = 1_000;

const ANCHORS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("anchors");

/// One anchoring: what it anchors, and the transaction that does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchoring {
    /// The checkpoint's block.
    pub block_number: u64,
    /// The checkpoint's digest.
    pub digest: B256,
    /// The transaction on mainnet.
    pub transaction: Transaction,
}

impl Anchoring {
    /// Whether it is not in a block yet, so that nothing else may be anchored.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.transaction.state, TransactionState::Built | TransactionState::Sent { .. })
    }
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be opened, or the database failed.
    #[error(transparent)]
    File(#[from] fallow_store::StoreError),
    /// An entry is none of ours.
    #[error("the store's entry for nonce {nonce} cannot be read: {error}")]
    Entry {
        /// Its key.
        nonce: u64,
        /// Why.
        #[source]
        error: serde_json::Error,
    },
    /// Another transaction has the nonce.
    #[error("nonce {0} has another transaction already")]
    Nonce(u64),
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
        let owner = Owner { daemon: "relayer", schema: SCHEMA_VERSION, identity: *identity };
        let file = fallow_store::Store::open(path, &owner, |write| {
            write.open_table(ANCHORS).map(drop).map_err(failed)
        })?;
        Ok(Self { file })
    }

    /// All anchorings that are kept, by nonce.
    ///
    /// # Errors
    /// When the database fails, or an entry cannot be read.
    pub fn all(&self) -> Result<Vec<Anchoring>, StoreError> {
        let read = self.file.read()?;
        let table = read.open_table(ANCHORS).map_err(failed)?;
        let mut anchorings = Vec::new();
        for entry in table.iter().map_err(failed)? {
            let (nonce, bytes) = entry.map_err(failed)?;
            anchorings.push(decode(nonce.value(), bytes.value())?);
        }
        Ok(anchorings)
    }

    /// Makes an anchoring durable. A nonce keeps its call for ever.
    ///
    /// # Errors
    /// When the nonce has another call, or the database fails; whether it was stored is then
    /// unknown, and nothing may be sent.
    pub fn put(&self, anchoring: &Anchoring) -> Result<(), StoreError> {
        let nonce = anchoring.transaction.nonce;
        let bytes = serde_json::to_vec(anchoring);
        let bytes = bytes.map_err(|error| StoreError::Entry { nonce, error })?;
        let write = self.file.write()?;
        {
            let mut table = write.open_table(ANCHORS).map_err(failed)?;
            let stored = table.get(nonce).map_err(failed)?;
            let stored = stored.map(|bytes| decode(nonce, bytes.value())).transpose()?;
            if stored.is_some_and(|stored| stored.transaction.call != anchoring.transaction.call) {
                return Err(StoreError::Nonce(nonce));
            }
            table.insert(nonce, bytes.as_slice()).map_err(failed)?;
            prune(&mut table, nonce)?;
        }
        Ok(write.commit().map_err(failed)?)
    }
}

/// Nonces ascend, and only the last few are unsettled.
fn prune(table: &mut redb::Table<'_, u64, &[u8]>, nonce: u64) -> Result<(), StoreError> {
    let kept = u64::try_from(KEPT).unwrap_or(u64::MAX);
    let oldest = nonce.saturating_sub(kept);
    Ok(table.retain(|entry, _| entry >= oldest).map_err(failed)?)
}

fn decode(nonce: u64, bytes: &[u8]) -> Result<Anchoring, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Entry { nonce, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, Bytes};
    use fallow_chain::Call;
    use fallow_protocol::NetworkId;

    const IDENTITY: Identity =
        Identity { network_id: NetworkId::repeat_byte(1), account: Address::repeat_byte(2) };

    fn open(folder: &tempfile::TempDir) -> Result<Store, StoreError> {
        Store::open(&folder.path().join("relayer.redb"), &IDENTITY)
    }

    fn anchoring(nonce: u64, data: u8, state: TransactionState) -> Anchoring {
        let call = Call { to: None, data: Bytes::copy_from_slice(&[data]) };
        let transaction = Transaction { call, nonce, gas: 1, payloads: Vec::new(), state };
        Anchoring { block_number: 8, digest: B256::repeat_byte(data), transaction }
    }

    #[test]
    fn a_nonce_is_never_given_two_calls_also_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        let built = anchoring(3, 1, TransactionState::Built);
        store.put(&built).unwrap();
        drop(store);
        let store = open(&folder).unwrap();
        assert_eq!(store.all().unwrap(), [built]);
        let sent = anchoring(3, 1, TransactionState::Sent { at: 9 });
        store.put(&sent).unwrap();
        let second = anchoring(3, 2, TransactionState::Built);
        assert!(matches!(store.put(&second), Err(StoreError::Nonce(3))));
        assert_eq!(store.all().unwrap(), [sent], "nothing changed");
    }

    #[test]
    fn old_anchorings_give_way() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        for nonce in [0, 1, 1_001] {
            store.put(&anchoring(nonce, 1, TransactionState::Built)).unwrap();
        }
        let nonces: Vec<_> = store.all().unwrap().iter().map(|one| one.transaction.nonce).collect();
        assert_eq!(nonces, [1, 1_001]);
    }

    #[test]
    fn a_store_in_use_or_of_another_account_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relayer.redb");
        let store = open(&folder).unwrap();
        let refused = |identity: &Identity| match Store::open(&path, identity) {
            Err(StoreError::File(error)) => error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(refused(&IDENTITY), fallow_store::StoreError::InUse { .. }));
        drop(store);
        for other in [
            Identity { account: Address::ZERO, ..IDENTITY },
            Identity { network_id: NetworkId::ZERO, ..IDENTITY },
        ] {
            assert!(matches!(refused(&other), fallow_store::StoreError::Identity));
        }
        assert!(open(&folder).is_ok());
    }
}
