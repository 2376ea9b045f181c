//! A whole network: two chains, contracts, a validator set.

use crate::{Anvil, AnvilOptions, DevAccount, DevValidator, DevnetError};
use alloy_primitives::{Address, B256};
use fallow_chain::{Client, DeployPlan, Deployer, Founder, Limits, SenderConfig, deploy};
use fallow_protocol::{NetworkFile, Parameters, Set};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Life of the validator set: two days less than the longest (docs/protocol.md section 9), for
/// clocks that differ.
const SET_LIFE: Duration = Duration::from_secs(28 * 24 * 3_600);

/// How to run a development network.
#[derive(Clone, Debug)]
pub struct DevnetOptions {
    /// The sidechain.
    pub sidechain: AnvilOptions,
    /// The mainnet.
    pub mainnet: AnvilOptions,
    /// How many validators, each of weight 1.
    pub validators: usize,
    /// What both contracts are deployed with.
    pub parameters: Parameters,
    /// Drawn at deployment; a fixed one only where results shall be repeatable.
    pub random: B256,
    /// Where logs, network file and set file go. It is made if it is not there, never removed.
    pub dir: PathBuf,
    /// More accounts that need coins on both chains.
    pub funded: Vec<Address>,
}

impl DevnetOptions {
    /// Four validators, a checkpoint every other block, anchoring once a second.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            sidechain: AnvilOptions::sidechain(),
            mainnet: AnvilOptions::mainnet(),
            validators: 4,
            parameters: Parameters {
                checkpoint_interval: 2,
                heartbeat: 20,
                challenge_period: 60,
                query_deadline: 60,
                ring_size: 60,
                writers: Vec::new(),
            },
            random: B256::from(rand::random::<[u8; 32]>()),
            dir: dir.to_owned(),
            funded: Vec::new(),
        }
    }
}

/// A running network. Dropping it ends both chains; its files stay.
#[derive(Debug)]
pub struct Devnet {
    /// The sidechain.
    pub sidechain: Anvil,
    /// The mainnet.
    pub mainnet: Anvil,
    /// The network file's content.
    pub network: NetworkFile,
    /// The validator set.
    pub set: Set,
    /// The validators' keys, in no particular order.
    pub validators: Vec<DevValidator>,
    dir: PathBuf,
}

impl Devnet {
    /// Starts both chains at once, deploys, writes the files.
    ///
    /// # Errors
    /// When a chain does not run or the deployment fails.
    pub async fn start(options: &DevnetOptions) -> Result<Self, DevnetError> {
        let logs = options.dir.join("logs");
        let (sidechain, mainnet) = tokio::try_join!(
            Anvil::start(&options.sidechain, &logs),
            Anvil::start(&options.mainnet, &logs),
        )?;
        let validators: Vec<_> = (1..=options.validators).map(DevValidator::new).collect();
        let deployer = DevAccount::new("deployer");
        let mut funded = options.funded.clone();
        funded.push(deployer.address());
        funded.extend(validators.iter().map(|validator| validator.account.address()));
        sidechain.fund(&funded).await?;
        mainnet.fund(&funded).await?;
        let urls = [sidechain.url(), mainnet.url()];
        let parameters = options.parameters.clone();
        let (network, set) =
            found(urls, &deployer, &validators, options.random, parameters).await?;
        write_files(&options.dir, &network, &set)?;
        Ok(Self { sidechain, mainnet, network, set, validators, dir: options.dir.clone() })
    }

    /// The network file.
    #[must_use]
    pub fn network_path(&self) -> PathBuf {
        self.dir.join("network.json")
    }

    /// The set file, beside the network file.
    #[must_use]
    pub fn set_path(&self) -> PathBuf {
        self.dir.join(self.network.set_file_name())
    }

    /// Where processes write their logs.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("logs")
    }
}

/// Writes the set file, then the network file: where that is, everything is.
pub(crate) fn write_files(dir: &Path, network: &NetworkFile, set: &Set) -> Result<(), DevnetError> {
    let mut text = serde_json::to_vec_pretty(network)?;
    text.push(b'\n');
    write(&dir.join(network.set_file_name()), &set.encode())?;
    write(&dir.join("network.json"), &text)
}

/// Writes beside and renames: a file is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), DevnetError> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(DevnetError::io(path))
}

/// Deploys the contracts on the sidechain and the mainnet at `urls`.
pub(crate) async fn found(
    urls: [&str; 2],
    deployer: &DevAccount,
    validators: &[DevValidator],
    random: B256,
    parameters: Parameters,
) -> Result<(NetworkFile, Set), DevnetError> {
    let sidechain = Client::new(urls[0], Limits::default())?;
    let mainnet = Client::new(urls[1], Limits::default())?;
    let address = deployer.address();
    let plan = DeployPlan::make(address, &sidechain, &mainnet, random, parameters).await?;
    let founders = validators.iter().map(|validator| {
        let address = validator.account.address();
        Founder {
            address,
            weight: 1,
            key: validator.key.public_key(),
            proof: validator.key.prove_possession(&plan.possession(address)),
        }
    });
    let founders: Vec<_> = founders.collect();
    let now = mainnet.block(mainnet.latest().await?).await?.time;
    let not_after = now.saturating_add(SET_LIFE.as_secs());
    let deployer = Deployer {
        sidechain: &sidechain,
        mainnet: &mainnet,
        key: deployer.key(),
        // Nobody reorganises these chains while they are set up.
        config: SenderConfig {
            confirmations: 0,
            patience: u64::MAX,
            poll: Duration::from_millis(50),
        },
    };
    Ok(deploy(&plan, &founders, not_after, &deployer).await?)
}
