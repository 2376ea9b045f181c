//! What the log costs at 10^6 leaves, beside the bare hash that everything is made of and beside
//! `rs_merkle`. Times are per leaf or per proof, those of `..._million` for all leaves together.

#![allow(clippy::arithmetic_side_effects, reason = "sizes are small")]
#![allow(clippy::unwrap_used, reason = "an error ends the measurement")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use alloy_primitives::{B256, keccak256};
use criterion::{BenchmarkGroup, Criterion, SamplingMode, measurement::WallTime};
use fallow_log::{Frontier, Tree, leaf_hash, verify_consistency, verify_inclusion};
use rs_merkle::Hasher;

const MILLION: u64 = 1_000_000;
/// Pushes are timed while the log grows from this far below a million to as far above it.
const WINDOW: u64 = 50_000;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// `rs_merkle` with the node hash of the log.
#[derive(Clone)]
struct Prefixed;

impl Hasher for Prefixed {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> Self::Hash {
        keccak256(data).0
    }

    fn concat_and_hash(left: &Self::Hash, right: Option<&Self::Hash>) -> Self::Hash {
        right.map_or(*left, |right| {
            let mut bytes = [1; 65];
            bytes[1..33].copy_from_slice(left);
            bytes[33..].copy_from_slice(right);
            Self::hash(&bytes)
        })
    }
}

fn leaves() -> Vec<B256> {
    (0..MILLION).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

fn tree_of(leaves: &[B256]) -> Tree {
    let mut tree = Tree::new();
    for leaf in leaves {
        tree.push(*leaf).unwrap();
    }
    tree
}

/// Numbers below a million without order, the same each time (splitmix64), for ever.
fn random() -> impl FnMut() -> u64 {
    let mut state = 0_u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % MILLION
    }
}

/// Time of `iters` pushes near a million leaves; going back to the start of the window is not timed.
fn time_pushes(iters: u64, base: &Tree, tree: &mut Tree) -> Duration {
    let (mut left, mut elapsed) = (iters, Duration::ZERO);
    while left > 0 {
        if tree.size() >= MILLION + WINDOW {
            *tree = base.clone();
        }
        let count = left.min(MILLION + WINDOW - tree.size());
        let start = Instant::now();
        for _ in 0..count {
            tree.push(black_box(B256::ZERO)).unwrap();
        }
        elapsed += start.elapsed();
        left -= count;
    }
    elapsed
}

fn appending(group: &mut Group<'_>, leaves: &[B256]) {
    group.bench_function("keccak65", |b| b.iter(|| keccak256(black_box([1_u8; 65]))));
    let base = tree_of(&leaves[usize::try_from(WINDOW).unwrap()..]);
    let mut tree = base.clone();
    group.bench_function("push", |b| {
        b.iter_custom(|iters| time_pushes(iters, &base, &mut tree));
    });
    let mut frontier = Frontier::new();
    group.bench_function("frontier_push", |b| b.iter(|| frontier.push(black_box(B256::ZERO))));
}

fn proving(group: &mut Group<'_>, tree: &Tree) {
    let mut next = random();
    group.bench_function("prove", |b| b.iter(|| tree.prove_inclusion(next(), MILLION)));
    // One leaf less is an earlier size: nothing is kept of its right edge, which has 11 hashes.
    group.bench_function("prove_earlier", |b| {
        b.iter(|| tree.prove_inclusion(next().min(MILLION - 2), MILLION - 1));
    });
    group.bench_function("consistency", |b| b.iter(|| tree.prove_consistency(next(), MILLION)));
}

fn verifying(group: &mut Group<'_>, tree: &Tree) {
    let (index, root) = (123_456, tree.root());
    let (leaf, path) = (tree.leaf(index).unwrap(), tree.prove_inclusion(index, MILLION).unwrap());
    assert_eq!(path.len(), 20, "levels");
    group.bench_function("verify_inclusion", |b| {
        b.iter(|| verify_inclusion(leaf, index, MILLION, black_box(&path), root).unwrap());
    });
    let old_root = tree.root_at(index).unwrap();
    let path = tree.prove_consistency(index, MILLION).unwrap();
    group.bench_function("verify_consistency", |b| {
        b.iter(|| verify_consistency(index, old_root, MILLION, root, black_box(&path)).unwrap());
    });
}

fn building(group: &mut Group<'_>, leaves: &[B256]) {
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("tree_million", |b| b.iter_with_large_drop(|| tree_of(leaves)));
    let leaves: Vec<_> = leaves.iter().map(|leaf| leaf.0).collect();
    group.bench_function("rs_merkle_million", |b| {
        b.iter_with_large_drop(|| rs_merkle::MerkleTree::<Prefixed>::from_leaves(&leaves));
    });
}

fn proving_with_rs_merkle(group: &mut Group<'_>, leaves: &[B256]) {
    let leaves: Vec<_> = leaves.iter().map(|leaf| leaf.0).collect();
    let tree = rs_merkle::MerkleTree::<Prefixed>::from_leaves(&leaves);
    let mut next = random();
    group.bench_function("rs_merkle_prove", |b| {
        b.iter(|| tree.proof(&[usize::try_from(next()).unwrap()]).proof_hashes().to_vec());
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let leaves = leaves();
    let mut group = criterion.benchmark_group("log");
    appending(&mut group, &leaves);
    let tree = tree_of(&leaves);
    proving(&mut group, &tree);
    verifying(&mut group, &tree);
    proving_with_rs_merkle(&mut group, &leaves);
    building(&mut group, &leaves);
    group.finish();
    criterion.final_summary();
}
