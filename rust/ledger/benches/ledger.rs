//! What it costs to re-execute a request, beside the bare recovery of its signer that nothing can
//! avoid, and what is left of it when the signer is remembered. The ledger has 10^4 resources of 120
//! slots and 10^5 requesters before it is timed.

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
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use fallow_ledger::{Ledger, Message, Recoverer};
use fallow_protocol::{Announcement, Request, SecretKey};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use std::hint::black_box;
use std::num::NonZeroUsize;
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
        // A clone is a copy from its first write on: that is not to be timed either.
        let mut ledger = base.clone().with_recoverer(base.recoverer().clone());
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

fn apply(group: &mut Group<'_>, base: &Ledger, items: &[Message]) {
    group.bench_function("apply", |b| {
        b.iter_custom(|iters| time(iters, base, items));
    });
}

/// The same messages, each of them judged before: a node that took it and now sees it in a block.
fn apply_remembered(group: &mut Group<'_>, base: &Ledger, items: &[Message]) {
    let recoverer = Recoverer::remembering(NonZeroUsize::new(items.len()).unwrap());
    let base = base.clone().with_recoverer(recoverer.clone());
    let results = base.clone().apply_batch(items, NOW);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(recoverer.len(), items.len());
    group.bench_function("apply_remembered", |b| {
        b.iter_custom(|iters| time(iters, &base, items));
    });
}

/// One recovery of a public key as libsecp256k1 offers it, the signatures parsed already. They are
/// those of the messages: the same one over and over would teach the processor its branches, which is
/// a tenth faster than any ledger can be.
fn recover(group: &mut Group<'_>, items: &[Message]) {
    let parsed: Vec<_> = items.iter().map(parsed).collect();
    let mut next = parsed.iter().cycle();
    group.bench_function("recover", |b| {
        b.iter(|| {
            let (signature, message) = *next.next().unwrap();
            black_box(signature).recover_ecdsa(black_box(message)).unwrap()
        });
    });
}

fn parsed(item: &Message) -> (RecoverableSignature, secp256k1::Message) {
    let Message::Request { request, signatures } = item else {
        panic!("not a request: {item:?}");
    };
    let mut compact = <[u8; 64]>::try_from(&signatures[..]).unwrap();
    let parity = RecoveryId::from_u8_masked(compact[32] >> 7);
    compact[32] &= 0x7f;
    let digest = request.id(&domain()).0;
    let signature = RecoverableSignature::from_compact(&compact, parity).unwrap();
    (signature, secp256k1::Message::from_digest(digest.0))
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(1));
    let (base, items) = (busy(), (REQUESTERS..REQUESTERS + ITEMS).map(request).collect::<Vec<_>>());
    recover(&mut group, &items);
    apply(&mut group, &base, &items);
    apply_remembered(&mut group, &base, &items);
    group.finish();
    criterion.final_summary();
}
