//! A network of processes.

use fallow_devnet::{
    DevAccount, Devnet, DevnetError, DevnetOptions, ManagedProcess, Probe, ProcessSpec, poll,
    probe_accounts,
};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);
const BLOCK_TIME: Duration = Duration::from_millis(250);
const PASSWORD: &str = "for tests only";

/// Waits until `look` finds something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = poll(what, PATIENCE, PAUSE, async || Ok::<_, DevnetError>(look().await));
    found.await.unwrap()
}

/// Waits until a process has logged `words`.
pub(crate) async fn logged(process: &mut ManagedProcess, words: &str) {
    let what = format!("{} logs `{words}`", process.name());
    until(&what, async || {
        process.require_running().unwrap();
        process.log().unwrap().contains(words).then_some(())
    })
    .await;
}

/// Dropping it ends the chains; dropping a process ends the process.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) devnet: Devnet,
    pub(crate) probe: Probe,
    dir: tempfile::TempDir,
}

impl Net {
    /// Two chains, contracts, and keystores for everybody.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(dir.path());
        options.sidechain.block_time = BLOCK_TIME;
        options.mainnet.block_time = BLOCK_TIME;
        // Two seconds: blocks of one second share their time, and the anchor wants it to rise.
        options.parameters.heartbeat = 8;
        let accounts = ["relayer", "second", "node", "stranger"].map(DevAccount::new);
        options.funded = accounts.iter().map(DevAccount::address).collect();
        options.funded.extend(probe_accounts());
        let devnet = Devnet::start(&options).await.unwrap();
        let probe = Probe::new(&devnet).unwrap();
        let net = Self { devnet, probe, dir };
        let people = ["provider", "requester"].map(DevAccount::new);
        for account in accounts[..3].iter().chain(&people) {
            net.import(account.name(), &account.key().to_bytes(), false);
        }
        for validator in &net.devnet.validators {
            let name = validator.account.name();
            net.import(name, &validator.account.key().to_bytes(), false);
            net.import(&format!("{name}-bls"), &validator.key.to_bytes(), true);
        }
        net
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Stores a key with the command that people use.
    fn import(&self, name: &str, secret: &[u8; 32], is_bls: bool) {
        let file = self.path("secret");
        std::fs::write(&file, alloy_primitives::hex::encode(secret)).unwrap();
        let mut command = Command::new(fallow());
        command.args(["keys", "import", name]).arg(&file);
        if is_bls {
            command.arg("--bls");
        }
        command.env("FALLOW_KEYS", self.path("keys")).env("FALLOW_PASSWORD", PASSWORD);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::remove_file(file).unwrap();
    }

    fn spawn(&self, name: &str, sidechain: &str, args: &[OsString]) -> ManagedProcess {
        let common = ["--sidechain", sidechain, "--finality", "1", "--poll", "50"];
        let spec = ProcessSpec::new(name, fallow(), &self.devnet.log_dir())
            .args(args)
            .args(common)
            .args(["--store-file".into(), self.path(&format!("{name}.redb"))])
            .env("FALLOW_NETWORK", self.devnet.network_path())
            .env("FALLOW_KEYS", self.path("keys"))
            .env("FALLOW_PASSWORD", PASSWORD);
        ManagedProcess::spawn(&spec).unwrap()
    }

    /// Starts validator `number`, from 0, which sees the sidechain at `sidechain`.
    pub(crate) fn validator_at(&self, number: usize, sidechain: &str) -> ManagedProcess {
        let name = self.devnet.validators[number].account.name();
        let bls = format!("{name}-bls");
        let args = ["validator", "--key", name, "--bls-key", &bls];
        self.spawn(name, sidechain, &args.map(OsString::from))
    }

    pub(crate) fn validator(&self, number: usize) -> ManagedProcess {
        self.validator_at(number, self.devnet.sidechain.url())
    }

    pub(crate) fn validators(&self, count: usize) -> Vec<ManagedProcess> {
        (0..count).map(|number| self.validator(number)).collect()
    }

    /// Starts a relayer with its own account, which sees mainnet at `mainnet`.
    pub(crate) fn relayer_at(&self, name: &str, mainnet: &str) -> ManagedProcess {
        let args = ["relayer", "--key", name, "--every", "0s", "--mainnet", mainnet];
        self.spawn(name, self.devnet.sidechain.url(), &args.map(OsString::from))
    }

    pub(crate) fn relayer(&self, name: &str) -> ManagedProcess {
        self.relayer_at(name, self.devnet.mainnet.url())
    }

    /// An allocation; returns the log's size with it.
    pub(crate) async fn allocate(&mut self) -> u64 {
        self.probe.allocate().await.unwrap()
    }

    /// Starts a node that listens at `listen`.
    pub(crate) fn node(&self, listen: &str) -> ManagedProcess {
        let (sidechain, mainnet) = (self.devnet.sidechain.url(), self.devnet.mainnet.url());
        let args = ["node", "--key", "node", "--listen", listen, "--flush", "50"];
        let chains = ["--sidechain", sidechain, "--mainnet", mainnet, "--finality", "1"];
        let spec = ProcessSpec::new("node", fallow(), &self.devnet.log_dir())
            .args(args)
            .args(chains)
            .args(["--poll", "50"])
            .args(["--dir".into(), self.path("node")])
            .env("FALLOW_NETWORK", self.devnet.network_path())
            .env("FALLOW_KEYS", self.path("keys"))
            .env("FALLOW_PASSWORD", PASSWORD);
        ManagedProcess::spawn(&spec).unwrap()
    }

    /// The command as a person types it who goes through the node at `url`.
    pub(crate) fn command(&self, url: &str, args: &[&str]) -> Command {
        let mut command = Command::new(fallow());
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with("FALLOW_")) {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.dir.path())
            .env("FALLOW_NODE", url)
            .env("FALLOW_NETWORK", self.devnet.network_path())
            .env("FALLOW_STATE", self.path("state"))
            .env("FALLOW_KEYS", self.path("keys"))
            .env("FALLOW_PASSWORD", PASSWORD)
            .env("TZ", "UTC");
        command
    }

    /// Waits until a log of `size` records is anchored.
    pub(crate) async fn anchored(&self, size: u64) {
        self.probe.anchored(size).await.unwrap();
    }

    /// Each checkpoint is anchored once, and no transaction of `account` did anything else.
    pub(crate) async fn assert_each_once(&self, account: &str) {
        let account = DevAccount::new(account).address();
        until("all that was sent is anchored", async || {
            let blocks = self.anchored_blocks().await;
            assert!(blocks.windows(2).all(|pair| pair[0] < pair[1]), "{blocks:?}");
            let sent = self.probe.sent(account).await.unwrap();
            (blocks.len() as u64 == sent).then_some(())
        })
        .await;
    }

    pub(crate) async fn anchored_blocks(&self) -> Vec<u64> {
        let anchorings = self.probe.anchorings().await.unwrap();
        anchorings.iter().map(|anchoring| anchoring.blockNumber).collect()
    }
}

pub(crate) fn fallow() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_fallow"))
}
