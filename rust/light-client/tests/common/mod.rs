//! A whole network in memory: keys, a validator set, a log, checkpoints and certificates. For the
//! tests, benches and examples of this crate; nothing of it is in the library.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test, bench and example includes this and uses another part"
)]

use alloy_primitives::{Address, B256, Bytes, keccak256};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
use fallow_light_client::{Access, Trust, Verifier};
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::{
    AccessGrant, AnchorChain, Announcement, Body, Certificate, Checkpoint, CodeHashes, Domain,
    Member, NetworkFile, NetworkPart, Parameters, Record, Request, SecretKey, Set, Sidechain,
    Signature, Ticket, bls,
};
use std::collections::BTreeMap;

/// When the set expires, unix seconds.
pub const NOT_AFTER: u64 = 1_000_000;
/// The window that is allocated, unix seconds.
pub const START: u64 = 36_000;
/// End of that window.
pub const END: u64 = 39_600;
/// A moment inside it.
pub const NOW: u64 = 37_000;
/// The nonce that the provider issued.
pub const NONCE: B256 = B256::repeat_byte(0x77);

/// The provider's key.
pub fn provider() -> SecretKey {
    SecretKey::from_bytes([1; 32]).unwrap()
}

/// The requester's key.
pub fn requester() -> SecretKey {
    SecretKey::from_bytes([2; 32]).unwrap()
}

/// Somebody else's key.
pub fn stranger() -> SecretKey {
    SecretKey::from_bytes([3; 32]).unwrap()
}

/// A validator set of a network, with its secret keys in the set's order.
#[derive(Clone, Debug)]
pub struct Network {
    /// What people hand each other.
    pub file: NetworkFile,
    /// The trusted set.
    pub set: Set,
    /// The validators' keys, in the order of the set.
    pub keys: Vec<bls::SecretKey>,
}

/// What a network is built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Distinguishes networks and their keys.
    pub seed: u8,
    /// Era that the network file trusts.
    pub era: u32,
    /// Number of the set.
    pub number: u64,
    /// Weight of each validator.
    pub weights: Vec<u64>,
}

impl Config {
    /// The usual network: era 0, set 1.
    pub fn of(weights: Vec<u64>) -> Self {
        Self { seed: 1, era: 0, number: 1, weights }
    }
}

fn network_part(seed: u8) -> NetworkPart {
    NetworkPart {
        sidechain: Sidechain {
            chain_id: 31_337,
            registry: Address::repeat_byte(0xa1),
            bulletin: Address::repeat_byte(0xa2),
            block: 1,
        },
        anchor_chain: AnchorChain { chain_id: 1, anchor: Address::repeat_byte(0xa3), block: 1 },
        random: B256::repeat_byte(seed),
        parameters: Parameters {
            checkpoint_interval: 1,
            heartbeat: 10,
            challenge_period: 3_600,
            query_deadline: 3_600,
            ring_size: 64,
            writers: vec![],
        },
        code_hashes: CodeHashes { registry: B256::ZERO, bulletin: B256::ZERO, anchor: B256::ZERO },
    }
}

/// The key of validator `position` of the network with this seed.
fn validator_key(seed: u8, position: usize) -> bls::SecretKey {
    let material = [&[seed][..], &position.to_be_bytes()].concat();
    bls::SecretKey::generate(keccak256(material).as_slice()).unwrap()
}

impl Network {
    /// A network of this configuration.
    pub fn new(config: &Config) -> Self {
        let part = network_part(config.seed);
        let id = part.network().id();
        let keys: Vec<_> = (0..config.weights.len())
            .map(|position| validator_key(config.seed, position))
            .collect();
        let members = (1_u16..).zip(&config.weights).zip(&keys);
        let members = members.map(|((position, weight), key)| Member {
            address: Address::left_padding_from(&position.to_be_bytes()),
            weight: *weight,
            key: key.public_key(),
        });
        let set = Set::new(id, config.number, NOT_AFTER, members.collect()).unwrap();
        let trust = fallow_protocol::Trust {
            era: config.era,
            set_number: config.number,
            set_hash: set.hash(),
            checkpoint: None,
        };
        let file = NetworkFile::new(part, trust);
        Self { file, set, keys }
    }

    /// The usual network with so many validators of equal weight.
    pub fn of(validators: usize) -> Self {
        Self::new(&Config::of(vec![1; validators]))
    }

    /// Its domain.
    pub fn domain(&self) -> Domain {
        self.file.domain()
    }

