//! Real chains: anvil processes on free ports.

use crate::poll::poll_now;
use crate::{DevnetError, ManagedProcess, ProcessSpec, Signal};
use alloy::network::Ethereum;
use alloy::providers::{Provider, RootProvider};
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names the anvil binary to use.
pub const ANVIL_VARIABLE: &str = "FALLOW_ANVIL";

/// EIP-155 id of the development sidechain: unused elsewhere, easy to recognise.
pub const SIDECHAIN_ID: u64 = 271_828;
/// EIP-155 id of the development mainnet.
pub const MAINNET_ID: u64 = 314_159;

/// A cold machine under load needs some seconds.
const START_PATIENCE: Duration = Duration::from_secs(30);
const START_POLL: Duration = Duration::from_millis(20);

/// Ether that a development account is given: never empty.
const PURSE_ETHER: u64 = 10_000;

/// How to run one chain.
#[derive(Clone, Debug)]
pub struct AnvilOptions {
    /// For messages and the log file.
    pub name: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Time between blocks. Below one second, neighbouring blocks share a timestamp. Zero: blocks
    /// come only when they are called for.
    pub block_time: Duration,
    /// Gas limit of a block.
    pub block_gas_limit: u64,
    /// Whether gas costs nothing but the wei that wallets insist on.
    pub free_gas: bool,
    /// The port, or any free one.
    pub port: Option<u16>,
    /// More arguments, as anvil takes them.
    pub further: Vec<String>,
}

impl AnvilOptions {
    /// A sidechain: gas is practically free, blocks are large enough for batches of requests.
    #[must_use]
    pub fn sidechain() -> Self {
        Self {
            name: "sidechain".to_owned(),
            chain_id: SIDECHAIN_ID,
            block_time: Duration::from_secs(1),
            block_gas_limit: 300_000_000,
            free_gas: true,
            port: None,
            further: Vec::new(),
        }
    }

    /// A mainnet: gas has a price, a block is as large as Ethereum's in 2026.
    #[must_use]
    pub fn mainnet() -> Self {
        Self {
            name: "mainnet".to_owned(),
            chain_id: MAINNET_ID,
            block_time: Duration::from_secs(1),
            block_gas_limit: 60_000_000,
            free_gas: false,
            port: None,
            further: Vec::new(),
        }
    }

