//! A ledger of 10^6 allocations of 1 slot, by 10^5 requesters, on 10^4 resources of 120 slots: every
//! message signed, every signature checked.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
use fallow_protocol::{Announcement, Domain, NetworkId, Request, ResourceId, SecretKey};

pub(crate) const ALLOCATIONS: u64 = 1_000_000;
const REQUESTERS: u64 = 100_000;
const RESOURCES: u64 = 10_000;
const SLOTS: u64 = 120;
const SLOT: u64 = 3_600;
/// Block time of everything, before the first slot.
const NOW: u64 = 1_000_000;
const START: u64 = NOW + SLOT;

const REGISTRY: Address = Address::repeat_byte(0xaa);
const NETWORK: NetworkId = NetworkId::repeat_byte(0xbb);

/// Messages that are sent at once to the thread that applies them.
const CHUNK: usize = 256;

pub(crate) fn config() -> LedgerConfig {
    LedgerConfig {
        network_id: NETWORK,
        registry: REGISTRY,
        writers: vec![],
        parent: GenesisParent::default(),
    }
}

/// Signs on one thread and applies on this one.
pub(crate) fn build() -> Ledger {
    let (mut ledger, _) = Ledger::new(config(), NOW);
    // Few chunks wait at a time, so that what is measured afterwards is the ledger.
    let (sender, chunks) = sync_channel(2);
    thread::scope(|scope| {
        scope.spawn(move || sign(&sender));
        for chunk in chunks {
            for result in ledger.apply_batch(&chunk, NOW) {
                result.expect("every message is good");
            }
        }
    });
    assert_eq!(ledger.size(), 1 + RESOURCES + ALLOCATIONS);
    ledger
}

fn sign(sender: &SyncSender<Vec<Message>>) {
    let domain = Domain::new(REGISTRY, NETWORK);
    let provider = account(u64::MAX);
    let requesters: Vec<_> = (0..REQUESTERS).map(|number| account(number).address()).collect();
    let offers = (0..RESOURCES).map(|number| offer(&provider, number));
    let ids: Vec<_> = offers.clone().map(|offer| offer.id(&domain)).collect();
    let announce = offers.zip(&ids).map(|(announcement, id)| Message::Announce {
        announcement,
        signatures: signed(&provider, id.0),
    });
    let claims = (0..ALLOCATIONS).map(|number| {
        let resource_id = ids[(number.wrapping_mul(31) % RESOURCES) as usize];
        let requester = requesters[(number % REQUESTERS) as usize];
        let request = request(resource_id, requester, number);
        let signatures = signed(&account(number % REQUESTERS), request.id(&domain).0);
        Message::Request { request, signatures }
    });
    let mut messages = announce.chain(claims);
    loop {
        let chunk: Vec<_> = messages.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return;
        }
        sender.send(chunk).expect("the other thread waits for all chunks");
    }
}

fn account(number: u64) -> SecretKey {
    let mut bytes = [1; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_bytes(bytes).expect("the key is below the group order")
}

fn offer(provider: &SecretKey, number: u64) -> Announcement {
    Announcement {
        provider: provider.address(),
        approver: Address::ZERO,
        volume: u16::MAX,
        start_time: START,
        end_time: START + SLOTS * SLOT,
        slot_seconds: SLOT as u32,
        notice_seconds: 0,
        timestamp: number,
        offer: B256::ZERO,
    }
}

/// Request number `number`: spread over all resources, words and requesters.
fn request(resource_id: ResourceId, requester: Address, number: u64) -> Request {
    let slot = (number / RESOURCES).wrapping_mul(7) % SLOTS;
    Request {
        resource_id,
        requester,
        volume: 1,
        start_time: START + slot * SLOT,
        end_time: START + (slot + 1) * SLOT,
        timestamp: NOW,
        sequence: 1 + number / REQUESTERS,
    }
}

fn signed(signer: &SecretKey, digest: B256) -> Bytes {
    Bytes::copy_from_slice(signer.sign(digest).0.as_slice())
}
