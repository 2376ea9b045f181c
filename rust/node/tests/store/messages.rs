//! Promises, transactions, offers, gossip, checkpoints and anchorings.

use crate::world::{ACCOUNT, World, head};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use fallow_chain::{BlockRef, Call, Fees, Payload, Transaction, TransactionState};
use fallow_ledger::Message;
use fallow_log::Frontier;
use fallow_node::store::types::{
    Anchored, Change, Checkpointed, Failed, Flight, GossipedAnnouncement, Pending,
};
use fallow_node::store::{DiskSettings, DiskStore, NodeStore, NodeStoreError};
use fallow_protocol::{
    Announcement, Code, Promise, PromiseFile, Refusal, Release, Request, RequestId, ResourceId,
    SecretKey, Signature, Withdrawal,
};
use std::path::Path;

fn announcement(number: u64) -> Announcement {
    Announcement {
        provider: Address::repeat_byte(1),
        approver: Address::ZERO,
        volume: 3,
        start_time: 0,
        end_time: 3_600,
        slot_seconds: 60,
        notice_seconds: 0,
        timestamp: number,
        offer: B256::ZERO,
    }
}

fn request() -> Request {
    Request {
        resource_id: ResourceId::repeat_byte(4),
        requester: Address::repeat_byte(5),
        volume: 1,
        start_time: 0,
        end_time: 60,
        timestamp: 1,
        sequence: u64::MAX,
    }
}

/// One message of each kind.
pub fn messages() -> Vec<Message> {
    let (announcement, request) = (announcement(1), request());
    let signatures = Bytes::from(vec![7; 64]);
    let release =
        Release { request_id: RequestId::repeat_byte(6), from_time: 60, timestamp: u64::MAX };
    let withdrawal = Withdrawal { resource_id: ResourceId::repeat_byte(8), timestamp: 9 };
    vec![
        Message::Announce { announcement, signatures: signatures.clone() },
        Message::Request { request, signatures: signatures.clone() },
        Message::AnnounceAndRequest { announcement, request, signatures: signatures.clone() },
        Message::Release {
            release,
            signatures: signatures.clone(),
            record: vec![1; 238].into(),
            path: vec![B256::repeat_byte(2)],
        },
        Message::Withdraw { withdrawal, announcement, signatures: signatures.clone() },
        Message::Append { kind: 16, writer: Address::repeat_byte(3), body: signatures },
    ]
}

pub fn pending(arrival: u64, message: Message, by_time: u64) -> Pending {
    let domain = World::new(1, 1).network().file().domain();
    let id = keccak256(arrival.to_be_bytes());
    let promise = Promise {
        message_id: id,
        requester: Address::ZERO,
        sequence: 0,
        by_time,
        log_size: arrival,
    };
    let key = SecretKey::from_bytes([7; 32]).unwrap();
    let promise = PromiseFile::sign(promise, &domain, &key);
    Pending { arrival, id, message, promise, failed: None }
}

fn gossiped(arrival: u64, number: u64) -> GossipedAnnouncement {
    GossipedAnnouncement {
        arrival,
        id: ResourceId(keccak256(number.to_be_bytes())),
        announcement: announcement(number),
        signature: Signature::from([3; 64]),
    }
}

/// A change whose only news is the time.
fn at_time(time: u64) -> Change {
    Change { head: Some(head(1, time, &Frontier::new())), ..Change::default() }
}

fn with(settings: DiskSettings, dir: &Path) -> DiskStore {
    let world = World::new(1, 1);
    DiskStore::open_with(dir, world.network().file(), ACCOUNT, settings).unwrap()
}

fn open(dir: &Path) -> DiskStore {
    with(DiskSettings { reserve_bytes: 0, ..DiskSettings::default() }, dir)
}

#[test]
fn promises_stand_in_the_order_of_arrival_until_they_are_kept_or_fail() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let all: Vec<_> =
        (1..).zip(messages()).map(|(arrival, message)| pending(arrival, message, 1_000)).collect();
    let newest_first = all.iter().rev().cloned().collect();
    store.commit(&Change { promised: newest_first, ..Change::default() }).unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.pending().unwrap(), all);
    let refusal = Refusal { code: Code::SequenceAlreadyUsed, got: ONE, want: ONE };
    let failed = vec![(2, Failed::Refused(refusal)), (3, Failed::Expired)];
    store.commit(&Change { kept: vec![1, 77], failed, ..Change::default() }).unwrap();
    assert_eq!(store.pending().unwrap(), all[3..]);
    assert_eq!(store.promised(all[0].id).unwrap(), None);
    let promised = |index: usize| store.promised(all[index].id).unwrap().unwrap();
    assert_eq!(promised(1).failed, Some(Failed::Refused(refusal)));
    assert_eq!(promised(2), Pending { failed: Some(Failed::Expired), ..all[2].clone() });
    assert_eq!(promised(3), all[3]);
}

