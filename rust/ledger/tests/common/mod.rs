//! A provider, requesters, and a ledger to try them on. For the tests and benches of this crate.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test and bench includes this and uses another part"
)]

use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::{Applied, ApplyError, GenesisParent, Ledger, LedgerConfig, Message};
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::{
    AllocationBody, Announcement, Body, Code, Domain, Entry, Evidence, NetworkId, Record, Refusal,
    Release, Request, RequestId, ResourceId, SecretKey, Withdrawal, Writer,
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

/// The approver's account, of the resources that have one.
pub fn approver() -> SecretKey {
    key(3)
}

/// What the usual ledger starts from.
pub fn config() -> LedgerConfig {
    LedgerConfig {
        network_id: NETWORK,
        registry: REGISTRY,
        writers: vec![Writer { kind: 16, writer: WRITER }],
        parent: GenesisParent::default(),
    }
}

/// The usual ledger, with nothing but its genesis record.
pub fn empty() -> Ledger {
    Ledger::new(config(), GENESIS).0
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

/// A request that brings its announcement, signed by the usual two.
pub fn lazily(announcement: Announcement, request: Request) -> Message {
    let announced = signed(&provider(), announcement.id(&domain()).0);
    let requested = signed(&requester(), request.id(&domain()).0);
    let signatures = [announced, requested].concat().into();
    Message::AnnounceAndRequest { announcement, request, signatures }
}

/// A withdrawal of what was announced, signed by the usual provider.
pub fn withdraw(announcement: Announcement) -> Message {
    let resource_id = announcement.id(&domain());
    let withdrawal = Withdrawal { resource_id, timestamp: NOW };
    let signatures = signed(&provider(), withdrawal.id(&domain()));
    Message::Withdraw { withdrawal, announcement, signatures }
}

/// The refusal of an item; and a refused item changes nothing.
pub fn refused(ledger: &Ledger, message: &Message, now: u64) -> Refusal {
    let mut after = ledger.clone();
    let error = after.apply(message, now).unwrap_err();
    assert_eq!(&after, ledger, "a refused item changed the ledger");
    assert_eq!(after.commitment(), ledger.commitment());
    *error.refusal().unwrap()
}

/// The code alone.
pub fn refused_code(ledger: &Ledger, message: &Message, now: u64) -> Code {
    refused(ledger, message, now).code
}

/// A ledger with the log of its records, which is what makes the paths of releases.
#[derive(Clone, Debug)]
pub struct World {
    pub ledger: Ledger,
    pub tree: Tree,
    pub records: Vec<Vec<u8>>,
}

impl World {
    /// Nothing but the genesis record.
    pub fn empty() -> Self {
        let (ledger, genesis) = Ledger::new(config(), GENESIS);
        let mut world = Self { ledger, tree: Tree::new(), records: Vec::new() };
        world.keep(&genesis);
        world
    }

    /// The usual resource at index 1.
    pub fn new() -> Self {
        let mut world = Self::empty();
        world.accept(&announce(announcement()));
        world
    }

    /// Keeps the records of what was applied last.
    pub fn note<'a>(&mut self, all: impl IntoIterator<Item = &'a Applied>) {
        for applied in all {
            applied.announced.iter().chain([&applied.record]).for_each(|record| self.keep(record));
        }
        assert_eq!((self.tree.size(), self.tree.root()), (self.ledger.size(), self.ledger.root()));
    }

    fn keep(&mut self, record: &Record) {
        let bytes = record.encode();
        assert_eq!(self.tree.push(leaf_hash(&bytes)), Ok(record.index));
        self.records.push(bytes);
    }

    pub fn apply(&mut self, message: &Message, now: u64) -> Result<Applied, ApplyError> {
        let applied = self.ledger.apply(message, now)?;
        self.note([&applied]);
        Ok(applied)
    }

    /// Applies what must be accepted now; answers the index of its record.
    pub fn accept(&mut self, message: &Message) -> u64 {
        self.apply(message, NOW).unwrap().record.index
    }

    /// The path of a record to its peak: the first nodes of its inclusion path.
    pub fn path(&self, index: u64) -> Vec<B256> {
        let size = self.tree.size();
        let mut path = self.tree.prove_inclusion(index, size).unwrap();
        path.truncate((index ^ size).ilog2() as usize);
        path
    }

    /// The allocation recorded at `index`.
    pub fn allocation(&self, index: u64) -> AllocationBody {
        let record = Record::decode(&self.records[index as usize]).unwrap();
        allocation(&record).clone()
    }

    /// What gives the allocation at `index` back from its slot `from` on.
    pub fn release_of(&self, index: u64, from: u64) -> Release {
        let allocation = self.allocation(index);
        let slots = from * (allocation.end_time - allocation.start_time);
        Release {
            request_id: allocation.request_id(&domain()),
            from_time: allocation.start_time + slots / u64::from(allocation.slot_count),
            timestamp: NOW,
        }
    }

    /// A release of the allocation at `index`, signed by somebody.
    pub fn release_by(&self, release: Release, index: u64, signer: &SecretKey) -> Message {
        Message::Release {
            release,
            signatures: signed(signer, release.id(&domain())),
            record: self.records[index as usize].clone().into(),
            path: self.path(index),
        }
    }

    /// A release of the usual requester's whole allocation at `index`.
    pub fn release(&self, index: u64) -> Message {
        self.release_by(self.release_of(index, 0), index, &requester())
    }
}

/// What a log keeps of a message that was accepted: one entry for each of its records.
pub fn entries_of(message: &Message, applied: &Applied) -> Vec<Entry> {
    let (signatures, announcement) = match message {
        Message::Announce { signatures, .. }
        | Message::Request { signatures, .. }
        | Message::AnnounceAndRequest { signatures, .. }
        | Message::Release { signatures, .. } => (signatures.clone(), None),
        Message::Withdraw { signatures, announcement, .. } => {
            let is_tombstone = matches!(&applied.record.body,
                Body::Withdrawal(body) if body.resource_index == 0);
            (signatures.clone(), is_tombstone.then_some(*announcement))
        }
        Message::Append { .. } => (Bytes::new(), None),
    };
    let evidence = |signatures: &[u8]| Evidence::from_signatures(signatures).unwrap().encode();
    let entry = |record: &Record, signatures: &[u8]| Entry {
        record: record.encode(),
        evidence: record.body.evidence().map(|_| evidence(signatures)).unwrap_or_default(),
        announcement,
    };
    let is_lazy = matches!(message, Message::AnnounceAndRequest { .. });
    let (first, rest) = signatures.split_at(if is_lazy { 64 } else { 0 });
    let announced = applied.announced.iter().map(|record| entry(record, first));
    announced.chain([entry(&applied.record, rest)]).collect()
}

/// No allocation has this id.
pub fn no_request() -> RequestId {
    RequestId::repeat_byte(0xee)
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