    /// A verifier that trusts it.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(Trust::new(&self.file, self.set.clone()).unwrap())
    }

    /// A checkpoint over a log.
    pub fn checkpoint(&self, size: u64, root: B256) -> Checkpoint {
        Checkpoint {
            network_id: self.file.network_id,
            era: self.file.trust.era,
            set_number: self.set.number(),
            block_number: 5,
            block_hash: B256::repeat_byte(0xb5),
            block_time: START,
            size,
            root,
            next_set: B256::ZERO.into(),
        }
    }

    /// The certificate of the validators at these positions over a digest.
    pub fn certify(&self, digest: B256, signers: impl IntoIterator<Item = usize>) -> Certificate {
        let shares: BTreeMap<_, _> = signers
            .into_iter()
            .map(|position| (position, self.keys[position].sign(digest)))
            .collect();
        Certificate::aggregate(&self.set, &shares).unwrap()
    }

    /// The certificate of all validators.
    pub fn certify_all(&self, checkpoint: &Checkpoint) -> Certificate {
        self.certify(checkpoint.digest(), 0..self.keys.len())
    }

    /// The provider's announcement.
    pub fn announcement(&self) -> Announcement {
        Announcement {
            provider: provider().address(),
            approver: Address::ZERO,
            volume: 4,
            start_time: 0,
            end_time: 86_400,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: 35_000,
            offer: B256::repeat_byte(0x0f),
        }
    }

    /// The request for one hour of it.
    pub fn request(&self) -> Request {
        Request {
            resource_id: self.announcement().id(&self.domain()),
            requester: requester().address(),
            volume: 2,
            start_time: START,
            end_time: END,
            timestamp: 35_900,
            sequence: 1,
        }
    }

    /// The records of a real ledger: genesis, announcement, allocation.
    pub fn records(&self) -> [Record; 3] {
        let domain = self.domain();
        let config = LedgerConfig {
            network_id: domain.network_id,
            registry: domain.registry,
            writers: vec![],
            parent: GenesisParent::default(),
        };
        let (mut ledger, genesis) = Ledger::new(config, 34_000);
        let (announcement, request) = (self.announcement(), self.request());
        let announce = Message::Announce {
            announcement,
            signatures: bytes(&provider().sign(announcement.id(&domain).0)),
        };
        let claim = Message::Request { request, signatures: self.request_signatures() };
        let announced = ledger.apply(&announce, 35_002).unwrap();
        let allocated = ledger.apply(&claim, 35_902).unwrap();
        [genesis, announced.record, allocated.record]
    }

    /// The requester's signature over the request.
    pub fn request_signatures(&self) -> Bytes {
        bytes(&requester().sign(self.request().id(&self.domain()).0))
    }

    /// The ticket of the allocation in a log of `size` records, all of which sign.
    pub fn ticket(&self, size: u64) -> Ticket {
        self.ticket_at(2, size)
    }

    /// The same with the allocation at another index; everything else is filled up.
    pub fn ticket_at(&self, index: u64, size: u64) -> Ticket {
        let [genesis, announced, mut record] = self.records();
        record.index = index;
        let mut tree = Tree::new();
        for position in 0..size {
            let leaf = match position {
                0 => leaf_hash(&genesis.encode()),
                1 => leaf_hash(&announced.encode()),
                _ if position == index => leaf_hash(&record.encode()),
                _ => leaf_hash(&position.to_be_bytes()),
            };
            tree.push(leaf).unwrap();
        }
        let evidence = [&[1], &self.request_signatures()[..]].concat();
        self.ticket_of(record, evidence, &tree)
    }

    /// The ticket of a record of a log.
    pub fn ticket_of(&self, record: Record, evidence: Vec<u8>, tree: &Tree) -> Ticket {
        let checkpoint = self.checkpoint(tree.size(), tree.root());
        Ticket {
            path: tree.prove_inclusion(record.index, tree.size()).unwrap(),
            record,
            evidence,
            checkpoint,
            certificate: self.certify_all(&checkpoint),
        }
    }

    /// The requester's grant for the allocation.
    pub fn grant(&self) -> AccessGrant {
        AccessGrant {
            request_id: self.request().id(&self.domain()),
            provider: provider().address(),
            nonce: NONCE,
            expires_at: NOW + 60,
            session_key: B256::repeat_byte(0x5e),
        }
    }

    /// A grant, signed.
    pub fn pass(&self, grant: AccessGrant, signer: &SecretKey) -> Pass {
        Pass {
            signature: signer.sign(grant.id(&self.domain())),
            grant,
            announcement: self.announcement(),
            nonce: NONCE,
        }
    }

    /// What the requester presents.
    pub fn valid_pass(&self) -> Pass {
        self.pass(self.grant(), &requester())
    }
}

/// An [`Access`] that owns its parts.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// The grant.
    pub grant: AccessGrant,
    /// Its signature.
    pub signature: Signature,
    /// The provider's announcement.
    pub announcement: Announcement,
    /// The nonce that was issued.
    pub nonce: B256,
}

impl Pass {
    /// As the verifier takes it.
    pub const fn access(&self) -> Access<'_> {
        Access {
            grant: &self.grant,
            signature: &self.signature,
            announcement: &self.announcement,
            nonce: self.nonce,
        }
    }
}

/// The allocation of a record.
pub fn allocation_mut(record: &mut Record) -> &mut fallow_protocol::AllocationBody {
    match &mut record.body {
        Body::Allocation(body) => body,
        other => panic!("not an allocation: {other:?}"),
    }
}

fn bytes(signature: &Signature) -> Bytes {
    Bytes::copy_from_slice(signature.0.as_slice())
}