const ONE: alloy_primitives::U256 = alloy_primitives::U256::ONE;

#[test]
fn failed_messages_are_forgotten_after_a_week_or_when_they_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let settings = DiskSettings { failed_bytes: 1_000, reserve_bytes: 0, ..Default::default() };
    let store = with(settings, folder.path());
    let all: Vec<_> =
        (1..=9).map(|arrival| pending(arrival, messages()[0].clone(), 1_000 * arrival)).collect();
    let promised = all.clone();
    store.commit(&Change { promised, ..Change::default() }).unwrap();
    let known = || -> Vec<u64> {
        let there = all.iter().filter(|one| store.promised(one.id).unwrap().is_some());
        there.map(|one| one.arrival).collect()
    };
    let failed = vec![(1, Failed::Expired), (2, Failed::Expired)];
    store.commit(&Change { failed, ..at_time(604_800 + 1_000) }).unwrap();
    assert_eq!(known(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    store.commit(&at_time(604_800 + 1_001)).unwrap();
    assert_eq!(known(), [2, 3, 4, 5, 6, 7, 8, 9]);
    let failed = (3..=9).map(|arrival| (arrival, Failed::Expired)).collect();
    store.commit(&Change { failed, ..at_time(5_000) }).unwrap();
    let left = known();
    assert!(!left.is_empty() && left.len() < 5, "{left:?}");
    assert_eq!(left.last(), Some(&9), "the oldest went");
}

#[test]
fn a_message_that_is_promised_again_after_it_failed_is_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = pending(1, messages()[1].clone(), 100);
    let again = Pending { arrival: 2, ..first.clone() };
    store.commit(&Change { promised: vec![first.clone()], ..Change::default() }).unwrap();
    store.commit(&Change { failed: vec![(1, Failed::Expired)], ..Change::default() }).unwrap();
    store.commit(&Change { promised: vec![again.clone()], ..Change::default() }).unwrap();
    assert_eq!(store.promised(first.id).unwrap(), Some(again.clone()));
    store.commit(&at_time(u64::MAX)).unwrap();
    assert_eq!(store.promised(first.id).unwrap(), Some(again), "only the old one is forgotten");
}

#[test]
fn what_strangers_fill_has_bounds_and_a_change_beyond_them_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = DiskSettings {
        pending_bytes: 2_000,
        offers_bytes: 2_000,
        gossip_bytes: 2_000,
        reserve_bytes: 0,
        ..DiskSettings::default()
    };
    let store = with(settings, folder.path());
    let promised = |range: std::ops::Range<u64>| Change {
        promised: range.map(|arrival| pending(arrival, messages()[0].clone(), 9)).collect(),
        ..Change::default()
    };
    let offers = |sizes: &[usize]| Change {
        offers: sizes.iter().map(|size| Bytes::from(vec![1; *size])).collect(),
        ..Change::default()
    };
    let gossip = |range: std::ops::Range<u64>| Change {
        gossip: range.map(|arrival| gossiped(arrival, arrival)).collect(),
        ..Change::default()
    };
    for (good, bad) in [
        (promised(1..3), promised(3..20)),
        (offers(&[900, 901]), offers(&[902])),
        (gossip(1..5), gossip(5..20)),
    ] {
        store.commit(&good).unwrap();
        assert!(matches!(store.commit(&bad), Err(NodeStoreError::Full { limit: 2_000, .. })));
        // The same again takes no more room.
        store.commit(&good).unwrap();
    }
    assert_eq!(store.pending().unwrap().len(), 2);
    assert_eq!(store.gossip(0, 99).unwrap().len(), 4);
    assert_eq!(store.offer(keccak256(vec![1; 902])).unwrap(), None);
    assert_eq!(store.offer(keccak256(vec![1; 901])).unwrap(), Some(vec![1; 901]));
    // What goes makes room.
    let ungossip = store.gossip(0, 99).unwrap().into_iter().map(|one| one.id).collect();
    store.commit(&Change { kept: vec![1, 2], ungossip, ..Change::default() }).unwrap();
    store.commit(&promised(3..5)).unwrap();
    store.commit(&gossip(5..9)).unwrap();
}

#[test]
fn gossip_has_pages_by_arrival_and_one_entry_for_each_resource() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let gossip: Vec<_> = (1..=5).map(|arrival| gossiped(arrival, arrival)).collect();
    store.commit(&Change { gossip: gossip.clone(), ..Change::default() }).unwrap();
    assert_eq!(store.gossip(0, 2).unwrap(), gossip[..2]);
    assert_eq!(store.gossip(2, 99).unwrap(), gossip[2..]);
    assert_eq!(store.gossip(u64::MAX, 99).unwrap(), []);
    let again = gossiped(6, 2);
    store.commit(&Change { gossip: vec![again], ..Change::default() }).unwrap();
    assert_eq!(store.gossiped(again.id).unwrap(), Some(again));
    let arrivals: Vec<_> =
        store.gossip(0, 99).unwrap().into_iter().map(|one| one.arrival).collect();
    assert_eq!(arrivals, [1, 3, 4, 5, 6]);
    store.commit(&Change { ungossip: vec![again.id], ..Change::default() }).unwrap();
    assert_eq!(store.gossiped(again.id).unwrap(), None);
}

