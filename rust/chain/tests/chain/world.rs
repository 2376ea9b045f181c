//! A real chain with an offer, and what people do with it.

use alloy::eips::BlockId;
use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes};
use fallow_chain::{Call, ChainError, Client, Finality, Follower, Limits, Registry, Sender};
use fallow_chain::{SenderConfig, revert_refusal};
use fallow_devnet::{DevAccount, Devnet, DevnetOptions};
use fallow_protocol::packed::path_nodes;
use fallow_protocol::{Announcement, Code, Domain, Release, Request, SecretKey, Withdrawal};
use std::time::Duration;

pub(crate) const SLOT: u64 = 3_600;
const SENDER: SenderConfig =
    SenderConfig { confirmations: 0, patience: 20, poll: Duration::from_millis(50) };

pub(crate) fn key(name: &str) -> SecretKey {
    DevAccount::new(name).key().clone()
}

pub(crate) fn signed(signers: &[&str], id: B256) -> Bytes {
    let signatures = signers.iter().flat_map(|name| key(name).sign(id).0.0);
    signatures.collect::<Vec<_>>().into()
}

/// A chain with a registry, and an offer for it that nobody has recorded.
pub(crate) struct World {
    pub(crate) devnet: Devnet,
    sender: Sender,
    pub(crate) domain: Domain,
    pub(crate) offer: Announcement,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        for chain in [&mut options.sidechain, &mut options.mainnet] {
            chain.block_time = Duration::from_millis(200);
        }
        options.validators = 1;
        let node = DevAccount::new("node");
        options.funded = vec![node.address()];
        let devnet = Devnet::start(&options).await.unwrap();
        let client = Client::new(devnet.sidechain.url(), Limits::default()).unwrap();
        let now = client.block(client.latest().await.unwrap()).await.unwrap().time;
        let sender = Sender::new(client, node.key(), devnet.sidechain.chain_id(), SENDER).unwrap();
        let start_time = now - now % SLOT;
        let offer = Announcement {
            provider: key("provider").address(),
            approver: Address::ZERO,
            volume: 3,
            start_time,
            end_time: start_time + 48 * SLOT,
            slot_seconds: 3_600,
            notice_seconds: 60,
            timestamp: now,
            offer: B256::ZERO,
        };
        let domain = devnet.network.domain();
        Self { devnet, sender, domain, offer, _folder: folder }
    }

    pub(crate) async fn send(&mut self, call: &impl SolCall) -> Result<(), ChainError> {
        let to = Some(self.devnet.network.network.sidechain.registry);
        self.sender.send(Call { to, data: call.abi_encode().into() }).await.map(drop)
    }

    pub(crate) async fn announce(&mut self) {
        let signatures = signed(&["provider"], self.offer.id(&self.domain).0);
        let announcement = self.offer.into();
        self.send(&Registry::announceCall { announcement, signatures }).await.unwrap();
    }

    /// A unit of the offer from slot 2 to slot 6.
    pub(crate) fn request(&self, requester: &str, sequence: u64) -> Request {
        Request {
            resource_id: self.offer.id(&self.domain),
            requester: key(requester).address(),
            volume: 1,
            start_time: self.offer.start_time + 2 * SLOT,
            end_time: self.offer.start_time + 6 * SLOT,
            timestamp: self.offer.timestamp,
            sequence,
        }
    }

    pub(crate) fn signed_request(&self, requester: &str, sequence: u64) -> Registry::SignedRequest {
        let request = self.request(requester, sequence);
        let signatures = signed(&[requester], request.id(&self.domain).0);
        Registry::SignedRequest { request: request.into(), signatures }
    }

    /// Follows the chain from its first block; the contract has the same log.
    pub(crate) async fn follow(&self) -> Follower {
        let client = Client::new(self.devnet.sidechain.url(), Limits::default()).unwrap();
        let mut follower = Follower::new(&self.devnet.network, client.clone(), Finality::Latest);
        follower.sync().await.unwrap();
        let block = BlockId::number(follower.head().unwrap().number);
        let registry = self.devnet.network.network.sidechain.registry;
        let size = client.call(registry, &Registry::sizeCall {}, block).await.unwrap();
        let root = client.call(registry, &Registry::rootCall {}, block).await.unwrap();
        assert_eq!((follower.size(), follower.root()), (size, root), "follower and contract");
        follower
    }

    /// Gives back the allocation at `index` from slot 4 on.
    pub(crate) fn release(
        &self,
        follower: &Follower,
        index: u64,
        signer: &str,
    ) -> Registry::SignedRelease {
        let entry = follower.record(index).unwrap();
        let release = Release {
            request_id: entry.id.into(),
            from_time: self.offer.start_time + 4 * SLOT,
            timestamp: self.offer.timestamp,
        };
        let nodes = path_nodes(follower.size(), index, None).unwrap();
        let path = follower.tree().prove_inclusion(index, follower.size()).unwrap();
        Registry::SignedRelease {
            release: release.into(),
            signatures: signed(&[signer], release.id(&self.domain)),
            record: entry.entry.record.clone().into(),
            path: path[..nodes].to_vec(),
        }
    }

    pub(crate) fn withdrawal(&self) -> (Withdrawal, Bytes) {
        let resource_id = self.offer.id(&self.domain);
        let withdrawal = Withdrawal { resource_id, timestamp: 1 };
        (withdrawal, signed(&["provider"], withdrawal.id(&self.domain)))
    }

    pub(crate) async fn withdraw(&mut self) -> Result<(), ChainError> {
        let (withdrawal, signatures) = self.withdrawal();
        let (message, announcement) = (withdrawal.into(), self.offer.into());
        self.send(&Registry::withdrawCall { message, announcement, signatures }).await
    }
}

/// Kinds of all records, in order.
pub(crate) fn kinds(follower: &Follower) -> Vec<u8> {
    follower.records().iter().map(|one| one.entry.record[1]).collect()
}

/// The code that a call is refused with.
pub(crate) fn code(error: ChainError) -> Code {
    let ChainError::Refused { data: Some(data), .. } = error else { panic!("{error}") };
    revert_refusal(&data).unwrap().code
}
