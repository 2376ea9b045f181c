//! The re-execution, fed with events that a registry might emit.

use alloy_primitives::{Address, B256, Bytes};
use fallow_chain::{
    BlockEvents, BlockRef, Class, Disagreement, Event, FollowError, ReleaseFlaw, Released, Replay,
};
use fallow_ledger::{ApplyError, GenesisParent, Ledger, LedgerConfig, Message};
use fallow_log::{leaf_hash, verify_inclusion};
use fallow_protocol::{
    AnchorChain, Announcement, Body, Certificate, Code, CodeHashes, Evidence, Member, NetworkFile,
    NetworkId, NetworkPart, Parameters, Release, Request, ResourceId, SecretKey, Set, SetHash,
    Sidechain, Signature, Trust, Withdrawal, bls,
};

pub(crate) const FIRST: u64 = 10;
const START: u64 = 7_200;

pub(crate) fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32]).unwrap()
}

pub(crate) fn network() -> NetworkFile {
    let parameters = Parameters {
        checkpoint_interval: 4,
        heartbeat: 16,
        challenge_period: 60,
        query_deadline: 60,
        ring_size: 60,
        writers: vec![],
    };
    let registry = Address::repeat_byte(1);
    let bulletin = Address::repeat_byte(2);
    let codes = [1, 2, 3].map(B256::repeat_byte);
    let network = NetworkPart {
        sidechain: Sidechain { chain_id: 5, registry, bulletin, block: FIRST },
        anchor_chain: AnchorChain { chain_id: 1, anchor: Address::repeat_byte(3), block: 0 },
        random: B256::ZERO,
        parameters,
        code_hashes: CodeHashes { registry: codes[0], bulletin: codes[1], anchor: codes[2] },
    };
    let trust = Trust { era: 0, set_number: 1, set_hash: SetHash::ZERO, checkpoint: None };
    NetworkFile::new(network, trust)
}

pub(crate) fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: B256::from(alloy_primitives::U256::from(number)),
        parent: B256::from(alloy_primitives::U256::from(number - 1)),
        time: START + number,
    }
}

fn started(network_id: NetworkId) -> Event {
    Event::Started { network_id, parent: GenesisParent::default() }
}

fn announcement() -> Announcement {
    Announcement {
        provider: key(1).address(),
        approver: Address::ZERO,
        volume: 2,
        start_time: START,
        end_time: START + 36_000,
        slot_seconds: 3_600,
        notice_seconds: 0,
        timestamp: START,
        offer: B256::ZERO,
    }
}

pub(crate) fn announce() -> Message {
    let signature = key(1).sign(announcement().id(&network().domain()).0);
    Message::Announce { announcement: announcement(), signatures: signature.0.to_vec().into() }
}

fn request(sequence: u64) -> Request {
    Request {
        resource_id: announcement().id(&network().domain()),
        requester: key(2).address(),
        volume: 1,
        start_time: START + 3_600,
        end_time: START + 7_200,
        timestamp: START,
        sequence,
    }
}

pub(crate) fn ask(sequence: u64) -> Message {
    let request = request(sequence);
    let signature = key(2).sign(request.id(&network().domain()).0);
    Message::Request { request, signatures: signature.0.to_vec().into() }
}

pub(crate) fn withdraw() -> Message {
    let resource_id = announcement().id(&network().domain());
    let withdrawal = Withdrawal { resource_id, timestamp: 1 };
    let signatures = key(1).sign(withdrawal.id(&network().domain())).0.into();
    Message::Withdraw { withdrawal, announcement: announcement(), signatures }
}

pub(crate) fn recorded(index: u64, message: Message) -> Event {
    Event::Recorded { index, message }
}

/// An honest registry: what it emits, and the size and root that it then has.
pub(crate) struct Honest {
    pub(crate) ledger: Ledger,
    number: u64,
}

