//! The whole life of allocations on a real chain: what the contract records, the follower records.

use alloy::eips::BlockId;
use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes};
use fallow_chain::{Call, ChainError, Client, Finality, Follower, Limits, Registry, Sender};
use fallow_chain::{SenderConfig, revert_refusal};
use fallow_devnet::{DevAccount, Devnet, DevnetOptions};
use fallow_protocol::packed::path_nodes;
use fallow_protocol::{
    Announcement, Body, Code, Domain, Evidence, Record, Release, Request, SecretKey, Withdrawal,
};
use std::time::Duration;

const SLOT: u64 = 3_600;
const SENDER: SenderConfig =
    SenderConfig { confirmations: 0, patience: 20, poll: Duration::from_millis(50) };

fn key(name: &str) -> SecretKey {
    DevAccount::new(name).key().clone()
}

fn signed(signers: &[&str], id: B256) -> Bytes {
    let signatures = signers.iter().flat_map(|name| key(name).sign(id).0.0);
    signatures.collect::<Vec<_>>().into()
}

/// A chain with a registry, and an offer for it that nobody has recorded.
struct World {
    devnet: Devnet,
    sender: Sender,
    domain: Domain,
    offer: Announcement,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
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

    async fn send(&mut self, call: &impl SolCall) -> Result<(), ChainError> {
        let to = Some(self.devnet.network.network.sidechain.registry);
        self.sender.send(Call { to, data: call.abi_encode().into() }).await.map(drop)
    }

    async fn announce(&mut self) {
        let signatures = signed(&["provider"], self.offer.id(&self.domain).0);
        let announcement = self.offer.into();
        self.send(&Registry::announceCall { announcement, signatures }).await.unwrap();
    }

