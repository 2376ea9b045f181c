//! What it costs to verify ticket and grant at 10^6 records and 64 validators, beside the bare
//! signature checks that nothing can avoid.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use alloy_primitives::B256;
use blst::min_sig;
use common::{NOW, Network, requester};
use criterion::{BatchSize, BenchmarkGroup, Criterion, measurement::WallTime};
use fallow_protocol::{Signature, Ticket, bls};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use std::hint::black_box;

const RECORDS: u64 = 1_000_000;
const VALIDATORS: usize = 64;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// One recovery of a public key as libsecp256k1 offers it, the signature parsed already.
fn recover(group: &mut Group<'_>) {
    let digest = B256::repeat_byte(9);
    let Signature(signature) = requester().sign(digest);
    let mut compact = signature.0;
    let parity = RecoveryId::from_u8_masked(compact[32] >> 7);
    compact[32] &= 0x7f;
    let signature = RecoverableSignature::from_compact(&compact, parity).unwrap();
    let message = secp256k1::Message::from_digest(digest.0);
    group.bench_function("recover", |b| {
        b.iter(|| black_box(signature).recover_ecdsa(black_box(message)).unwrap());
    });
}

/// One verification as blst offers it: key and signature decoded and checked already.
fn bls_verify(group: &mut Group<'_>) {
    let key = min_sig::SecretKey::key_gen(&[7; 32], &[]).unwrap();
    let (public, message) = (key.sk_to_pk(), B256::repeat_byte(9));
    let signature = key.sign(message.as_slice(), bls::SIGNATURE_TAG, &[]);
    group.bench_function("bls_verify", |b| {
        b.iter(|| {
            let message = black_box(message.as_slice());
            let error = signature.verify(true, message, bls::SIGNATURE_TAG, &[], &public, false);
            assert_eq!(error, blst::BLST_ERROR::BLST_SUCCESS);
        });
    });
}

fn access(group: &mut Group<'_>, network: &Network, ticket: &Ticket) {
    let (fresh, pass) = (network.verifier(), network.valid_pass());
    let mut known = fresh.clone();
    known.verify_ticket(ticket, NOW).unwrap();
    group.bench_function("access_cached", |b| {
        b.iter(|| {
            let (ticket, pass) = (black_box(ticket), black_box(&pass));
            known.verify_access(ticket, &pass.access(), NOW).unwrap()
        });
    });
    group.bench_function("access_cold", |b| {
        b.iter_batched_ref(
            || fresh.clone(),
            |verifier| {
                let (ticket, pass) = (black_box(ticket), black_box(&pass));
                verifier.verify_access(ticket, &pass.access(), NOW).unwrap()
            },
            BatchSize::SmallInput,
        );
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let network = Network::of(VALIDATORS);
    let ticket = network.ticket_at(123_456, RECORDS);
    assert_eq!(ticket.path.len(), 20, "levels");
    let mut group = criterion.benchmark_group("light-client");
    recover(&mut group);
    access(&mut group, &network, &ticket);
    bls_verify(&mut group);
    group.finish();
    criterion.final_summary();
}
