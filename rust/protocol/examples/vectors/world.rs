//! The fixed network, keys and messages that all vectors share.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use fallow_protocol::{
    Announcement, Domain, Member, Network, Parameters, Request, SecretKey, Set, Writer, bls,
};

/// First slot of the example resource: 2027-01-15 08:00 UTC.
pub(crate) const START: u64 = 1_800_000_000;
/// One hour.
pub(crate) const SLOT: u64 = 3_600;
/// Last second of the example set.
pub(crate) const NOT_AFTER: u64 = START + 30 * 86_400;

pub(crate) fn provider() -> SecretKey {
    SecretKey::from_bytes([1; 32]).unwrap()
}

pub(crate) fn requester() -> SecretKey {
    SecretKey::from_bytes([2; 32]).unwrap()
}

pub(crate) fn stranger() -> SecretKey {
    SecretKey::from_bytes([3; 32]).unwrap()
}

pub(crate) fn approver() -> SecretKey {
    SecretKey::from_bytes([4; 32]).unwrap()
}

pub(crate) fn random() -> B256 {
    keccak256("fallow example network")
}

pub(crate) fn parameters() -> Parameters {
    Parameters {
        checkpoint_interval: 4,
        heartbeat: 64,
        challenge_period: 86_400,
        query_deadline: 43_200,
        ring_size: 1_440,
        writers: vec![Writer { kind: 16, writer: Address::repeat_byte(0x16) }],
    }
}

pub(crate) fn network() -> Network {
    Network {
        sidechain_id: 0xfa11,
        registry: Address::repeat_byte(0x52),
        anchor_chain_id: 1,
        anchor: Address::repeat_byte(0xa0),
        salt: parameters().salt(random()),
    }
}

pub(crate) fn domain() -> Domain {
    let network = network();
    Domain::new(network.registry, network.id())
}

/// A network that differs in its random bytes only: same contract addresses, other id.
pub(crate) fn other_domain() -> Domain {
    let network = Network { salt: parameters().salt(B256::ZERO), ..network() };
    Domain::new(network.registry, network.id())
}

pub(crate) fn offer_document() -> Bytes {
    Bytes::from_static(br#"{"version":1,"unit":{"cpu":2,"memoryMib":4096}}"#)
}

/// Eight units a slot, ten days of one-hour slots, an hour's notice.
pub(crate) fn announcement() -> Announcement {
    Announcement {
        provider: provider().address(),
        approver: Address::ZERO,
        volume: 8,
        start_time: START,
        end_time: START + 240 * SLOT,
        slot_seconds: 3_600,
        notice_seconds: 3_600,
        timestamp: START - 1_000,
        offer: keccak256(offer_document()),
    }
}

/// Four units from slot 10 to slot 13: across the first word boundary.
pub(crate) fn request() -> Request {
    Request {
        resource_id: announcement().id(&domain()),
        requester: requester().address(),
        volume: 4,
        start_time: START + 10 * SLOT,
        end_time: START + 14 * SLOT,
        timestamp: START - 500,
        sequence: 1,
    }
}

pub(crate) fn bls_key(seed: u8) -> bls::SecretKey {
    bls::SecretKey::generate(&[seed; 32]).unwrap()
}

/// Four validators of equal weight, ascending by address; member i has key seed `i + 1`.
pub(crate) fn members() -> Vec<Member> {
    let member = |seed: u8| Member {
        address: Address::repeat_byte(0x10 * seed),
        weight: 1,
        key: bls_key(seed).public_key(),
    };
    (1..=4).map(member).collect()
}

pub(crate) fn set() -> Set {
    Set::new(network().id(), 1, NOT_AFTER, members()).unwrap()
}

pub(crate) fn possession(member: Address) -> bls::Possession {
    bls::Possession { network_id: network().id(), anchor: network().anchor, member }
}

/// The bytes as lower-case hex.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    Bytes::copy_from_slice(bytes.as_ref()).to_string()
}
