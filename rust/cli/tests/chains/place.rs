//! A running network and the command run on it.

use fallow_devnet::{DevAccount, Devnet, DevnetOptions};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Accounts with coins and keys: a provider and two requesters.
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}", self.all()))
    }

    pub(crate) fn all(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }

    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }
}

/// A running network and a folder with keys.
pub(crate) struct Place {
    pub(crate) devnet: Devnet,
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        options.funded = PEOPLE.map(|name| DevAccount::new(name).address()).to_vec();
        let devnet = Devnet::start(&options).await.unwrap();
        let place = Self { devnet, folder };
        for name in PEOPLE {
            let key = alloy_primitives::hex::encode(DevAccount::new(name).key().to_bytes());
            std::fs::write(place.path().join("key.hex"), key).unwrap();
            place.run(&["keys", "import", name, "key.hex"]).ended(0);
        }
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command, deaf to this machine's locale.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fallow"));
        for name in ["FALLOW_NETWORK", "FALLOW_KEY", "LC_ALL", "LC_CTYPE", "LANG"] {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.path())
            .env("TZ", "UTC")
            .env("COLUMNS", "120")
            .env("FALLOW_KEYS", self.path().join("keys"))
            .env("FALLOW_PASSWORD", "x")
            .env("FALLOW_SIDECHAIN", self.devnet.sidechain.url())
            .env("FALLOW_MAINNET", self.devnet.mainnet.url())
            .env("FALLOW_FINALITY", "latest");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// As [`Self::run`], of what has to work and answer JSON.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--json"]].concat()).ended(0).json()
    }

    /// As [`Self::run`], of what has to be refused; returns the refusal.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat()).ended(1);
        let refusal = ran.json()["refusal"].clone();
        assert!(refusal["code"].is_number(), "{}", ran.all());
        for key in ["name", "message", "got", "want"] {
            assert!(refusal[key].is_string(), "{key}: {}", ran.all());
        }
        refusal
    }

    pub(crate) fn announce(&self) -> String {
        self.run(&["offer", "detect", "--volume", "4", "--out", "offer.json"]).ended(0);
        let args = ["announce", "--offer", "offer.json", "--key", "alice", "--slot", "1h"];
        let ran = self.run(&[&args[..], &["--for", "30d", "--json"]].concat()).ended(0);
        ran.json()["resourceId"].as_str().unwrap().to_owned()
    }
}