#[test]
fn transactions_stand_by_nonce_until_they_land() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let flight = |nonce, at| {
        let payload = Payload {
            hash: B256::repeat_byte(1),
            raw: vec![1, 2].into(),
            fees: Fees { max: u128::MAX, tip: 1 },
        };
        let transaction = Transaction {
            call: Call { to: Some(Address::repeat_byte(9)), data: vec![3; 70].into() },
            nonce,
            gas: 21_000,
            payloads: vec![payload],
            state: TransactionState::Sent { at },
        };
        Flight { transaction, arrivals: vec![nonce, 300] }
    };
    let flights = vec![flight(9, 1), flight(2, 1)];
    store.commit(&Change { flights, ..Change::default() }).unwrap();
    store.commit(&Change { flights: vec![flight(9, 2)], ..Change::default() }).unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.flights().unwrap(), [flight(2, 1), flight(9, 2)]);
    store.commit(&Change { landed: vec![2, 3], ..Change::default() }).unwrap();
    assert_eq!(store.flights().unwrap(), [flight(9, 2)]);
}

#[test]
fn checkpoints_are_found_by_block_size_and_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(60, 10);
    let store = world.open(folder.path());
    let mut all = Vec::new();
    while let Some(change) = world.change() {
        store.commit(&change).unwrap();
        let checkpoint = world.checkpoint.unwrap();
        let signed = checkpoint.block_number.is_multiple_of(2);
        let certificate = signed.then(|| world.network().certify(&checkpoint));
        let block = checkpoint.block_number;
        let certificates = certificate.iter().map(|certificate| (block, certificate.clone()));
        let certificates = certificates.collect();
        store.commit(&Change { certificates, ..Change::default() }).unwrap();
        all.push(Checkpointed { checkpoint, certificate });
    }
    assert!(all.len() > 5);
    let newest: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(store.checkpoints(None, 99, false).unwrap(), newest);
    assert_eq!(store.checkpoints(Some(4), 2, false).unwrap(), [all[2].clone(), all[1].clone()]);
    let certified: Vec<_> =
        newest.iter().filter(|one| one.certificate.is_some()).cloned().collect();
    assert_eq!(store.checkpoints(None, 99, true).unwrap(), certified);
    assert_eq!(store.checkpoint(3).unwrap().as_ref(), Some(&all[2]));
    assert_eq!(store.checkpoint(99).unwrap(), None);
    for index in 0..world.size() {
        let want = all
            .iter()
            .find(|one| one.certificate.is_some() && one.checkpoint.size > index)
            .cloned();
        assert_eq!(store.certified_above(index).unwrap(), want, "above {index}");
    }
    let lost = vec![(99, world.network().certify(&world.checkpoint.unwrap()))];
    let error = store.commit(&Change { certificates: lost, ..Change::default() }).unwrap_err();
    assert!(matches!(error, NodeStoreError::Unfit(_)));
}

fn anchored(sidechain_block: u64, block: u64) -> Anchored {
    Anchored {
        sidechain_block,
        size: sidechain_block * 10,
        root: B256::repeat_byte(1),
        block,
        block_hash: B256::repeat_byte(2),
        transaction: B256::repeat_byte(3),
        anchored_at: block * 12,
    }
}

#[test]
fn anchorings_follow_mainnet_also_when_it_reorganises() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let all = vec![anchored(4, 100), anchored(8, 105), anchored(12, 110)];
    let mainnet = BlockRef { number: 112, hash: B256::ZERO, parent: B256::ZERO, time: 7 };
    let first = Change { anchored: all.clone(), mainnet_head: Some(mainnet), ..Change::default() };
    store.commit(&first).unwrap();
    assert_eq!(store.mainnet_head().unwrap(), Some(mainnet));
    assert_eq!(store.anchorings(0, 99).unwrap(), all);
    assert_eq!(store.anchorings(5, 1).unwrap(), all[1..2]);
    assert_eq!(store.anchored_above(39).unwrap(), Some(all[0]));
    assert_eq!(store.anchored_above(40).unwrap(), Some(all[1]));
    assert_eq!(store.anchored_above(120).unwrap(), None);
    let again = anchored(8, 106);
    let change = Change { unanchored_from: Some(105), anchored: vec![again], ..Change::default() };
    store.commit(&change).unwrap();
    assert_eq!(store.anchorings(0, 99).unwrap(), [all[0], again]);
    assert_eq!(store.anchored_above(40).unwrap(), Some(again));
    assert_eq!(store.anchored_above(80).unwrap(), None);
}
