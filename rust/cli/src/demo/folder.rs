//! The folder that the demo leaves behind.

use crate::error::{Context, Failure, Result};
use crate::files::{self, Existing};
use crate::keystore::{self, KeyStore, Kind};
use fallow_devnet::{DevAccount, DevValidator};
use std::path::{Path, PathBuf};

/// Marks a folder as the demo's own, which it may replace.
const MARKER: &str = ".fallow-demo";
const MARKER_TEXT: &[u8] = b"made by `fallow demo`, which replaces the whole folder\n";
/// Keys of the demo are derived from public words, so their password protects nothing.
const PASSWORD: &str = "demo";

/// People of the story with an account.
pub(crate) const PEOPLE: [&str; 5] = ["provider", "requester", "second", "stranger", "relayer"];

/// A prepared folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Empties the folder of an earlier demo, or makes a new one. A folder of anybody else's is
    /// left alone.
    pub(crate) fn prepare(path: &Path) -> Result<Self> {
        let cannot = format!("cannot use `{}`", path.display());
        if path.join(MARKER).is_file() {
            std::fs::remove_dir_all(path).context(&cannot)?;
        } else if path.exists() && !is_empty(path).context(&cannot)? {
            return Err(Failure::new(format_args!("`{}` is no demo's folder", path.display()))
                .hint("name a new folder with `--out`, or remove this one"));
        }
        files::write(&path.join(MARKER), MARKER_TEXT, Existing::Replace)?;
        let folder = Self { path: path.to_path_buf() };
        files::write(&folder.password(), PASSWORD.as_bytes(), Existing::Replace)?;
        Ok(folder)
    }

    /// A file or folder inside.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where keys are.
    pub(crate) fn keys(&self) -> PathBuf {
        self.join("keys")
    }

    /// Where logs and state of the processes are.
    pub(crate) fn logs(&self) -> PathBuf {
        self.join("logs")
    }

    /// The password file.
    pub(crate) fn password(&self) -> PathBuf {
        self.join("password")
    }
}

/// Writes everybody's keystores into `folder`.
pub(crate) fn write_keys(folder: &Path, validators: usize) -> Result<()> {
    let store = KeyStore::open(Some(folder))?;
    let account = |account: &DevAccount| {
        let path = store.path(account.name(), Kind::Account)?;
        keystore::save_account(&path, account.key(), PASSWORD, Existing::Replace)
    };
    PEOPLE.iter().try_for_each(|name| account(&DevAccount::new(name)))?;
    (1..=validators).try_for_each(|number| {
        let validator = DevValidator::new(number);
        account(&validator.account)?;
        let path = store.path(validator.account.name(), Kind::Bls)?;
        keystore::save_bls(&path, &validator.key, PASSWORD, Existing::Replace)
    })
}

fn is_empty(path: &Path) -> std::io::Result<bool> {
    Ok(std::fs::read_dir(path)?.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demos_folder_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        let folder = Folder::prepare(&path).unwrap();
        std::fs::write(folder.join("old"), "x").unwrap();
        Folder::prepare(&path).unwrap();
        assert!(!path.join("old").exists());

        let other = parent.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("thesis.txt"), "x").unwrap();
        assert!(Folder::prepare(&other).is_err());
        assert!(other.join("thesis.txt").exists());
    }
}