    /// Code size limits stay at Ethereum's, so that nothing works here only. With one slot in an
    /// epoch anvil calls a block final two blocks later, not 64.
    fn args(&self) -> Vec<String> {
        let named = [
            ("--hardfork", "prague".to_owned()),
            ("--slots-in-an-epoch", "1".to_owned()),
            ("--accounts", "1".to_owned()),
            ("--host", "127.0.0.1".to_owned()),
            ("--port", self.port.unwrap_or(0).to_string()),
            ("--chain-id", self.chain_id.to_string()),
            ("--gas-limit", self.block_gas_limit.to_string()),
        ];
        let mut args = vec!["--color".to_owned(), "never".to_owned()];
        args.extend(named.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        if self.block_time.is_zero() {
            args.push("--no-mining".to_owned());
        } else {
            args.extend(["--block-time".to_owned(), self.block_time.as_secs_f64().to_string()]);
        }
        if self.free_gas {
            let free = ["--block-base-fee-per-gas", "0", "--disable-min-priority-fee"];
            args.extend(free.map(str::to_owned));
        }
        args.extend(self.further.iter().cloned());
        args
    }
}

/// A running chain; dropping it ends it.
#[derive(Debug)]
pub struct Anvil {
    process: ManagedProcess,
    provider: RootProvider<Ethereum>,
    url: String,
    chain_id: u64,
}

impl Anvil {
    /// Starts a chain and waits until it answers.
    ///
    /// # Errors
    /// When anvil is missing, ends, or does not answer in time.
    pub async fn start(options: &AnvilOptions, log_dir: &Path) -> Result<Self, DevnetError> {
        let program = find_anvil()?;
        let log = log_dir.join(format!("{}.log", options.name));
        // A log of an earlier run names an earlier port.
        if log.exists() {
            std::fs::remove_file(&log).map_err(DevnetError::io(&log))?;
        }
        let spec = ProcessSpec::new(&options.name, &program, log_dir).args(options.args());
        let mut process = ManagedProcess::spawn(&spec)?;
        let what = format!("{} listens", options.name);
        let url = poll_now(&what, START_PATIENCE, START_POLL, || {
            process.require_running()?;
            Ok(listening(&process.log()?))
        })
        .await?;
        let anvil = Self { process, provider: connect(&url)?, url, chain_id: options.chain_id };
        anvil.check_chain().await?;
        Ok(anvil)
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its EIP-155 id.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// For direct calls.
    #[must_use]
    pub const fn provider(&self) -> &RootProvider<Ethereum> {
        &self.provider
    }

    /// The process.
    #[must_use]
    pub const fn process(&self) -> &ManagedProcess {
        &self.process
    }

    /// Fails if the process has ended.
    ///
    /// # Errors
    /// [`DevnetError::Exited`], with the end of its log.
    pub fn require_running(&mut self) -> Result<(), DevnetError> {
        self.process.require_running()
    }

    /// Freezes the chain or lets it run on.
    ///
    /// # Errors
    /// When the watchdog is gone.
    pub fn signal(&mut self, signal: Signal) -> Result<(), DevnetError> {
        self.process.signal(signal)
    }

    /// Gives accounts enough for everything.
    ///
    /// # Errors
    /// When the chain does not answer.
    pub async fn fund(&self, accounts: &[Address]) -> Result<(), DevnetError> {
        let ether = U256::from(10).pow(U256::from(18));
        let purse = U256::from(PURSE_ETHER).saturating_mul(ether);
        for account in accounts {
            self.call("anvil_setBalance", json!([account, purse])).await?;
        }
        Ok(())
    }

    /// Any call, also of anvil's own methods.
    ///
    /// # Errors
    /// When the chain does not answer, or answers with an error.
    pub async fn call(&self, method: &'static str, params: Value) -> Result<Value, DevnetError> {
        let answer = self.provider.raw_request(method.into(), params).await;
        answer.map_err(DevnetError::rpc(&self.url))
    }

    async fn check_chain(&self) -> Result<(), DevnetError> {
        let got = self.provider.get_chain_id().await.map_err(DevnetError::rpc(&self.url))?;
        if got != self.chain_id {
            return Err(DevnetError::ChainId { url: self.url.clone(), got, want: self.chain_id });
        }
        Ok(())
    }
}

fn connect(url: &str) -> Result<RootProvider<Ethereum>, DevnetError> {
    let parsed = url.parse().map_err(|_| DevnetError::Url(url.to_owned()))?;
    Ok(RootProvider::new_http(parsed))
}

/// Anvil bound the port before it prints this, so no other process can take it in between.
fn listening(log: &str) -> Option<String> {
    // A line without its end may be half written.
    let line = log.split_inclusive('\n').find(|line| line.starts_with("Listening on "))?;
    let address = line.strip_suffix('\n')?.strip_prefix("Listening on ")?;
    Some(format!("http://{}", address.trim()))
}

/// The native binary: npm's `.bin/anvil` is a script, which does not hand signals on.
///
/// # Errors
/// When there is none, with what to type.
pub fn find_anvil() -> Result<PathBuf, DevnetError> {
    if let Some(named) = std::env::var_os(ANVIL_VARIABLE) {
        let path = PathBuf::from(named);
        return if path.is_file() { Ok(path) } else { Err(DevnetError::AnvilPath(path)) };
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    let near = [std::env::current_dir().ok(), std::env::current_exe().ok(), Some(workspace)];
    let folders = near.iter().flatten().flat_map(|path| path.ancestors());
    let installed = folders.map(|folder| folder.join(npm_path()));
    let search = std::env::var_os("PATH");
    let on_path = search
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|folder| !folder.ends_with("node_modules/.bin"))
        .map(|folder| folder.join("anvil"));
    installed.chain(on_path).find(|path| path.is_file()).ok_or(DevnetError::AnvilMissing)
}

/// npm names platforms as Go does.
fn npm_path() -> PathBuf {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("node_modules/@foundry-rs/anvil-{system}-{machine}/bin/anvil").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_line_names_no_address() {
        assert_eq!(listening("Gas Limit\n\nListening on 127.0.0.1:46"), None);
        assert_eq!(
            listening("Gas Limit\n\nListening on 127.0.0.1:46761\n").as_deref(),
            Some("http://127.0.0.1:46761")
        );
    }

    #[test]
    fn chains_of_a_devnet_have_different_ids() {
        let ids = [AnvilOptions::sidechain(), AnvilOptions::mainnet()].map(|chain| chain.chain_id);
        assert_ne!(ids[0], ids[1]);
    }
}
