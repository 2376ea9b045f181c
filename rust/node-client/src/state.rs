//! What this machine has seen of each network: the newest checkpoint that it has verified, so that
//! a node cannot show another history tomorrow. One small file for each network, written whole or
//! not at all, by one process at a time.

use alloy_primitives::Bytes;
use fallow_protocol::{
    Checkpoint, CheckpointFile, FILE_MAX_BYTES, FILE_VERSION, FileError, NetworkId, read_json,
};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of the longest file with evidence: pages are cut at this.
const EVIDENCE_BYTES: usize = 16 << 20;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The disk does not play along.
    #[error("`{}`: {error}", path.display())]
    Disk {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file is not what this program writes.
    #[error("`{}` is no state file: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        error: FileError,
    },
    /// The file is of another network.
    #[error("`{}` is of network {got}", path.display())]
    Network {
        /// Which file.
        path: PathBuf,
        /// Its network.
        got: NetworkId,
    },
}

/// The folder of the state files.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
    network_id: NetworkId,
}

impl State {
    /// The state of one network in `folder`, which is made when it is first written to.
    #[must_use]
    pub const fn new(folder: PathBuf, network_id: NetworkId) -> Self {
        Self { folder, network_id }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.network_id))
    }

    /// The newest checkpoint that was verified here; `None` before the first.
    ///
    /// # Errors
    /// When the file is there and cannot be read: nothing is believed instead.
    pub fn seen(&self) -> Result<Option<CheckpointFile>, StateError> {
        let path = self.path();
        let bytes = match File::open(&path).and_then(bounded) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::Disk { path, error }),
        };
        let file: CheckpointFile = match read_json(&bytes) {
            Ok(file) => file,
            Err(error) => return Err(StateError::File { path, error }),
        };
        let got = file.checkpoint.network_id;
        if got != self.network_id {
            return Err(StateError::Network { path, got });
        }
        Ok(Some(file))
    }

    /// Remembers `newest`, which the caller has verified to follow on `before`. Answers `false` and
    /// changes nothing if meanwhile another process has remembered something else.
    ///
    /// # Errors
    /// When the disk does not play along.
    pub fn advance(
        &self,
        before: Option<&CheckpointFile>,
        newest: &CheckpointFile,
    ) -> Result<bool, StateError> {
        let lock = self.folder.join(format!("{}.lock", self.network_id));
        let locked = fs::create_dir_all(&self.folder).and_then(|()| {
            let file = File::options().create(true).truncate(false).write(true).open(&lock)?;
            file.lock().map(|()| file)
        });
        // Held until the end; closing releases it.
        let _held = locked.map_err(|error| StateError::Disk { path: lock, error })?;
        if self.seen()?.as_ref() != before {
            return Ok(false);
        }
        let path = self.path();
        let bytes = serde_json::to_vec(newest).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| write(&self.folder, &path, &bytes));
        written.map(|()| true).map_err(|error| StateError::Disk { path, error })
    }

    /// Keeps what shows that a node lied; answers where.
    ///
    /// # Errors
    /// When the disk does not play along.
    pub fn keep(&self, evidence: &Value, now: u64) -> Result<PathBuf, StateError> {
        let mut bytes = serde_json::to_vec_pretty(evidence)
            .map_err(|error| StateError::Disk { path: self.folder.clone(), error: error.into() })?;
        bytes.truncate(EVIDENCE_BYTES);
        (0_u32..)
            .map(|number| match number {
                0 => format!("fallow-evidence-{now}.json"),
                again => format!("fallow-evidence-{now}-{again}.json"),
            })
            .map(|name| self.folder.join(name))
            .find(|path| !path.exists())
            .map_or_else(
                || {
                    Err(StateError::Disk {
                        path: self.folder.clone(),
                        error: io::ErrorKind::AlreadyExists.into(),
                    })
                },
                |path| match write(&self.folder, &path, &bytes) {
                    Ok(()) => Ok(path),
                    Err(error) => Err(StateError::Disk { path, error }),
                },
            )
    }
}

/// A checkpoint with its certificate, as it is kept.
pub(crate) const fn checkpoint_file(checkpoint: Checkpoint, certificate: Bytes) -> CheckpointFile {
    CheckpointFile { version: FILE_VERSION, checkpoint, certificate }
}

fn bounded(file: File) -> io::Result<Vec<u8>> {
    let most = u64::try_from(FILE_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A temporary file beside the file is synced and renamed, and then the folder is synced.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fallow_protocol::SetHash;

    fn file(block_number: u64) -> CheckpointFile {
        let checkpoint = Checkpoint {
            network_id: NetworkId::repeat_byte(1),
            era: 0,
            set_number: 1,
            block_number,
            block_hash: [2; 32].into(),
            block_time: 3,
            size: 4,
            root: [5; 32].into(),
            next_set: SetHash::ZERO,
        };
        checkpoint_file(checkpoint, Bytes::from_static(&[1, 1]))
    }

    fn state(folder: &tempfile::TempDir) -> State {
        State::new(folder.path().join("state"), NetworkId::repeat_byte(1))
    }

    #[test]
    fn what_was_seen_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(state(&folder).seen().unwrap(), None);
        assert!(state(&folder).advance(None, &file(1)).unwrap());
        assert_eq!(state(&folder).seen().unwrap(), Some(file(1)));
        assert!(state(&folder).advance(Some(&file(1)), &file(2)).unwrap());
        assert_eq!(state(&folder).seen().unwrap(), Some(file(2)));
    }

    #[test]
    fn nothing_is_remembered_over_what_another_process_saw() {
        let folder = tempfile::tempdir().unwrap();
        assert!(state(&folder).advance(None, &file(2)).unwrap());
        assert!(!state(&folder).advance(None, &file(1)).unwrap());
        assert_eq!(state(&folder).seen().unwrap(), Some(file(2)));
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let won = std::thread::scope(|scope| {
            let raise = |by| {
                let state = state(&folder);
                move || {
                    (0..20_u64)
                        .filter(|round| {
                            let before = state.seen().unwrap();
                            let block = 1 + round * 8 + by;
                            state.advance(before.as_ref(), &file(block)).unwrap()
                        })
                        .count()
                }
            };
            let threads: Vec<_> = (0..4).map(|by| scope.spawn(raise(by))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert!(won >= 20, "somebody always wins: {won}");
        assert!(state(&folder).seen().unwrap().is_some(), "and the file is whole");
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(&folder);
        assert!(state.advance(None, &file(1)).unwrap());
        fs::write(state.path(), "{").unwrap();
        assert!(matches!(state.seen(), Err(StateError::File { .. })));
        assert!(matches!(state.advance(None, &file(2)), Err(StateError::File { .. })));
        let other = State::new(folder.path().join("state"), NetworkId::repeat_byte(2));
        fs::write(other.path(), serde_json::to_vec(&file(1)).unwrap()).unwrap();
        assert!(matches!(other.seen(), Err(StateError::Network { .. })));
    }

    #[test]
    fn evidence_never_replaces_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let first = state(&folder).keep(&Value::from(1), 7).unwrap();
        let second = state(&folder).keep(&Value::from(2), 7).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(first).unwrap(), "1");
        assert_eq!(fs::read_to_string(second).unwrap(), "2");
    }
}
