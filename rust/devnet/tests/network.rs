//! A whole network comes up, and what cannot become one is refused before anything is sent.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

use fallow_chain::{
    Anchor, Client, DeployError, DeployPlan, Deployer, Finality, Follower, Founder, Limits,
    NonceAt, SenderConfig, check_network, deploy,
};
use fallow_devnet::{DevAccount, DevValidator, Devnet, DevnetOptions};
use fallow_protocol::{NetworkFile, Parameters, Set};
use std::time::Duration;

const CONFIG: SenderConfig =
    SenderConfig { confirmations: 0, patience: 100, poll: Duration::from_millis(50) };

/// Blocks come often: tests wait for some of them.
fn options(dir: &std::path::Path) -> DevnetOptions {
    let mut options = DevnetOptions::new(dir);
    options.sidechain.block_time = Duration::from_millis(250);
    options.mainnet.block_time = Duration::from_millis(250);
    options
}

fn clients(devnet: &Devnet) -> (Client, Client) {
    let [sidechain, mainnet] = [&devnet.sidechain, &devnet.mainnet]
        .map(|chain| Client::new(chain.url(), Limits::default()).unwrap());
    (sidechain, mainnet)
}

#[tokio::test]
async fn a_network_comes_up_and_its_files_describe_it() {
    let dir = tempfile::tempdir().unwrap();
    let devnet = Devnet::start(&options(dir.path())).await.unwrap();
    let (sidechain, mainnet) = clients(&devnet);
    let file = NetworkFile::read(&std::fs::read(devnet.network_path()).unwrap()).unwrap();
    assert_eq!(file, devnet.network);
    check_network(&file, &sidechain, Some(&mainnet)).await.unwrap();
    let set = Set::decode(&std::fs::read(devnet.set_path()).unwrap()).unwrap();
    assert_eq!(set.hash(), file.trust.set_hash);
    assert_eq!(set.members().len(), 4);

    let mut follower = Follower::new(&file, sidechain.clone(), Finality::Latest);
    follower.sync().await.unwrap();
    assert_eq!(follower.size(), 1, "the genesis record");

    // The first checkpoint must exceed the base: the block before the registry's.
    let anchor = file.network.anchor_chain.anchor;
    let call = Anchor::headCall {};
    let head = mainnet.call(anchor, &call, alloy::eips::BlockId::latest()).await.unwrap();
    assert_eq!(head.blockNumber, file.network.sidechain.block - 1);
    assert_eq!(head.blockTime, sidechain.block(head.blockNumber).await.unwrap().time);
    assert_eq!((head.size, head.count), (0, 0));
}

struct Attempt {
    plan: DeployPlan,
    founders: Vec<Founder>,
    not_after: u64,
    deployer: DevAccount,
}

impl Attempt {
    async fn new(sidechain: &Client, mainnet: &Client, parameters: Parameters) -> Self {
        let deployer = DevAccount::new("deployer");
        let random = alloy_primitives::B256::repeat_byte(7);
        let plan = DeployPlan::make(deployer.address(), sidechain, mainnet, random, parameters);
        let plan = plan.await.unwrap();
        let founders = (1..=2).map(DevValidator::new).map(|validator| Founder {
            address: validator.account.address(),
            weight: 1,
            key: validator.key.public_key(),
            proof: validator.key.prove_possession(&plan.possession(validator.account.address())),
        });
        let founders = founders.collect();
        let latest = mainnet.latest().await.unwrap();
        let not_after = mainnet.block(latest).await.unwrap().time + 3_600;
        Self { plan, founders, not_after, deployer }
    }

    async fn run(&self, sidechain: &Client, mainnet: &Client) -> Result<NetworkFile, DeployError> {
        let deployer = Deployer { sidechain, mainnet, key: self.deployer.key(), config: CONFIG };
        let deployed = deploy(&self.plan, &self.founders, self.not_after, &deployer).await;
        deployed.map(|(file, _)| file)
    }
}

#[tokio::test]
async fn what_is_not_as_planned_is_not_deployed() {
    let dir = tempfile::tempdir().unwrap();
    let devnet = Devnet::start(&options(dir.path())).await.unwrap();
    let (sidechain, mainnet) = clients(&devnet);
    let deployer = DevAccount::new("deployer").address();
    let before = sidechain.nonce(deployer, NonceAt::Pending).await.unwrap();
    let good = || Attempt::new(&sidechain, &mainnet, devnet.network.network.parameters.clone());

    // A proof for another network: the same members, another random.
    let mut attempt = good().await;
    attempt.plan.random = alloy_primitives::B256::repeat_byte(8);
    let refused = attempt.run(&sidechain, &mainnet).await;
    assert!(matches!(refused, Err(DeployError::Possession(_))), "{refused:?}");

    // A proof copied by another account.
    let mut attempt = good().await;
    attempt.founders[0].address = DevAccount::new("copier").address();
    let refused = attempt.run(&sidechain, &mainnet).await;
    assert!(matches!(refused, Err(DeployError::Possession(_))), "{refused:?}");

    // Another key than the plan's.
    let mut attempt = good().await;
    attempt.deployer = DevAccount::new("stranger");
    let refused = attempt.run(&sidechain, &mainnet).await;
    assert!(matches!(refused, Err(DeployError::Deployer { .. })), "{refused:?}");

    // The chains mixed up.
    let refused = good().await.run(&mainnet, &sidechain).await;
    assert!(matches!(refused, Err(DeployError::Chain(_))), "{refused:?}");
    let after = sidechain.nonce(deployer, NonceAt::Pending).await.unwrap();
    assert_eq!(after, before, "nothing was sent");

    // A plan that was used up.
    let attempt = good().await;
    let network = attempt.run(&sidechain, &mainnet).await.unwrap();
    assert_eq!(network.network_id, attempt.plan.network_id());
    let refused = attempt.run(&sidechain, &mainnet).await;
    assert!(matches!(refused, Err(DeployError::Nonce { .. })), "{refused:?}");
}