impl Honest {
    pub(crate) fn start() -> (Self, BlockEvents) {
        let config = LedgerConfig {
            network_id: network().network_id,
            registry: network().network.sidechain.registry,
            writers: vec![],
            parent: GenesisParent::default(),
        };
        let (ledger, _) = Ledger::new(config, block(FIRST).time);
        let honest = Self { ledger, number: FIRST };
        let first = honest.with_claim(vec![started(network().network_id)]);
        (honest, first)
    }

    fn with_claim(&self, events: Vec<Event>) -> BlockEvents {
        let claim = Some((self.ledger.size(), self.ledger.root()));
        BlockEvents { block: block(self.number), events, claim }
    }

    pub(crate) fn next(&mut self, messages: &[Message]) -> BlockEvents {
        self.number += 1;
        let mut events = Vec::new();
        for message in messages {
            let applied = self.ledger.apply(message, block(self.number).time).unwrap();
            let first = applied.announced.unwrap_or(applied.record);
            events.push(recorded(first.index, message.clone()));
        }
        self.with_claim(events)
    }
}

/// Applies `events` in the block after an honest start.
fn disagreement(events: Vec<Event>) -> Disagreement {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[announce(), ask(1)])).unwrap();
    let next = BlockEvents { block: block(FIRST + 2), events, claim: None };
    replay.apply(&next).unwrap_err().into()
}

#[test]
fn an_honest_registry_is_followed_to_its_checkpoints() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    assert_eq!(replay.next_block(), FIRST);
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[announce(), ask(1)])).unwrap();
    for _ in FIRST + 2..=36 {
        replay.apply(&honest.next(&[])).unwrap();
    }
    assert_eq!((replay.size(), replay.root()), (3, honest.ledger.root()));
    // 12 is the first block of the interval, 16 and 32 are heartbeats, at 20 nothing happened.
    let blocks = replay.checkpoints_after(0, 9).into_iter().map(|entry| entry.block_number);
    assert_eq!(blocks.collect::<Vec<_>>(), [12, 16, 32]);
    let blocks = replay.checkpoints_after(12, 1).into_iter().map(|entry| entry.block_number);
    assert_eq!(blocks.collect::<Vec<_>>(), [32]);
    let checkpoint = replay.checkpoint(16).unwrap();
    assert_eq!(checkpoint.block_hash, block(16).hash);
    assert_eq!((checkpoint.size, checkpoint.root), (3, honest.ledger.root()));
    assert_eq!(replay.checkpoint(20), None);
    assert_eq!(replay.latest_checkpoint(), replay.checkpoint(32));
}

#[test]
fn a_checkpoint_keeps_the_size_of_its_block() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[announce()])).unwrap();
    replay.apply(&honest.next(&[ask(1)])).unwrap();
    let at_twelve = (honest.ledger.size(), honest.ledger.root());
    replay.apply(&honest.next(&[ask(2)])).unwrap();
    for _ in 0..3 {
        replay.apply(&honest.next(&[])).unwrap();
    }
    let checkpoint = replay.checkpoint(12).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), at_twelve);
    assert_eq!(replay.checkpoint(16).unwrap().size, 4);
}

#[test]
fn a_ticket_holds_record_evidence_and_path() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    let request = ask(1);
    replay.apply(&honest.next(&[announce(), request.clone()])).unwrap();
    replay.apply(&honest.next(&[])).unwrap();
    let Message::Request { request, signatures } = request else { unreachable!() };
    let index = replay.index_of(request.id(&network().domain()).0).unwrap();
    let checkpoint = replay.latest_checkpoint().unwrap();
    let certificate = certificate(&checkpoint);
    let ticket = replay.ticket(index, &checkpoint, certificate.clone()).unwrap();
    let record = &ticket.record;
    assert_eq!(ticket.evidence, Evidence::from_signatures(&signatures).unwrap().encode());
    assert!(matches!(&record.body, Body::Allocation(body) if body.requester == request.requester));
    let leaf = leaf_hash(&record.encode());
    verify_inclusion(leaf, index, checkpoint.size, &ticket.path, checkpoint.root).unwrap();
    let mut other = checkpoint;
    other.root = B256::ZERO;
    assert!(replay.ticket(index, &other, certificate.clone()).is_err(), "not of this log");
    assert!(replay.ticket(3, &checkpoint, certificate).is_err(), "not under the checkpoint");
}

