//! A provider, requesters, and a ledger to try them on. For the tests and benches of this crate.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test and bench includes this and uses another part"
)]

use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
use fallow_protocol::{
    Announcement, Body, Domain, NetworkId, Record, Request, ResourceId, SecretKey, Writer,
};

/// The registry of the usual network.
pub const REGISTRY: Address = Address::repeat_byte(0xaa);
/// The usual network.
pub const NETWORK: NetworkId = NetworkId::repeat_byte(0xbb);
/// Block time of the genesis record, unix seconds.
pub const GENESIS: u64 = 900_000;
/// Block time of everything else unless a test says otherwise.
pub const NOW: u64 = 1_000_000;
/// Length of a slot of the usual resource, seconds.
pub const SLOT: u64 = 600;
/// Start of the usual resource, a bit before now.
pub const START: u64 = NOW - 2 * SLOT;
/// Slots of the usual resource.
pub const SLOTS: u64 = 1_000;
/// Who writes records of kind 16.
pub const WRITER: Address = Address::repeat_byte(0xcc);

/// Account number `seed`.
pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32]).unwrap()
}

/// The provider's account.
pub fn provider() -> SecretKey {
    key(1)
}

/// The requester's account.
pub fn requester() -> SecretKey {
    key(2)
}

/// The usual network's domain.
pub fn domain() -> Domain {
    Domain::new(REGISTRY, NETWORK)
}

/// The usual ledger, with nothing but its genesis record.
pub fn empty() -> Ledger {
    let config = LedgerConfig {
        network_id: NETWORK,
        registry: REGISTRY,
        writers: vec![Writer { kind: 16, writer: WRITER }],
        parent: GenesisParent::default(),
    };
    Ledger::new(config, GENESIS).0
}

/// The usual ledger with the usual resource at index 1.
pub fn ledger() -> Ledger {
    let mut ledger = empty();
    ledger.apply(&announce(announcement()), NOW).unwrap();
    ledger
}

/// The usual offer: 10 units.
pub fn announcement() -> Announcement {
    Announcement {
        provider: provider().address(),
        approver: Address::ZERO,
        volume: 10,
        start_time: START,
        end_time: START + SLOTS * SLOT,
        slot_seconds: u32::try_from(SLOT).unwrap(),
        notice_seconds: 60,
        timestamp: 5,
        offer: B256::repeat_byte(0x0f),
    }
}

/// Id of the usual resource.
pub fn resource_id() -> ResourceId {
    announcement().id(&domain())
}

/// A request for slots `first..first + count` of the usual resource.
pub fn request_for(first: u64, count: u64, volume: u16, sequence: u64) -> Request {
    Request {
        resource_id: resource_id(),
        requester: requester().address(),
        volume,
        start_time: START + first * SLOT,
        end_time: START + (first + count) * SLOT,
        timestamp: NOW,
        sequence,
    }
}

/// One unit of slot 12, sequence 1.
pub fn request() -> Request {
    request_for(12, 1, 1, 1)
}

/// An announcement, signed by the usual provider.
pub fn announce(announcement: Announcement) -> Message {
    announce_by(announcement, &provider())
}

/// An announcement, signed by somebody.
pub fn announce_by(announcement: Announcement, signer: &SecretKey) -> Message {
    Message::Announce { announcement, signatures: signed(signer, announcement.id(&domain()).0) }
}

/// A request, signed by the usual requester.
pub fn claim(request: Request) -> Message {
    claim_by(request, &requester())
}

/// A request, signed by somebody.
pub fn claim_by(request: Request, signer: &SecretKey) -> Message {
    Message::Request { request, signatures: signed(signer, request.id(&domain()).0) }
}

/// One signature, 64 bytes.
pub fn signed(signer: &SecretKey, digest: B256) -> Bytes {
    Bytes::copy_from_slice(signer.sign(digest).0.as_slice())
}

/// The record of an item that is accepted and brings nothing else.
pub fn recorded(ledger: &mut Ledger, message: &Message, now: u64) -> Record {
    let applied = ledger.apply(message, now).unwrap();
    assert_eq!(applied.announced, None);
    applied.record
}

/// The body of an allocation's record.
pub fn allocation(record: &Record) -> &fallow_protocol::AllocationBody {
    match &record.body {
        Body::Allocation(body) => body,
        other => panic!("not an allocation: {other:?}"),
    }
}