    /// A unit of the offer from slot 2 to slot 6.
    fn request(&self, requester: &str, sequence: u64) -> Request {
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

    fn signed_request(&self, requester: &str, sequence: u64) -> Registry::SignedRequest {
        let request = self.request(requester, sequence);
        let signatures = signed(&[requester], request.id(&self.domain).0);
        Registry::SignedRequest { request: request.into(), signatures }
    }

    /// Follows the chain from its first block; the contract has the same log.
    async fn follow(&self) -> Follower {
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
    fn release(&self, follower: &Follower, index: u64, signer: &str) -> Registry::SignedRelease {
        let entry = follower.entry(index).unwrap();
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
            record: entry.bytes.clone(),
            path: path[..nodes].to_vec(),
        }
    }

    fn withdrawal(&self) -> (Withdrawal, Bytes) {
        let resource_id = self.offer.id(&self.domain);
        let withdrawal = Withdrawal { resource_id, timestamp: 1 };
        (withdrawal, signed(&["provider"], withdrawal.id(&self.domain)))
    }

    async fn withdraw(&mut self) -> Result<(), ChainError> {
        let (withdrawal, signatures) = self.withdrawal();
        let (message, announcement) = (withdrawal.into(), self.offer.into());
        self.send(&Registry::withdrawCall { message, announcement, signatures }).await
    }
}

/// Kinds of all records, in order.
fn kinds(follower: &Follower) -> Vec<u8> {
    follower.entries().iter().map(|entry| entry.bytes[1]).collect()
}

/// The code that a call is refused with.
fn code(error: ChainError) -> Code {
    let ChainError::Refused { data: Some(data), .. } = error else { panic!("{error}") };
    revert_refusal(&data).unwrap().code
}

#[tokio::test]
async fn an_allocation_is_released_and_its_resource_withdrawn() {
    let mut world = World::start().await;
    world.announce().await;
    let requests = ["a", "b", "c", "d"].map(|name| world.signed_request(name, 1));
    world.send(&Registry::requestManyCall { items: requests.to_vec() }).await.unwrap();
    let follower = world.follow().await;
    assert_eq!(kinds(&follower), [0, 1, 2, 2, 2], "three units: no fourth");

    let stale = world.release(&follower, 4, "c");
    let item = world.release(&follower, 3, "b");
    let Registry::SignedRelease { release: message, signatures, record, path } = item.clone();
    let call = Registry::releaseCall { message, signatures, record, path };
    world.send(&call).await.unwrap();
    assert_eq!(code(world.send(&call).await.unwrap_err()), Code::AllocationAlreadyReleased);
    let Registry::SignedRelease { release: message, signatures, record, path } = stale;
    let call = Registry::releaseCall { message, signatures, record, path };
    assert_eq!(code(world.send(&call).await.unwrap_err()), Code::AllocationUnproven, "5 is there");
    let mut late = world.request("d", 1);
    late.start_time = world.offer.start_time + 4 * SLOT;
    let signatures = signed(&["d"], late.id(&world.domain).0);
    let call = Registry::requestCall { message: late.into(), signatures };
    world.send(&call).await.unwrap();
    let follower = world.follow().await;
    assert_eq!(kinds(&follower)[5..], [3, 2], "what was freed is free");

    let entry = follower.entry(5).unwrap();
    assert_eq!(entry.evidence[..], Evidence::from_signatures(&item.signatures).unwrap().encode());
    assert_eq!(follower.index_of(entry.id), Some(5));
    let record = Record::decode(&entry.bytes).unwrap();
    assert!(matches!(record.body, Body::Release(body) if body.slot_count == 2));

    world.withdraw().await.unwrap();
    let request = Registry::requestManyCall { items: vec![world.signed_request("e", 1)] };
    world.send(&request).await.unwrap();
    let again = world.release(&world.follow().await, 2, "a");
    world.send(&Registry::releaseManyCall { items: vec![again] }).await.unwrap();
    assert_eq!(kinds(&world.follow().await)[7..], [4, 3], "what stands can be given back");
}

#[tokio::test]
async fn a_tombstone_keeps_an_announcement_out() {
    let mut world = World::start().await;
    world.withdraw().await.unwrap();
    let signatures = signed(&["provider"], world.offer.id(&world.domain).0);
    let announcement = world.offer.into();
    let call = Registry::announceCall { announcement, signatures };
    assert_eq!(code(world.send(&call).await.unwrap_err()), Code::ResourceWithdrawn);
    assert_eq!(code(world.withdraw().await.unwrap_err()), Code::ResourceWithdrawn);
    let follower = world.follow().await;
    assert_eq!(kinds(&follower), [0, 4]);
    let (withdrawal, _) = world.withdrawal();
    assert_eq!(follower.index_of(withdrawal.id(&world.domain)), Some(1));
    let record = Record::decode(&follower.entry(1).unwrap().bytes).unwrap();
    assert!(matches!(record.body, Body::Withdrawal(body) if body.resource_index == 0));
}

#[tokio::test]
async fn an_announcement_is_recorded_by_the_first_approved_request() {
    let mut world = World::start().await;
    world.offer.approver = key("approver").address();
    let announced = world.offer.id(&world.domain);
    for (requester, records) in [("a", 3), ("b", 4)] {
        let message = world.request(requester, 1);
        let own = signed(&[requester, "approver"], message.id(&world.domain).0);
        let signatures = [&signed(&["provider"], announced.0)[..], &own].concat().into();
        let (announcement, message) = (world.offer.into(), message.into());
        let call = Registry::announceAndRequestCall { announcement, message, signatures };
        world.send(&call).await.unwrap();
        let follower = world.follow().await;
        assert_eq!(follower.size(), records);
        let last = follower.entries().last().unwrap();
        assert_eq!(last.evidence[..], Evidence::from_signatures(&own).unwrap().encode());
        assert_eq!(follower.index_of(announced.0), Some(1));
    }
}

#[tokio::test]
async fn releases_of_a_batch_lean_on_each_other() {
    let mut world = World::start().await;
    world.announce().await;
    let requests = ["a", "b", "c"].map(|name| world.signed_request(name, 1));
    world.send(&Registry::requestManyCall { items: requests.to_vec() }).await.unwrap();
    world.withdraw().await.unwrap();
    let follower = world.follow().await;
    // Size 6: the peaks are over 0..4 and 4..6. The second is forged, but its path holds.
    let mut items: Vec<_> = [(2, "a"), (3, "a"), (4, "c")]
        .map(|(index, signer)| world.release(&follower, index, signer))
        .into();
    items[1].path.truncate(path_nodes(6, 3, Some(2)).unwrap());
    assert_eq!(items.iter().map(|item| item.path.len()).collect::<Vec<_>>(), [2, 0, 1]);
    let again = items[0].clone();
    let mut leaning = world.release(&follower, 3, "b");
    leaning.path.truncate(0);
    items.insert(2, leaning);
    items.push(again);
    world.send(&Registry::releaseManyCall { items }).await.unwrap();
    let follower = world.follow().await;
    assert_eq!(kinds(&follower)[6..], [3, 3], "a and c: b leans on itself, a is released already");
    let of = |index: usize| Record::decode(&follower.entries()[index].bytes).unwrap().body;
    let released = [6, 7].map(|index| match of(index) {
        Body::Release(body) => body.request_index,
        other => panic!("{other:?}"),
    });
    assert_eq!(released, [2, 4]);
}
