//! A provider's memory of a nonce: the file that it issued, and beside it, once the nonce is spent,
//! a marker. The marker is made at most once by the file system itself, so that two verifications
//! at the same moment cannot both spend one nonce.

use crate::error::{Context, Failure, Result};
use crate::files::{self, Existing};
use alloy_primitives::B256;
use fallow_protocol::NonceFile;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A nonce that was issued here.
#[derive(Debug)]
pub(crate) struct IssuedNonce {
    path: PathBuf,
    /// The nonce.
    pub(crate) file: NonceFile,
}

impl IssuedNonce {
    /// Reads a nonce from the file that remembers it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        if path == Path::new(files::STANDARD) {
            return Err(Failure::new("the own nonce cannot come from standard input")
                .hint("its file is also the memory of whether it is spent; name it"));
        }
        let file = files::read_message(path, "nonce file")?;
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// Where the marker is: named by the nonce too, so that a nonce file written anew is unspent.
    pub(crate) fn marker(&self) -> PathBuf {
        // A path without a file name cannot have been read as a file.
        let mut name = self.path.file_name().map_or_else(OsString::new, OsString::from);
        let nonce = self.file.nonce;
        name.push(format!(".{}.spent", hex_start(nonce)));
        self.path.with_file_name(name)
    }

    /// Whether it is spent already.
    pub(crate) fn is_spent(&self) -> Result<bool> {
        let marker = self.marker();
        marker.try_exists().context(format_args!("cannot look for `{}`", marker.display()))
    }

    /// Spends it, durably. `false` if somebody was quicker.
    pub(crate) fn spend(&self) -> Result<bool> {
        let text = format!("{}\n", self.file.nonce);
        match files::write(&self.marker(), text.as_bytes(), Existing::Keep) {
            Ok(()) => Ok(true),
            Err(failure) => {
                if self.is_spent()? {
                    Ok(false)
                } else {
                    Err(failure)
                }
            }
        }
    }
}

fn hex_start(nonce: B256) -> String {
    alloy_primitives::hex::encode(&nonce[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use fallow_protocol::{FILE_VERSION, NetworkId};

    fn issued(folder: &Path, nonce: u8) -> IssuedNonce {
        IssuedNonce {
            path: folder.join("nonce.json"),
            file: NonceFile {
                version: FILE_VERSION,
                network_id: NetworkId::repeat_byte(1),
                provider: Address::repeat_byte(2),
                nonce: B256::repeat_byte(nonce),
            },
        }
    }

    #[test]
    fn a_nonce_is_spent_once() {
        let folder = tempfile::tempdir().unwrap();
        let nonce = issued(folder.path(), 7);
        assert!(!nonce.is_spent().unwrap());
        assert!(nonce.spend().unwrap());
        assert!(nonce.is_spent().unwrap());
        assert!(!nonce.spend().unwrap());
        assert!(!issued(folder.path(), 8).is_spent().unwrap());
    }

    #[test]
    fn many_at_once_spend_a_nonce_once() {
        let folder = tempfile::tempdir().unwrap();
        let spent: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| issued(folder.path(), 7).spend().unwrap())).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|won| *won).count()
        });
        assert_eq!(spent, 1);
    }
}
