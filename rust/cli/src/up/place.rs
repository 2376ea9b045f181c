//! The folder of the network, and what is remembered in it. One process has it at a time.

use crate::args::up::Up as Args;
use crate::error::{Context, Failure, Result};
use crate::files::{self, Existing};
use crate::local::{Folder, Owner, free_address};
use fallow_protocol::FILE_MAX_BYTES;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::net::{SocketAddr, TcpListener};

/// Marks a folder as a network's, which `--fresh` may delete.
const OWNER: Owner = Owner {
    whose: "network",
    marker: ".fallow-up",
    text: "made by `fallow up`; `fallow up --fresh` deletes the whole folder\n",
    flag: "--dir",
};
const SETTINGS: &str = "up.toml";

/// What stays the same from one `up` to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    sidechain_port: u16,
    mainnet_port: u16,
    listen: SocketAddr,
}

/// The folder while it is ours.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: Folder,
    /// Where the node's API listens.
    pub(crate) listen: SocketAddr,
    settings: Option<Settings>,
    /// Held until this process ends, whichever way.
    _lock: File,
}

impl Place {
    /// Takes the folder; with `--fresh`, empties it. A folder that is not a network's, or that
    /// another process has, is left alone.
    pub(crate) fn open(args: &Args) -> Result<Self> {
        let folder = Folder::open(&args.dir, &OWNER)?;
        let lock = lock(&folder)?;
        // Before anything is deleted for a network that could not run.
        let asked = args.listen.map(vacant).transpose()?;
        if args.fresh {
            folder.empty(&OWNER)?;
        }
        let path = folder.join(SETTINGS);
        let settings = path.exists().then(|| read(&folder)).transpose()?;
        let remembered = settings.as_ref().map(|settings| settings.listen);
        let listen = match (asked, remembered) {
            (Some(listen), _) => listen,
            (None, Some(listen)) => vacant(listen)?,
            (None, None) => free_address()?,
        };
        Ok(Self { folder, listen, settings, _lock: lock })
    }

    /// Whether there is a network to resume.
    pub(crate) fn has_network(&self) -> bool {
        self.folder.join("network.json").exists()
    }

    /// Ports of sidechain and mainnet, if they have any yet.
    pub(crate) fn ports(&self) -> [Option<u16>; 2] {
        let settings = self.settings.as_ref();
        [settings.map(|known| known.sidechain_port), settings.map(|known| known.mainnet_port)]
    }

    /// Keeps ports and address for the next time.
    pub(crate) fn remember(&mut self, ports: [Option<u16>; 2]) -> Result<()> {
        let [Some(sidechain_port), Some(mainnet_port)] = ports else {
            return Err(Failure::new("a chain has no port"));
        };
        let settings = Settings { sidechain_port, mainnet_port, listen: self.listen };
        if self.settings.as_ref() != Some(&settings) {
            let text = toml::to_string(&settings).context("cannot write the ports")?;
            files::write(&self.folder.join(SETTINGS), text.as_bytes(), Existing::Replace)?;
            self.settings = Some(settings);
        }
        Ok(())
    }

    /// URL of the node's API.
    pub(crate) fn api(&self) -> String {
        format!("http://{}", self.listen)
    }
}

/// The address, if nothing else listens there: the node would die of it again and again.
fn vacant(listen: SocketAddr) -> Result<SocketAddr> {
    match TcpListener::bind(listen) {
        Ok(_) => Ok(listen),
        Err(error) => Err(error)
            .context(format_args!("the node cannot listen on {listen}"))
            .map_err(|failure| failure.hint("`--listen` names another address or port")),
    }
}

fn lock(folder: &Folder) -> Result<File> {
    let path = folder.join(OWNER.marker);
    let cannot = format!("cannot open `{}`", path.display());
    let file = File::open(&path).context(&cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let what = format!("the network in `{}` is running already", folder.path().display());
            Err(Failure::new(what).hint("end the other `fallow up`, or name another `--dir`"))
        }
        Err(TryLockError::Error(error)) => Err(error).context(&cannot),
    }
}

fn read(folder: &Folder) -> Result<Settings> {
    let path = folder.join(SETTINGS);
    let not = format!("`{}` is no network's settings", path.display());
    let text = String::from_utf8(files::read(&path, FILE_MAX_BYTES)?).context(&not)?;
    toml::from_str(&text).context(&not).map_err(|failure| {
        failure.hint("write the three settings anew, or found a new network with `--fresh`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn args(dir: &Path, fresh: bool) -> Args {
        Args { dir: dir.to_owned(), fresh, listen: None, until_ready: false }
    }

    #[test]
    fn ports_are_remembered_until_a_fresh_start() {
        let dir = tempfile::tempdir().unwrap();
        let mut place = Place::open(&args(dir.path(), false)).unwrap();
        assert_eq!(place.ports(), [None, None]);
        place.remember([Some(1), Some(2)]).unwrap();
        let listen = place.listen;
        drop(place);
        let place = Place::open(&args(dir.path(), false)).unwrap();
        assert_eq!((place.ports(), place.listen), ([Some(1), Some(2)], listen));
        drop(place);
        assert_eq!(Place::open(&args(dir.path(), true)).unwrap().ports(), [None, None]);
    }

    #[test]
    fn an_address_that_another_program_has_is_refused_before_anything_is_founded() {
        let dir = tempfile::tempdir().unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = other.local_addr().unwrap();
        let asked = Args { listen: Some(listen), ..args(dir.path(), false) };
        let refused = Place::open(&asked).unwrap_err();
        assert!(refused.what().contains(&listen.to_string()), "{}", refused.what());
        drop(other);
        assert_eq!(Place::open(&asked).unwrap().listen, listen);
    }

    #[test]
    fn a_folder_in_use_is_left_alone_even_by_a_fresh_start() {
        let dir = tempfile::tempdir().unwrap();
        let mut place = Place::open(&args(dir.path(), false)).unwrap();
        place.remember([Some(1), Some(2)]).unwrap();
        let refused = Place::open(&args(dir.path(), true)).unwrap_err();
        assert!(refused.what().contains("is running already"), "{}", refused.what());
        assert!(dir.path().join(SETTINGS).exists());
    }

    #[test]
    fn a_fresh_start_deletes_nobody_elses_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("thesis.txt"), "x").unwrap();
        assert!(Place::open(&args(dir.path(), true)).is_err());
        assert!(dir.path().join("thesis.txt").exists());
    }
}
