//! Files of the log (section 18): written durably many at a time, read within bounds.

use super::Result;
use crate::store::NodeStoreError;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Waiting for the disk costs no processor: this many files at once share its flushes.
const WRITERS: usize = 8;

/// A folder of files that appear whole or not at all.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Where files are written before they get their names; on the same file system.
    staging: PathBuf,
    /// Held by the one who writes: whoever commits and whoever publishes do so at the same time, and
    /// number their files alike.
    writing: Mutex<()>,
}

/// A file to write: its path below the root, and its bytes.
pub(super) type NewFile = (String, Vec<u8>);

impl Files {
    /// Makes the folders, and clears what a crash has left unfinished.
    pub(super) fn open(root: PathBuf, staging: PathBuf) -> Result<Self> {
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(&staging)(error)),
            _ => {}
        }
        for folder in [&root, &staging] {
            fs::create_dir_all(folder).map_err(at(folder))?;
        }
        Ok(Self { root, staging, writing: Mutex::default() })
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Writes files in the place of those of the same names. When this returns, they are on the
    /// disk; after an error, some may be.
    pub(super) fn write(&self, files: &[NewFile]) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        // Whatever a writer that panicked has left is written anew.
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let numbered: Vec<_> = files.iter().enumerate().collect();
        let share = numbered.len().div_ceil(WRITERS).max(1);
        std::thread::scope(|scope| {
            let spawn = |part| scope.spawn(move || self.stage(part));
            let threads: Vec<_> = numbered.chunks(share).map(spawn).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        let mut folders = BTreeSet::new();
        for (number, (path, _)) in numbered {
            let path = self.path(path);
            fs::rename(self.staged(number), &path).map_err(at(&path))?;
            folders.extend(path.parent().map(Path::to_owned));
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn staged(&self, number: usize) -> PathBuf {
        self.staging.join(number.to_string())
    }

    fn stage(&self, files: &[(usize, &NewFile)]) -> Result<()> {
        for (number, (path, bytes)) in files {
            self.make_folder(path)?;
            let staged = self.staged(*number);
            let write = || {
                let mut file = File::create(&staged)?;
                file.write_all(bytes)?;
                file.sync_all()
            };
            write().map_err(at(&staged))?;
        }
        Ok(())
    }

    /// Makes the folder of a file. A new folder is on the disk when the one above it is.
    fn make_folder(&self, path: &str) -> Result<()> {
        let path = self.path(path);
        let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) else { return Ok(()) };
        fs::create_dir_all(folder).map_err(at(folder))?;
        let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.root));
        above.map(Path::to_owned).try_for_each(|above| sync_folder(&above))
    }

    /// Reads a file of at most `limit` bytes; `None` if it is not there.
    pub(super) fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        let path = self.path(path);
        let read = || -> io::Result<Vec<u8>> {
            let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
            let mut bytes = Vec::new();
            File::open(&path)?.take(most).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) if bytes.len() > limit => {
                Err(NodeStoreError::Corrupt(format!("`{}` is too long", path.display())))
            }
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Removes a file, and its folder if that is empty then. Answers whether it was there.
    pub(super) fn remove(&self, path: &str) -> Result<bool> {
        let path = self.path(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            result => result.map_err(at(&path))?,
        }
        match path.parent().map(fs::remove_dir) {
            Some(Err(error)) if error.kind() != ErrorKind::DirectoryNotEmpty => {
                Err(at(&path)(error))
            }
            _ => Ok(true),
        }
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// An error at a path.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> NodeStoreError {
    let path = path.to_owned();
    move |error| NodeStoreError::File { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Full tiles are written by whoever commits while another thread publishes partial ones.
    #[test]
    fn no_file_has_what_another_thread_wrote_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        let files = Files::open(at("tiles"), at("staging")).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let files = &files;
                scope.spawn(move || {
                    for round in 0..8_u8 {
                        let name = |file| format!("{thread}/{round}-{file}");
                        let new: Vec<_> = (0..4_u8)
                            .map(|file| (name(file), vec![thread ^ round ^ file; 8_192]))
                            .collect();
                        files.write(&new).unwrap();
                        for (path, bytes) in new {
                            assert_eq!(files.read(&path, 8_192).unwrap(), Some(bytes), "{path}");
                        }
                    }
                });
            }
        });
    }
}