fn certificate(checkpoint: &fallow_protocol::Checkpoint) -> Certificate {
    let secret = bls::SecretKey::generate(&[5; 32]).unwrap();
    let member = Member { address: Address::repeat_byte(9), weight: 1, key: secret.public_key() };
    let set = Set::new(checkpoint.network_id, 1, u64::MAX, vec![member]).unwrap();
    let share = (0, secret.sign(checkpoint.digest()));
    Certificate::aggregate(&set, &[share].into()).unwrap()
}

#[test]
fn what_a_rule_refuses_is_a_disagreement_that_names_the_rule() {
    let got = disagreement(vec![recorded(3, ask(1))]);
    assert_eq!((got.code(), got.block()), (Some(Code::SequenceAlreadyUsed), FIRST + 2));
    assert!(matches!(got, Disagreement::Refused { index: 3, .. }), "{got}");
    assert_eq!(FollowError::from(got).class(), Class::Fatal);
    let writer = Address::repeat_byte(8);
    let append = Message::Append { kind: 16, writer, body: Bytes::new() };
    let got = disagreement(vec![recorded(3, append)]);
    let error = ApplyError::WriterInvalid { kind: 16, got: writer, want: None };
    assert_eq!(got, Disagreement::Refused { block: FIRST + 2, index: 3, error });
}

#[test]
fn records_out_of_place_are_disagreements() {
    let block = FIRST + 2;
    for index in [0, 2, 4, u64::MAX] {
        let want = Disagreement::Index { block, got: index, want: 3 };
        assert_eq!(disagreement(vec![recorded(index, ask(2))]), want);
    }
}

#[test]
fn a_registry_starts_once_with_its_first_event() {
    let start = Disagreement::Start { block: FIRST + 2 };
    assert_eq!(disagreement(vec![started(network().network_id)]), start);
    let start = Disagreement::Start { block: FIRST };
    for events in [vec![], vec![Event::Refused], vec![recorded(0, announce())]] {
        let first = BlockEvents { block: block(FIRST), events, claim: None };
        assert_eq!(Replay::new(&network()).apply(&first), Err(start.clone().into()));
    }
    let got = NetworkId::repeat_byte(7);
    let first = BlockEvents { block: block(FIRST), events: vec![started(got)], claim: None };
    let want = network().network_id;
    let other = Disagreement::Network { block: FIRST, got, want };
    assert_eq!(Replay::new(&network()).apply(&first), Err(other.into()));
}

#[test]
fn an_unknown_event_is_a_disagreement_and_a_refused_item_is_none() {
    let unknown = Disagreement::Event { block: FIRST + 2, position: 5 };
    assert_eq!(disagreement(vec![Event::Refused, Event::Unknown { position: 5 }]), unknown);
}

#[test]
fn another_size_or_root_of_the_contract_is_a_disagreement() {
    let (mut honest, first) = Honest::start();
    let mut next = honest.next(&[announce()]);
    let (size, root) = next.claim.unwrap();
    let block = FIRST + 1;
    let claims = [
        ((size + 1, root), Disagreement::Size { block, got: size + 1, want: size }),
        ((size, B256::ZERO), Disagreement::Root { block, got: B256::ZERO, want: root }),
    ];
    for (claim, want) in claims {
        let mut replay = Replay::new(&network());
        replay.apply(&first).unwrap();
        next.claim = Some(claim);
        assert_eq!(replay.apply(&next), Err(want.into()));
    }
}

