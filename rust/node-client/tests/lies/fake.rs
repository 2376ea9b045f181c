//! An honest node in memory: a real ledger, a real log, real certificates, no chain.

use crate::server::Server;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use fallow_ledger::{ApplyError, GenesisParent, Ledger, LedgerConfig, Message};
use fallow_log::{TileEdge, TileId, Tree, leaf_hash};
use fallow_node_client::message_id;
use fallow_node_client::types::CheckpointAnswer;
use fallow_protocol::{
    AnchorChain, Announcement, AnnouncementFile, Body, Certificate, Checkpoint, CodeHashes, Domain,
    Evidence, Member, NetworkFile, NetworkPart, Parameters, PromiseFile, Record, Refusal, Release,
    ReleaseFile, Request, RequestFile, SecretKey, Set, SetHash, Sidechain, Trust, Withdrawal,
    WithdrawalFile, bls,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Everybody's clock; a whole hour.
pub(crate) const NOW: u64 = 1_899_997_200;
/// Slots of an hour.
const SLOT: u64 = 3_600;

pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) evidence: Bytes,
    pub(crate) announcement: Option<Announcement>,
    pub(crate) id: Option<B256>,
}

/// What the node has.
pub(crate) struct Fake {
    pub(crate) network: NetworkFile,
    pub(crate) set: Set,
    pub(crate) node: SecretKey,
    pub(crate) domain: Domain,
    pub(crate) ledger: Ledger,
    pub(crate) tree: Tree,
    edge: TileEdge,
    pub(crate) tiles: BTreeMap<TileId, Vec<B256>>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) by_id: BTreeMap<B256, u64>,
    pub(crate) checkpoints: Vec<CheckpointAnswer>,
    pub(crate) promises: BTreeMap<B256, PromiseFile>,
    pub(crate) offers: BTreeMap<B256, Vec<u8>>,
}

pub(crate) fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32]).unwrap()
}

fn bls_keys() -> Vec<bls::SecretKey> {
    (1..=4).map(|seed| bls::SecretKey::generate(&[seed; 32]).unwrap()).collect()
}

/// Networks of different seeds are different ones with the same people.
fn network(seed: u8) -> (NetworkFile, Set) {
    let part = NetworkPart {
        sidechain: Sidechain {
            chain_id: 10,
            registry: Address::repeat_byte(0xa1),
            bulletin: Address::repeat_byte(0xa2),
            block: 1,
        },
        anchor_chain: AnchorChain { chain_id: 20, anchor: Address::repeat_byte(0xb1), block: 1 },
        random: B256::repeat_byte(seed),
        parameters: Parameters {
            checkpoint_interval: 1,
            heartbeat: 10,
            challenge_period: 600,
            query_deadline: 600,
            ring_size: 64,
            writers: vec![],
        },
        code_hashes: CodeHashes { registry: B256::ZERO, bulletin: B256::ZERO, anchor: B256::ZERO },
    };
    let members = bls_keys().into_iter().zip(1..).map(|(key, seed)| Member {
        address: Address::repeat_byte(seed),
        weight: 1,
        key: key.public_key(),
    });
    let set = Set::new(part.network().id(), 1, NOW + 86_400, members.collect()).unwrap();
    let trust = Trust { era: 0, set_number: 1, set_hash: set.hash(), checkpoint: None };
    (NetworkFile::new(part, trust), set)
}

impl Fake {
    pub(crate) fn new(seed: u8) -> Self {
        let (network, set) = network(seed);
        let config = LedgerConfig {
            network_id: network.network_id,
            registry: network.network.sidechain.registry,
            writers: vec![],
            parent: GenesisParent::default(),
        };
        let (ledger, genesis) = Ledger::new(config, NOW - 60);
        let mut fake = Self {
            domain: network.domain(),
            network,
            set,
            node: secret(0x77),
            ledger,
            tree: Tree::new(),
            edge: TileEdge::new(),
            tiles: BTreeMap::new(),
            entries: Vec::new(),
            by_id: BTreeMap::new(),
            checkpoints: Vec::new(),
            promises: BTreeMap::new(),
            offers: BTreeMap::new(),
        };
        fake.push(genesis, Bytes::new(), None);
        fake
    }

    /// Answers on a free port.
    pub(crate) async fn serve(self) -> (Arc<Mutex<Self>>, Server) {
        let fake = Arc::new(Mutex::new(self));
        let answering = Arc::clone(&fake);
        let server = Server::start(move |asked| {
            let reply = answering.lock().unwrap().answer(&asked);
            Box::pin(async move { reply })
        })
        .await;
        (fake, server)
    }

    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    fn push(&mut self, record: Record, evidence: Bytes, announcement: Option<Announcement>) {
        let leaf = leaf_hash(&record.encode());
        self.tree.push(leaf).unwrap();
        self.edge.push(leaf).unwrap();
        self.tiles.extend(self.edge.drain_full());
        let id = message_id(&record, &self.domain);
        self.by_id.extend(id.map(|id| (id, record.index)));
        self.entries.push(Entry { record, evidence, announcement, id });
    }

