//! One chain with one registry and one bulletin, and what the four validators of it need.

use alloy::eips::BlockId;
use alloy::sol_types::{SolCall, SolConstructor as _};
use alloy_primitives::{Address, B256, U256};
use fallow_chain::{
    Bulletin, Call, ChainError, Client, DaemonConfig, Finality, Follower, Limits, Registry, Sender,
    SenderConfig,
};
use fallow_devnet::{Anvil, AnvilOptions, DevAccount, DevValidator};
use fallow_protocol::packed::path_nodes;
use fallow_protocol::{
    AnchorChain, Announcement, CodeHashes, Member, Network, NetworkFile, NetworkPart, Parameters,
    Release, Request, SecretKey, Set, Sidechain, Trust, Withdrawal,
};
use fallow_validator::Config;
use std::time::Duration;

pub(crate) const INTERVAL: u64 = 2;
/// Validators of every chain, each with the same weight.
const VALIDATORS: usize = 4;
/// Longest wait for anything: a machine under load, not what is expected.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody talks to the anchor here.
const ANCHOR_CHAIN: u64 = 1;
const ANCHOR: Address = Address::repeat_byte(0xaa);

const SENDER: SenderConfig =
    SenderConfig { confirmations: 0, patience: 20, poll: Duration::from_millis(50) };

pub(crate) struct Chain {
    pub(crate) anvil: Anvil,
    pub(crate) client: Client,
    pub(crate) network: NetworkFile,
    pub(crate) set: Set,
    /// Tests with one validator take the first.
    pub(crate) validators: Vec<DevValidator>,
    pub(crate) sender: Sender,
    /// The chain's time when it was deployed.
    pub(crate) now: u64,
    pub(crate) folder: tempfile::TempDir,
}

impl Chain {
    /// Deploys `code` as the registry, whatever it does.
    pub(crate) async fn start(code: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options =
            AnvilOptions { block_time: Duration::from_millis(200), ..AnvilOptions::sidechain() };
        let anvil = Anvil::start(&options, folder.path()).await.unwrap();
        let client = Client::new(anvil.url(), Limits::default()).unwrap();
        let deployer = DevAccount::new("deployer");
        let validators: Vec<_> = (1..=VALIDATORS).map(DevValidator::new).collect();
        let accounts = validators.iter().map(|one| one.account.address());
        let accounts: Vec<_> = accounts.chain([deployer.address()]).collect();
        anvil.fund(&accounts).await.unwrap();
        let chain_id = anvil.chain_id();
        let mut sender = Sender::new(client.clone(), deployer.key(), chain_id, SENDER).unwrap();
        let network = deploy(&client, &mut sender, chain_id, code).await;
        let now = client.block(client.latest().await.unwrap()).await.unwrap().time;
        let member = |one: &DevValidator| Member {
            address: one.account.address(),
            weight: 1,
            key: one.key.public_key(),
        };
        let mut members: Vec<_> = validators.iter().map(member).collect();
        members.sort_by_key(|member| member.address);
        let set = Set::new(network.id(), 1, now + 86_400, members).unwrap();
        let trust = Trust { era: 0, set_number: 1, set_hash: set.hash(), checkpoint: None };
        let network = NetworkFile::new(network.0, trust);
        Self { anvil, client, network, set, validators, sender, now, folder }
    }

    pub(crate) fn config(&self) -> Config {
        self.config_of(0)
    }

    pub(crate) fn configs(&self) -> impl Iterator<Item = Config> {
        (0..VALIDATORS).map(|number| self.config_of(number))
    }

    fn config_of(&self, number: usize) -> Config {
        let validator = &self.validators[number];
        let daemon = DaemonConfig {
            network: self.network.clone(),
            set: self.set.clone(),
            account_key: validator.account.key().clone(),
            sidechain_url: self.anvil.url().to_owned(),
            limits: Limits::default(),
            store: self.folder.path().join(format!("signed-{number}.redb")),
            poll_interval: Duration::from_millis(50),
            finality: Finality::Latest,
            sender: SENDER,
        };
        Config { daemon, bls_key: validator.key.clone() }
    }

    /// As [`Self::config`], with another way to the node.
    pub(crate) fn config_at(&self, url: &str) -> Config {
        let mut config = self.config();
        config.daemon.sidechain_url = url.to_owned();
        config
    }

    /// What `provider` offers: `volume` units for 24 hours from now on.
    pub(crate) fn announcement(&self, provider: &SecretKey, volume: u16) -> Announcement {
        let start_time = self.now - self.now % 3_600;
        Announcement {
            provider: provider.address(),
            approver: Address::ZERO,
            volume,
            start_time,
            end_time: start_time + 24 * 3_600,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: self.now,
            offer: B256::repeat_byte(7),
        }
    }

    /// A claim on one unit in the third slot from now.
    pub(crate) fn request(
        &self,
        resource: &Announcement,
        requester: &SecretKey,
        sequence: u64,
    ) -> Request {
        let start_time = resource.start_time + 2 * 3_600;
        Request {
            resource_id: resource.id(&self.network.domain()),
            requester: requester.address(),
            volume: 1,
            start_time,
            end_time: start_time + 3_600,
            timestamp: self.now,
            sequence,
        }
    }

    pub(crate) async fn announce(
        &mut self,
        announcement: Announcement,
        signer: &SecretKey,
    ) -> Result<(), ChainError> {
        let signature = signer.sign(announcement.id(&self.network.domain()).0);
        let signatures = signature.0.to_vec().into();
        self.send(&Registry::announceCall { announcement: announcement.into(), signatures }).await
    }

    pub(crate) async fn ask(
        &mut self,
        request: Request,
        signer: &SecretKey,
    ) -> Result<(), ChainError> {
        self.ask_signed_by(request, &[signer]).await
    }

