//! The static files by what they are.

use crate::{AuditError, Certified, Flaw, Source, SourceError};
use alloy_primitives::B256;
use fallow_log::{BundleId, TileId};
use fallow_protocol::{
    BUNDLE_MAX_BYTES, CheckpointFile, DecodeError, Entry, FILE_MAX_BYTES, NetworkFile,
    SET_MAX_BYTES, Set, decode_bundle, entry_of_bundle, read_json,
};
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// See [`Files::keeping`].
const KEPT_BUNDLES: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");
/// Bytes of a full tile.
const TILE_BYTES: usize = 8_192;

/// Reads the static files of one log from a source.
#[derive(Debug)]
pub struct Files<S> {
    source: S,
    bundles: Mutex<LruCache<u64, Arc<[u8]>>>,
}

/// What a bundle's file holds.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// Up to the first that cannot be read.
    pub(crate) entries: Vec<Entry>,
    /// Why that one cannot be read.
    pub(crate) flaw: Option<Flaw>,
}

/// Why there is no such entry or tile.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The source failed.
    Source(SourceError),
    /// What is there is wrong, or nothing is.
    Flaw(Box<Flaw>),
}

impl From<Flaw> for ReadError {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(Box::new(flaw))
    }
}

impl From<SourceError> for ReadError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl<S: Source> Files<S> {
    /// The files that a source has.
    #[must_use]
    pub fn new(source: S) -> Self {
        Self::keeping(source, KEPT_BUNDLES)
    }

    /// The same, with another number of bundles that are kept for what later records refer to: 64
    /// unless told, about 6 MB.
    #[must_use]
    pub fn keeping(source: S, bundles: NonZeroUsize) -> Self {
        Self { source, bundles: Mutex::new(LruCache::new(bundles)) }
    }

    fn file(&self, path: &str, limit: usize) -> Result<Vec<u8>, AuditError> {
        let bytes = self.source.read(path, limit)?;
        bytes.ok_or_else(|| AuditError::Missing(path.to_owned()))
    }

    /// The network file that lies beside the tiles. Who trusts it trusts the source: better is one
    /// of one's own.
    ///
    /// # Errors
    /// When it is not there or none.
    pub fn network(&self) -> Result<NetworkFile, AuditError> {
        let path = "network.json";
        let file = NetworkFile::read(&self.file(path, FILE_MAX_BYTES)?);
        file.map_err(|error| AuditError::File { path: path.to_owned(), error: Box::new(error) })
    }

    /// The set that a network file trusts.
    ///
    /// # Errors
    /// When it is not there, or another one.
    pub fn set(&self, network: &NetworkFile) -> Result<Set, AuditError> {
        let path = network.set_file_name();
        let set = Set::decode(&self.file(&path, SET_MAX_BYTES)?);
        set.map_err(|error| AuditError::Set { path, error })
    }

    /// The newest certified checkpoint that the files hold; nothing of it was verified.
    ///
    /// # Errors
    /// When it is not there or none.
    pub fn checkpoint(&self) -> Result<Certified, AuditError> {
        let path = "checkpoint";
        let not = |error| AuditError::File { path: path.to_owned(), error: Box::new(error) };
        let file = read_json(&self.file(path, FILE_MAX_BYTES)?).map_err(not)?;
        let CheckpointFile { checkpoint, certificate, .. } = file;
        Ok(Certified { checkpoint, certificate })
    }

    /// The entries of a bundle; if one cannot be read, those before it and why.
    pub(crate) fn bundle(&self, id: BundleId) -> Result<Bundle, SourceError> {
        let bytes = match self.bundle_bytes(id) {
            Ok(bytes) => bytes,
            Err(ReadError::Source(error)) => return Err(error),
            Err(ReadError::Flaw(flaw)) => return Ok(Bundle { entries: vec![], flaw: Some(*flaw) }),
        };
        Ok(match decode_bundle(&bytes, id.width) {
            Ok(entries) => Bundle { entries, flaw: None },
            Err(error) => readable(id, &bytes, error),
        })
    }

    /// One entry, by the position of its record in a log of `size` records.
    pub(crate) fn entry(&self, index: u64, size: u64) -> Result<Option<Entry>, ReadError> {
        let Some(id) = BundleId::holding(index, size) else {
            return Ok(None);
        };
        let kept = self.kept().get(&id.index).cloned();
        let bytes = match kept {
            Some(bytes) => bytes,
            None => self.bundle_bytes(id)?,
        };
        let position = u16::try_from(index.saturating_sub(id.first())).unwrap_or(u16::MAX);
        let entry = entry_of_bundle(&bytes, position);
        entry.map(Some).map_err(|error| Flaw::Unreadable { index, error }.into())
    }

    fn bundle_bytes(&self, id: BundleId) -> Result<Arc<[u8]>, ReadError> {
        let path = id.path();
        let Some(bytes) = self.source.read(&path, BUNDLE_MAX_BYTES)? else {
            return Err(Flaw::Withheld { index: id.first(), path }.into());
        };
        let bytes: Arc<[u8]> = bytes.into();
        self.kept().put(id.index, Arc::clone(&bytes));
        Ok(bytes)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, LruCache<u64, Arc<[u8]>>> {
        // Each bundle is complete in itself.
        self.bundles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hashes of a tile.
    pub(crate) fn tile(&self, id: TileId) -> Result<Vec<B256>, ReadError> {
        let (path, index) = (id.path(), first_record(id));
        let Some(bytes) = self.source.read(&path, TILE_BYTES)? else {
            return Err(Flaw::Withheld { index, path }.into());
        };
        let width = id.width;
        id.decode(&bytes).map_err(|_| Flaw::TileLength { index, path, width }.into())
    }
}

/// The first record below a tile.
pub(crate) fn first_record(id: TileId) -> u64 {
    let below = 8_u32.saturating_mul(id.level.into()).saturating_add(8);
    id.index.checked_shl(below).unwrap_or(u64::MAX)
}

/// What can be read of a bundle that cannot be read as a whole.
fn readable(id: BundleId, bytes: &[u8], error: DecodeError) -> Bundle {
    let each = (0..id.width).map_while(|position| entry_of_bundle(bytes, position).ok());
    let entries: Vec<Entry> = each.collect();
    // If each can be read there is something after the last one.
    let position = (entries.len() as u64).min(u64::from(id.width).saturating_sub(1));
    let index = id.first().saturating_add(position);
    Bundle { entries, flaw: Some(Flaw::Unreadable { index, error }) }
}
