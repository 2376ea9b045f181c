//! A network that exists nowhere, with a set whose keys are known.

use alloy_primitives::{Address, B256, keccak256};
use fallow_ledger::{GenesisParent, LedgerConfig};
use fallow_protocol::{
    AnchorChain, Certificate, Checkpoint, CodeHashes, Member, NetworkFile, NetworkPart, Parameters,
    Set, SetHash, Sidechain, Trust, Writer, bls,
};
use std::collections::BTreeMap;

/// Block of the registry's deployment.
const FIRST_BLOCK: u64 = 1;
/// Time of that block: 2027-01-15 08:00 UTC.
const START: u64 = 1_800_000_000;
/// Members of the set, of equal weight.
const MEMBERS: u8 = 4;
/// The set is good for a month.
const SET_SECONDS: u64 = 30 * 86_400;

/// The network of a history.
#[derive(Debug)]
pub struct HistoryNetwork {
    file: NetworkFile,
    set: Set,
    members: Vec<bls::SecretKey>,
}

impl HistoryNetwork {
    /// The network that follows from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let network = NetworkPart {
            sidechain: Sidechain {
                chain_id: 64_017,
                registry: Address::repeat_byte(0x52),
                bulletin: Address::repeat_byte(0xb0),
                block: FIRST_BLOCK,
            },
            anchor_chain: AnchorChain {
                chain_id: 1,
                anchor: Address::repeat_byte(0xa0),
                block: 20_000_000,
            },
            random: keccak256(format!("history {seed}")),
            parameters: Parameters {
                checkpoint_interval: 1,
                heartbeat: 64,
                challenge_period: 86_400,
                query_deadline: 43_200,
                ring_size: 1_440,
                writers: vec![Writer {
                    kind: crate::keys::OPEN_KIND,
                    writer: Address::repeat_byte(0x16),
                }],
            },
            code_hashes: CodeHashes {
                registry: keccak256("registry"),
                bulletin: keccak256("bulletin"),
                anchor: keccak256("anchor"),
            },
        };
        let members: Vec<_> = (1..=MEMBERS).map(|number| member_key(seed, number)).collect();
        let set = set(network.network().id(), &members);
        let trust = Trust { era: 0, set_number: 1, set_hash: set.hash(), checkpoint: None };
        Self { file: NetworkFile::new(network, trust), set, members }
    }

    /// The network file.
    #[must_use]
    pub const fn file(&self) -> &NetworkFile {
        &self.file
    }

    /// The set that certifies.
    #[must_use]
    pub const fn set(&self) -> &Set {
        &self.set
    }

    /// Time of the genesis record, unix seconds.
    #[must_use]
    pub const fn start(&self) -> u64 {
        START
    }

    /// Block of the genesis record.
    #[must_use]
    pub const fn first_block(&self) -> u64 {
        FIRST_BLOCK
    }

    /// What a ledger of this network starts from.
    #[must_use]
    pub fn config(&self) -> LedgerConfig {
        LedgerConfig {
            network_id: self.file.network_id,
            registry: self.file.network.sidechain.registry,
            writers: self.file.network.parameters.writers.clone(),
            parent: GenesisParent::default(),
        }
    }

    /// Who appends records of kind 16.
    #[must_use]
    pub fn writer(&self) -> Address {
        self.file.network.parameters.writers.first().map_or(Address::ZERO, |entry| entry.writer)
    }

    /// What the set signs about a block.
    #[must_use]
    pub fn checkpoint(&self, block: u64, time: u64, size: u64, root: B256) -> Checkpoint {
        Checkpoint {
            network_id: self.file.network_id,
            era: 0,
            set_number: 1,
            block_number: block,
            block_hash: keccak256(format!("block {block}")),
            block_time: time,
            size,
            root,
            next_set: SetHash::ZERO,
        }
    }

    /// The quorum's signature: of all members but the last.
    #[must_use]
    pub fn certify(&self, checkpoint: &Checkpoint) -> Certificate {
        let digest = checkpoint.digest();
        let quorum = self.members.iter().take(self.members.len().saturating_sub(1)).enumerate();
        let shares: BTreeMap<_, _> = quorum.map(|(place, key)| (place, key.sign(digest))).collect();
        Certificate::aggregate(&self.set, &shares).expect("the members are those of the set")
    }
}

fn set(network: fallow_protocol::NetworkId, members: &[bls::SecretKey]) -> Set {
    let member = |(number, key): (u8, &bls::SecretKey)| Member {
        address: Address::repeat_byte(number),
        weight: 1,
        key: key.public_key(),
    };
    let members = (1..).zip(members).map(member).collect();
    let not_after = START.saturating_add(SET_SECONDS);
    Set::new(network, 1, not_after, members).expect("few members with keys of their own")
}

fn member_key(seed: u64, number: u8) -> bls::SecretKey {
    let randomness = keccak256(format!("history {seed} member {number}"));
    bls::SecretKey::generate(randomness.as_slice()).expect("32 bytes are enough")
}