#[test]
fn a_block_that_was_not_compared_is_no_checkpoint_block() {
    let (mut honest, first) = Honest::start();
    let (mut compared, mut not) = (Replay::new(&network()), Replay::new(&network()));
    for replay in [&mut compared, &mut not] {
        replay.apply(&first).unwrap();
    }
    for _ in 0..64 {
        let next = honest.next(&[]);
        compared.apply(&next).unwrap();
        not.apply(&BlockEvents { claim: None, ..next }).unwrap();
    }
    let heartbeats = compared.checkpoints_after(FIRST, usize::MAX);
    assert!(heartbeats.len() >= 2, "{heartbeats:?}");
    assert_eq!(not.checkpoints_after(FIRST, usize::MAX), []);
}

/// The release of the request of sequence 1, recorded at 2.
fn release(from_time: u64) -> Release {
    let request_id = request(1).id(&network().domain());
    Release { request_id, from_time, timestamp: START }
}

fn released(index: u64, allocation: u64, release: &Release) -> Released {
    let signature = key(2).sign(release.id(&network().domain()));
    let Release { from_time, timestamp, .. } = *release;
    Released { index, allocation, resource_id: None, from_time, timestamp, signature }
}

/// The record that the ledger makes of a release, whose path is that of `replay`'s log.
fn release_on(honest: &mut Honest, replay: &Replay, release: Release) -> BlockEvents {
    let height = (2 ^ replay.size()).ilog2() as usize;
    let message = Message::Release {
        release,
        signatures: released(3, 2, &release).signature.0.into(),
        record: replay.record(2).unwrap().entry.record.clone().into(),
        path: replay.tree().prove_inclusion(2, replay.size()).unwrap()[..height].to_vec(),
    };
    let mut next = honest.next(&[message]);
    let index = replay.size();
    next.events = vec![Event::Released(released(index, 2, &release))];
    next
}

#[test]
fn a_release_is_re_executed_from_the_log() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[announce(), ask(1), ask(2)])).unwrap();
    let release = release(START + 3_600);
    let next = release_on(&mut honest, &replay, release);
    replay.apply(&next).unwrap();
    assert_eq!((replay.size(), replay.root()), (5, honest.ledger.root()));
    let id = release.id(&network().domain());
    assert_eq!(replay.index_of(id), Some(4));
    let entry = replay.record(4).unwrap();
    let signature: Signature = key(2).sign(id);
    assert_eq!(entry.entry.evidence[..], Evidence::of(signature).encode()[..]);
    // What was freed is free: without it the third would be one too many.
    replay.apply(&honest.next(&[ask(3)])).unwrap();
    for _ in FIRST + 4..=16 {
        replay.apply(&honest.next(&[])).unwrap();
    }
    let checkpoint = replay.latest_checkpoint().unwrap();
    assert_eq!(checkpoint.size, 6);
    let ticket = replay.ticket(4, &checkpoint, certificate(&checkpoint)).unwrap();
    assert!(matches!(&ticket.record.body, Body::Release(body) if body.request_index == 2));
    let leaf = leaf_hash(&ticket.record.encode());
    verify_inclusion(leaf, 4, 6, &ticket.path, checkpoint.root).unwrap();
}

#[test]
fn a_release_that_no_ledger_records_is_a_disagreement() {
    let good = released(3, 2, &release(START + 3_600));
    let of = |released| disagreement(vec![Event::Released(released)]);
    for allocation in [3, u64::MAX] {
        let (block, flaw) = (FIRST + 2, ReleaseFlaw::Missing);
        let want = Disagreement::Release { block, index: 3, allocation, flaw };
        assert_eq!(of(Released { allocation, ..good }), want);
    }
    // Genesis and announcement are no allocations.
    for allocation in [0, 1] {
        let got = of(Released { allocation, ..good });
        assert_eq!(got.code(), Some(Code::RecordLengthInvalid), "{got}");
    }
    let other = Signature::from([1; 64]);
    let got = of(Released { signature: other, ..good });
    assert_eq!(got.code(), Some(Code::RequesterSignatureInvalid), "{got}");
    let late = released(3, 2, &release(START + 7_200));
    assert_eq!(of(late).code(), Some(Code::ReleaseOutsideAllocation));
    let got = of(Released { index: 4, ..good });
    assert_eq!(got, Disagreement::Index { block: FIRST + 2, got: 4, want: 3 });
}