    fn apply(&mut self, message: &Message) -> Result<u64, Refusal> {
        let applied = self.ledger.apply(message, NOW).map_err(|error| match error {
            ApplyError::Refused(refusal) => refusal,
            other => panic!("{other}"),
        })?;
        let (signatures, barred) = match message {
            Message::Announce { signatures, .. }
            | Message::Request { signatures, .. }
            | Message::Release { signatures, .. } => (signatures, None),
            Message::Withdraw { signatures, announcement, .. } => {
                let barred = matches!(&applied.record.body,
                    Body::Withdrawal(body) if body.resource_index == 0);
                (signatures, barred.then_some(*announcement))
            }
            other => panic!("{other:?}"),
        };
        let evidence = Evidence::from_signatures(signatures).unwrap().encode().into();
        let index = applied.record.index;
        self.push(applied.record, evidence, barred);
        Ok(index)
    }

    /// A resource of an hour's slots.
    pub(crate) fn announcement(&self, provider: u8, offer: B256) -> AnnouncementFile {
        let key = secret(provider);
        let announcement = Announcement {
            provider: key.address(),
            approver: Address::ZERO,
            volume: 1_000,
            start_time: NOW,
            end_time: NOW + 24 * SLOT,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: NOW,
            offer,
        };
        let signature = key.sign(announcement.id(&self.domain).0);
        let network_id = self.network.network_id;
        AnnouncementFile { version: 1, network_id, announcement, signature }
    }

    /// One unit of the resource for its second slot.
    pub(crate) fn request(
        &self,
        requester: u8,
        on: &Announcement,
        (volume, sequence): (u16, u64),
    ) -> RequestFile {
        let key = secret(requester);
        let request = Request {
            resource_id: on.id(&self.domain),
            requester: key.address(),
            volume,
            start_time: NOW + SLOT,
            end_time: NOW + 2 * SLOT,
            timestamp: NOW,
            sequence,
        };
        let signature = key.sign(request.id(&self.domain).0);
        let network_id = self.network.network_id;
        RequestFile { version: 1, network_id, request, signature, approval: None }
    }

    pub(crate) fn record_announcement(&mut self, file: &AnnouncementFile) -> Result<u64, Refusal> {
        let signatures = file.signature.0.into();
        self.apply(&Message::Announce { announcement: file.announcement, signatures })
    }

    pub(crate) fn record_request(&mut self, file: &RequestFile) -> Result<u64, Refusal> {
        self.apply(&Message::Request { request: file.request, signatures: file.signature.0.into() })
    }

    pub(crate) fn record_release(&mut self, file: &ReleaseFile) -> Result<u64, Refusal> {
        let index = self.by_id[&file.release.request_id.0];
        let size = self.tree.size();
        let mut path = self.tree.prove_inclusion(index, size).unwrap();
        path.truncate((index ^ size).ilog2() as usize);
        self.apply(&Message::Release {
            release: file.release,
            signatures: file.signature.0.into(),
            record: self.entries[index as usize].record.encode().into(),
            path,
        })
    }

    pub(crate) fn record_withdrawal(
        &mut self,
        file: &WithdrawalFile,
        announcement: Announcement,
    ) -> Result<u64, Refusal> {
        let signatures = file.signature.0.into();
        self.apply(&Message::Withdraw { withdrawal: file.withdrawal, announcement, signatures })
    }

    pub(crate) fn release(&self, requester: u8, request: &Request) -> ReleaseFile {
        let request_id = request.id(&self.domain);
        let release = Release { request_id, from_time: request.start_time, timestamp: NOW };
        let signature = secret(requester).sign(release.id(&self.domain));
        ReleaseFile { version: 1, network_id: self.network.network_id, release, signature }
    }

    pub(crate) fn withdrawal(&self, provider: u8, of: &Announcement) -> WithdrawalFile {
        let withdrawal = Withdrawal { resource_id: of.id(&self.domain), timestamp: NOW };
        let signature = secret(provider).sign(withdrawal.id(&self.domain));
        WithdrawalFile { version: 1, network_id: self.network.network_id, withdrawal, signature }
    }

    pub(crate) fn put_offer(&mut self, document: &[u8]) -> B256 {
        self.offers.insert(keccak256(document), document.to_vec());
        keccak256(document)
    }

    /// Has the log as it is certified by three of four, in this block.
    pub(crate) fn certify(&mut self, block: u64) {
        let checkpoint = Checkpoint {
            network_id: self.network.network_id,
            era: 0,
            set_number: 1,
            block_number: block,
            block_hash: keccak256(block.to_be_bytes()),
            block_time: NOW - 1_000 + block,
            size: self.tree.size(),
            root: self.tree.root(),
            next_set: SetHash::ZERO,
        };
        let digest = checkpoint.digest();
        let shares = bls_keys().into_iter().take(3).map(|key| key.sign(digest)).enumerate();
        let certificate = Certificate::aggregate(&self.set, &shares.collect()).unwrap();
        self.tiles.extend(self.edge.partials());
        self.checkpoints.push(CheckpointAnswer {
            checkpoint,
            certificate: Some(certificate.encode().into()),
            anchor: None,
        });
    }
}