    pub(crate) async fn ask_signed_by(
        &mut self,
        request: Request,
        signers: &[&SecretKey],
    ) -> Result<(), ChainError> {
        let id = request.id(&self.network.domain()).0;
        let signatures = signers.iter().flat_map(|signer| signer.sign(id).0.0);
        let signatures = signatures.collect::<Vec<_>>().into();
        self.send(&Registry::requestCall { message: request.into(), signatures }).await
    }

    /// Gives back the allocation that `follower` has at `index`, from a time on.
    pub(crate) async fn release(
        &mut self,
        follower: &Follower,
        index: u64,
        from_time: u64,
        signer: &SecretKey,
    ) -> Result<(), ChainError> {
        let (entry, size) = (follower.record(index).unwrap(), follower.size());
        let release = Release { request_id: entry.id.into(), from_time, timestamp: self.now };
        let nodes = path_nodes(size, index, None).unwrap();
        let path = follower.tree().prove_inclusion(index, size).unwrap();
        let signature = signer.sign(release.id(&self.network.domain()));
        self.send(&Registry::releaseCall {
            message: release.into(),
            signatures: signature.0.into(),
            record: entry.entry.record.clone().into(),
            path: path[..nodes].to_vec(),
        })
        .await
    }

    pub(crate) async fn withdraw(
        &mut self,
        announcement: &Announcement,
        signer: &SecretKey,
    ) -> Result<(), ChainError> {
        let resource_id = announcement.id(&self.network.domain());
        let withdrawal = Withdrawal { resource_id, timestamp: self.now };
        let signature = signer.sign(withdrawal.id(&self.network.domain()));
        self.send(&Registry::withdrawCall {
            message: withdrawal.into(),
            announcement: (*announcement).into(),
            signatures: signature.0.into(),
        })
        .await
    }

    async fn send(&mut self, call: &impl SolCall) -> Result<(), ChainError> {
        let to = Some(self.network.network.sidechain.registry);
        self.sender.send(Call { to, data: call.abi_encode().into() }).await.map(drop)
    }

    /// Waits until the chain has a block.
    pub(crate) async fn reaches(&self, block: u64) {
        let look = std::time::Duration::from_millis(50);
        fallow_devnet::poll("a block", PATIENCE, look, async || {
            let latest = self.client.latest().await.unwrap();
            Ok::<_, fallow_devnet::DevnetError>((latest >= block).then_some(()))
        })
        .await
        .unwrap();
    }

    /// The digest that the first validator has posted for a block.
    pub(crate) async fn posted(&self, block: u64) -> B256 {
        self.posted_by(self.validators[0].account.address(), block).await
    }

    /// The digest that a validator has posted for a block.
    pub(crate) async fn posted_by(&self, validator: Address, block: u64) -> B256 {
        let call = Bulletin::digestOfCall { validator, era: 0, blockNumber: block };
        let bulletin = self.network.network.sidechain.bulletin;
        self.client.call(bulletin, &call, BlockId::latest()).await.unwrap()
    }
}

struct Deployed(NetworkPart);

impl Deployed {
    fn id(&self) -> fallow_protocol::NetworkId {
        self.0.network().id()
    }
}

async fn deploy(client: &Client, sender: &mut Sender, chain_id: u64, code: &[u8]) -> Deployed {
    let parameters = Parameters {
        checkpoint_interval: INTERVAL,
        heartbeat: 5 * INTERVAL,
        challenge_period: 60,
        query_deadline: 60,
        ring_size: 60,
        writers: vec![],
    };
    let random = B256::repeat_byte(3);
    let registry = sender.address().create(0);
    let arguments = Registry::constructorCall { config: registry_config(&parameters, random) };
    let creation = [code, &arguments.abi_encode()].concat();
    let created = sender.send(Call { to: None, data: creation.into() }).await.unwrap();
    let fallow_chain::TransactionState::Final { block, .. } = created.state else {
        panic!("not final: {created:?}");
    };
    let bulletin = sender.address().create(1);
    let creation = Bulletin::BYTECODE.clone();
    sender.send(Call { to: None, data: creation }).await.unwrap();
    let salt = parameters.salt(random);
    let network = Network {
        sidechain_id: chain_id,
        registry,
        anchor_chain_id: ANCHOR_CHAIN,
        anchor: ANCHOR,
        salt,
    };
    let got = client.call(registry, &Registry::networkIdCall {}, BlockId::latest()).await.unwrap();
    assert_eq!(got, network.id().0, "the registry computes the same networkId");
    Deployed(NetworkPart {
        sidechain: Sidechain { chain_id, registry, bulletin, block },
        anchor_chain: AnchorChain { chain_id: ANCHOR_CHAIN, anchor: ANCHOR, block: 0 },
        random,
        parameters,
        code_hashes: CodeHashes {
            registry: client.code_hash(registry).await.unwrap(),
            bulletin: client.code_hash(bulletin).await.unwrap(),
            anchor: B256::ZERO,
        },
    })
}

fn registry_config(parameters: &Parameters, random: B256) -> Registry::RegistryConfig {
    Registry::RegistryConfig {
        anchorChainId: U256::from(ANCHOR_CHAIN),
        anchor: ANCHOR,
        parameters: Registry::Parameters {
            random,
            checkpointInterval: parameters.checkpoint_interval,
            heartbeat: parameters.heartbeat,
            challengePeriod: parameters.challenge_period,
            queryDeadline: parameters.query_deadline,
            ringSize: parameters.ring_size,
            writers: vec![],
        },
        parentNetwork: B256::ZERO,
        parentCheckpoint: B256::ZERO,
        parentSize: 0,
    }
}