#[test]
fn an_allocation_released_twice_is_a_disagreement() {
    let release = release(START + 3_600);
    let twice = [3, 4].map(|index| Event::Released(released(index, 2, &release)));
    let got = disagreement(twice.to_vec());
    assert_eq!(got.code(), Some(Code::AllocationAlreadyReleased), "{got}");
}

#[test]
fn a_release_that_names_another_resource_is_a_disagreement() {
    let good = released(3, 2, &release(START + 3_600));
    let named = |resource_id| {
        let (mut honest, first) = Honest::start();
        let mut replay = Replay::new(&network());
        replay.apply(&first).unwrap();
        replay.apply(&honest.next(&[announce(), ask(1)])).unwrap();
        let events = vec![Event::Released(Released { resource_id: Some(resource_id), ..good })];
        replay.apply(&BlockEvents { block: block(FIRST + 2), events, claim: None })
    };
    assert_eq!(named(announcement().id(&network().domain())), Ok(()));
    let (block, flaw) = (FIRST + 2, ReleaseFlaw::Resource);
    let want = Disagreement::Release { block, index: 3, allocation: 2, flaw };
    assert_eq!(named(ResourceId::ZERO), Err(want.into()));
}

#[test]
fn a_withdrawn_resource_takes_no_request_and_a_tombstone_no_announcement() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[announce(), withdraw()])).unwrap();
    assert_eq!(replay.root(), honest.ledger.root());
    let Message::Withdraw { withdrawal, .. } = withdraw() else { unreachable!() };
    let id = withdrawal.id(&network().domain());
    assert_eq!(replay.index_of(id), Some(2));
    assert_eq!(
        replay.record(2).unwrap().entry.evidence[..],
        Evidence::of(key(1).sign(id)).encode()[..]
    );
    let next = |events| BlockEvents { block: block(FIRST + 2), events, claim: None };
    let refused = replay.apply(&next(vec![recorded(3, ask(1))])).unwrap_err();
    let refused = Disagreement::from(refused);
    assert_eq!(refused.code(), Some(Code::ResourceWithdrawn), "{refused}");

    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[withdraw()])).unwrap();
    assert_eq!(replay.root(), honest.ledger.root());
    let refused = replay.apply(&next(vec![recorded(2, announce())])).unwrap_err();
    let refused = Disagreement::from(refused);
    assert_eq!(refused.code(), Some(Code::ResourceWithdrawn), "{refused}");
}

#[test]
fn a_request_that_brings_its_announcement_is_two_records() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    let (announced, asked) = (announce(), ask(1));
    let Message::Announce { announcement, signatures: offered } = announced else { unreachable!() };
    let Message::Request { request, signatures: signed } = asked else { unreachable!() };
    let signatures = [&offered[..], &signed[..]].concat().into();
    let message = Message::AnnounceAndRequest { announcement, request, signatures };
    replay.apply(&honest.next(&[message])).unwrap();
    assert_eq!((replay.size(), replay.root()), (3, honest.ledger.root()));
    let domain = network().domain();
    let ids = [announcement.id(&domain).0, request.id(&domain).0];
    assert_eq!(ids.map(|id| replay.index_of(id)), [Some(1), Some(2)]);
    for (index, signature) in [(1, offered), (2, signed)] {
        let want = Evidence::from_signatures(&signature).unwrap().encode();
        assert_eq!(replay.record(index).unwrap().entry.evidence[..], want[..]);
    }
}
