//! The folder of a network on this machine: whose it is, what may be deleted, where things are.

use super::Nodes;
use crate::error::{Context, Failure, Result};
use crate::files::{self, Existing};
use crate::keystore::{self, KeyStore, Kind};
use fallow_devnet::{DevAccount, DevValidator};
use std::path::{Path, PathBuf};

/// Keys of such networks are derived from public words, so their password protects nothing.
const PASSWORD: &str = "demo";

/// Which command a folder belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    /// Its word for the folder.
    pub(crate) whose: &'static str,
    /// The file that marks a folder as its own, which it may replace.
    pub(crate) marker: &'static str,
    /// What stands in that file.
    pub(crate) text: &'static str,
    /// The flag that names another folder.
    pub(crate) flag: &'static str,
}

/// A folder of ours.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Empties the folder of an earlier run, or makes a new one. A folder of anybody else's is
    /// left alone.
    pub(crate) fn prepare(path: &Path, owner: &Owner) -> Result<Self> {
        if path.join(owner.marker).is_file() {
            std::fs::remove_dir_all(path)
                .context(format_args!("cannot use `{}`", path.display()))?;
        }
        Self::open(path, owner)
    }

    /// Uses the folder as it is, or makes a new one. A folder of anybody else's is left alone.
    pub(crate) fn open(path: &Path, owner: &Owner) -> Result<Self> {
        let folder = Self { path: path.to_path_buf() };
        if path.join(owner.marker).is_file() {
            return Ok(folder);
        }
        let cannot = format!("cannot use `{}`", path.display());
        if path.exists() && !is_empty(path).context(&cannot)? {
            let what = format!("`{}` is no {}'s folder", path.display(), owner.whose);
            return Err(Failure::new(what).hint(format_args!(
                "name a new folder with `{}`, or remove this one",
                owner.flag
            )));
        }
        files::write(&path.join(owner.marker), owner.text.as_bytes(), Existing::Replace)?;
        Ok(folder)
    }

    /// Deletes all that is in it but its owner's marker.
    pub(crate) fn empty(&self, owner: &Owner) -> Result<()> {
        let cannot = format!("cannot empty `{}`", self.path.display());
        for entry in std::fs::read_dir(&self.path).context(&cannot)? {
            let entry = entry.context(&cannot)?;
            if entry.file_name() == owner.marker {
                continue;
            }
            let is_folder = entry.file_type().context(&cannot)?.is_dir();
            let path = entry.path();
            let removed =
                if is_folder { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            removed.context(&cannot)?;
        }
        Ok(())
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

    /// Where the processes write their logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.join("logs")
    }

    /// Where the processes keep what they must remember.
    pub(crate) fn data(&self) -> PathBuf {
        self.join("data")
    }

    /// The password file.
    pub(crate) fn password(&self) -> PathBuf {
        self.join("password")
    }

    /// `--network` with the folder's file.
    pub(crate) fn network_args(&self) -> Vec<String> {
        vec!["--network".into(), self.join("network.json").display().to_string()]
    }

    /// Names the network's node, and the folder that remembers what was seen of it.
    pub(crate) fn node_args(&self, nodes: &Nodes) -> Vec<String> {
        let state = self.join("state").display().to_string();
        vec!["--node".to_owned(), nodes.api.clone(), "--state".to_owned(), state]
    }

    /// Where the folder's keys are.
    pub(crate) fn key_args(&self) -> Vec<String> {
        vec![
            "--keys-dir".into(),
            self.keys().display().to_string(),
            "--password-file".into(),
            self.password().display().to_string(),
        ]
    }
}

/// Writes the keystores of `people` and of the validators, and the password file; makes room for
/// what the daemons keep.
pub(crate) fn furnish(folder: &Folder, people: &[&str], validators: usize) -> Result<()> {
    let data = folder.data();
    std::fs::create_dir_all(&data).context(format_args!("cannot make `{}`", data.display()))?;
    files::write(&folder.password(), PASSWORD.as_bytes(), Existing::Replace)?;
    let keys = folder.keys();
    let store = KeyStore::open(Some(&keys))?;
    let account = |account: &DevAccount| {
        let path = store.path(account.name(), Kind::Account)?;
        keystore::save_account(&path, account.key(), PASSWORD, Existing::Replace)
    };
    people.iter().try_for_each(|name| account(&DevAccount::new(name)))?;
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

    const OWNER: Owner =
        Owner { whose: "test", marker: ".test", text: "made by a test\n", flag: "--dir" };

    #[test]
    fn only_a_folder_of_ours_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("ours");
        let folder = Folder::prepare(&path, &OWNER).unwrap();
        std::fs::write(folder.join("old"), "x").unwrap();
        Folder::prepare(&path, &OWNER).unwrap();
        assert!(!path.join("old").exists());

        let other = parent.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("thesis.txt"), "x").unwrap();
        assert!(Folder::prepare(&other, &OWNER).is_err());
        assert!(Folder::open(&other, &OWNER).is_err());
        assert!(other.join("thesis.txt").exists());
    }

    #[test]
    fn a_folder_that_is_used_again_keeps_what_is_in_it_until_it_is_emptied() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(parent.path(), &OWNER).unwrap();
        std::fs::write(folder.join("old"), "x").unwrap();
        std::fs::create_dir(folder.join("inner")).unwrap();
        let folder = Folder::open(parent.path(), &OWNER).unwrap();
        assert!(folder.join("old").exists());
        folder.empty(&OWNER).unwrap();
        assert!(!folder.join("old").exists() && !folder.join("inner").exists());
        assert!(folder.join(OWNER.marker).exists());
    }
}
