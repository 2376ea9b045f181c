//! What it costs to re-execute a request, beside the bare recovery of its signer that nothing can
//! avoid. The ledger has 10^4 resources of 120 slots and 10^5 requesters before it is timed.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

#[path = "../tests/common/mod.rs"]
mod common;

use alloy_primitives::{Address, B256};
use common::{NOW, SLOT, START, domain, empty, provider, signed};
use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use fallow_ledger::{Ledger, Message};
use fallow_protocol::{Announcement, Request, SecretKey};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use std::hint::black_box;
use std::time::{Duration, Instant};

const RESOURCES: u64 = 10_000;
const REQUESTERS: u64 = 100_000;
/// Requests that are signed before anything is timed.
const ITEMS: u64 = 20_000;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn account(number: u64) -> SecretKey {
    let mut bytes = [1; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_bytes(bytes).unwrap()
}

fn offer(number: u64) -> Announcement {
    Announcement {
        provider: provider().address(),
        approver: Address::ZERO,
        volume: u16::MAX,
        start_time: START,
        end_time: START + 120 * SLOT,
        slot_seconds: SLOT as u32,
        notice_seconds: 0,
        timestamp: number,
        offer: B256::ZERO,
    }
}

/// Request number `number`: spread over all resources, slots and requesters.
fn request(number: u64) -> Message {
    let signer = account(number % REQUESTERS);
    let slot = 2 + number.wrapping_mul(7) % 118;
    let request = Request {
        resource_id: offer(number.wrapping_mul(31) % RESOURCES).id(&domain()),
        requester: signer.address(),
        volume: 1,
        start_time: START + slot * SLOT,
        end_time: START + (slot + 1) * SLOT,
        timestamp: NOW,
        sequence: 1 + number / REQUESTERS,
    };
    let signatures = signed(&signer, request.id(&domain()).0);
    Message::Request { request, signatures }
}

/// A ledger where every resource and every requester is known.
fn busy() -> Ledger {
    let mut ledger = empty();
    for number in 0..RESOURCES {
        ledger.apply(&common::announce(offer(number)), NOW).unwrap();
    }
    for number in 0..REQUESTERS {
        ledger.apply(&request(number), NOW).unwrap();
    }
    ledger
}

/// Time of `iters` requests; going back to the start of the list is not timed.
fn time(iters: u64, base: &Ledger, items: &[Message]) -> Duration {
    let (mut left, mut elapsed) = (iters, Duration::ZERO);
    while left > 0 {
        let mut ledger = base.clone();
        let count = usize::try_from(left).unwrap().min(items.len());
        let start = Instant::now();
        for item in &items[..count] {
            black_box(ledger.apply(black_box(item), NOW).unwrap());
        }
        elapsed += start.elapsed();
        left -= count as u64;
    }
    elapsed
}

fn apply(group: &mut Group<'_>) {
    let base = busy();
    let items: Vec<_> = (REQUESTERS..REQUESTERS + ITEMS).map(request).collect();
    group.bench_function("apply", |b| {
        b.iter_custom(|iters| time(iters, &base, &items));
    });
}

/// One recovery of a public key as libsecp256k1 offers it, the signature parsed already.
fn recover(group: &mut Group<'_>) {
    let digest = B256::repeat_byte(9);
    let signature = account(0).sign(digest);
    let mut compact = signature.0.0;
    let parity = RecoveryId::from_u8_masked(compact[32] >> 7);
    compact[32] &= 0x7f;
    let signature = RecoverableSignature::from_compact(&compact, parity).unwrap();
    let message = secp256k1::Message::from_digest(digest.0);
    group.bench_function("recover", |b| {
        b.iter(|| black_box(signature).recover_ecdsa(black_box(message)).unwrap());
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("ledger");
    recover(&mut group);
    apply(&mut group);
    group.finish();
    criterion.final_summary();
}
