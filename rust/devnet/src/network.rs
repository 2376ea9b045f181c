//! A network whose chains are kept: it is resumed from its folder, whatever ended it.

use crate::devnet;
use crate::{AnvilOptions, DevAccount, DevValidator, DevnetError, Keeper, KeptOptions, Pace, kept};
use alloy_primitives::{Address, B256};
use fallow_chain::{Client, Limits, check_network};
use fallow_protocol::{NetworkFile, Parameters, Set};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The sidechain while nothing happens: each block costs a state on the disk, and time at a resume.
const SIDECHAIN_PACE: Pace = Pace { idle: Duration::from_secs(30), linger: 3 };
/// Mainnet's time is what settles checkpoints.
const MAINNET_PACE: Pace = Pace { idle: Duration::from_secs(20), linger: 3 };

/// How to run a kept network.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// Its folder: chains, logs, network file and set file.
    pub dir: PathBuf,
    /// Ports of sidechain and mainnet, or any free ones.
    pub ports: [Option<u16>; 2],
    /// How many validators, each of weight 1.
    pub validators: usize,
    /// What both contracts are deployed with, unless the network exists.
    pub parameters: Parameters,
    /// More accounts that need coins on both chains, unless the network exists.
    pub funded: Vec<Address>,
}

impl NetworkOptions {
    /// Four validators, a checkpoint every other block, settled after a minute.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        let usual = crate::DevnetOptions::new(dir);
        Self {
            dir: dir.to_owned(),
            ports: [None, None],
            validators: usual.validators,
            parameters: usual.parameters,
            funded: Vec::new(),
        }
    }

    fn chains(&self) -> PathBuf {
        self.dir.join("chains")
    }

    fn network_path(&self) -> PathBuf {
        self.dir.join("network.json")
    }

    /// Both chains, the sidechain first.
    fn kept(&self, funded: &[Address]) -> [KeptOptions; 2] {
        let kept = |anvil, pace, old_states| KeptOptions {
            anvil,
            pace,
            old_states,
            funded: funded.to_vec(),
            dir: self.chains(),
            log_dir: self.dir.join("logs"),
        };
        let [side, main] = self.ports;
        let side = AnvilOptions { port: side, ..AnvilOptions::sidechain() };
        let main = AnvilOptions { port: main, ..AnvilOptions::mainnet() };
        // Validators re-execute the sidechain from its first block, with calls at many old ones; of
        // mainnet only events and the present are asked for.
        [kept(side, SIDECHAIN_PACE, true), kept(main, MAINNET_PACE, false)]
    }
}

/// Where a network that was opened comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It was founded just now.
    Founded,
    /// It was there before.
    Resumed,
}

/// A running kept network. Dropping it ends both chains; its folder stays.
#[derive(Debug)]
pub struct KeptNetwork {
    /// The sidechain. A block is safe from everything once it has one after it.
    pub sidechain: Keeper,
    /// The mainnet, likewise.
    pub mainnet: Keeper,
    /// The network file's content.
    pub network: NetworkFile,
    /// The validator set.
    pub set: Set,
    /// The validators' keys, in no particular order.
    pub validators: Vec<DevValidator>,
}

impl KeptNetwork {
    /// Resumes the folder's network, or founds one.
    ///
    /// # Errors
    /// When a chain does not run, the deployment fails, or the folder is damaged.
    pub async fn open(options: &NetworkOptions) -> Result<(Self, Opened), DevnetError> {
        // The network file is written last, so without it nobody has worked with the chains yet.
        let exists = options.network_path().exists();
        if !exists {
            kept::remove(&options.chains())?;
        }
        let validators: Vec<_> = (1..=options.validators).map(DevValidator::new).collect();
        let deployer = DevAccount::new("deployer");
        let mut funded = options.funded.clone();
        funded.push(deployer.address());
        funded.extend(validators.iter().map(|validator| validator.account.address()));
        let [side, main] = options.kept(&funded);
        if exists && !(side.exists() && main.exists()) {
            return Err(DevnetError::ChainsGone(options.chains()));
        }
        let (sidechain, mainnet) = tokio::try_join!(Keeper::start(&side), Keeper::start(&main))?;
        let (network, set) = if exists {
            read_files(&options.dir, &sidechain, &mainnet).await?
        } else {
            let urls = [sidechain.url(), mainnet.url()];
            let random = B256::from(rand::random::<[u8; 32]>());
            let parameters = options.parameters.clone();
            let made = devnet::found(urls, &deployer, &validators, random, parameters).await?;
            devnet::write_files(&options.dir, &made.0, &made.1)?;
            made
        };
        let opened = if exists { Opened::Resumed } else { Opened::Founded };
        Ok((Self { sidechain, mainnet, network, set, validators }, opened))
    }

    /// Ends both chains between two blocks.
    ///
    /// # Errors
    /// When a task died.
    pub async fn stop(self) -> Result<(), DevnetError> {
        self.sidechain.stop().await?;
        self.mainnet.stop().await
    }
}

async fn read_files(
    dir: &Path,
    sidechain: &Keeper,
    mainnet: &Keeper,
) -> Result<(NetworkFile, Set), DevnetError> {
    let path = dir.join("network.json");
    let damaged = |path: &Path, error: &dyn std::fmt::Display| DevnetError::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let bytes = std::fs::read(&path).map_err(DevnetError::io(&path))?;
    let network = NetworkFile::read(&bytes).map_err(|error| damaged(&path, &error))?;
    let set_path = dir.join(network.set_file_name());
    let bytes = std::fs::read(&set_path).map_err(DevnetError::io(&set_path))?;
    let set = Set::decode(&bytes).map_err(|error| damaged(&set_path, &error))?;
    if set.hash() != network.trust.set_hash {
        return Err(damaged(&set_path, &"it is another set than the network file's"));
    }
    let side = Client::new(sidechain.url(), Limits::default())?;
    let main = Client::new(mainnet.url(), Limits::default())?;
    check_network(&network, &side, Some(&main)).await?;
    Ok((network, set))
}
