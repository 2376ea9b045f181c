#!/usr/bin/env bash
# The long runs, for the night: fuzz, invariants and the registry beside the ledger with many inputs
# from a new seed each time, proofs for all inputs, and known advisories against our dependencies
# (needs the network).
set -euo pipefail
source "$(dirname "$0")/lib.sh"

FUZZ_SEED="${FUZZ_SEED:-0x$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')}"

forge_deep() {
    echo "seed $FUZZ_SEED; to repeat: make deep FUZZ_SEED=$FUZZ_SEED"
    mkdir -p out/figures
    FOUNDRY_PROFILE=deep forge test --fuzz-seed "$FUZZ_SEED"
}

# Prints its own seed; FALLOW_DIFFERENTIAL_SEED repeats it.
differential_deep() {
    FALLOW_DIFFERENTIAL_MESSAGES="${FALLOW_DIFFERENTIAL_MESSAGES:-1000000}" \
        cargo test --locked --release -p fallow-differential --test differential
}

# A node that dies a hundred times under load; needs a real chain and some minutes.
node_killed() {
    cargo run --locked --release --quiet -p fallow-load --features rig --example kill -- 100
}

advisories() {
    if ! command -v cargo-deny >/dev/null; then
        echo "skipped: cargo-deny is not installed; \`cargo install cargo-deny --locked\`"
        return
    fi
    cargo deny --locked check advisories
}

step "forge test, deep" forge_deep
step "proptest, deep" env PROPTEST_CASES=20000 cargo test --locked --release \
    -p fallow-protocol -p fallow-log -p fallow-ledger -p fallow-light-client
step "registry and ledger side by side, deep" differential_deep
step "make prove" script/prove.sh
step "a node killed a hundred times under load" node_killed
step "the store killed five hundred times" env FALLOW_STORE_KILLS=500 \
    cargo test --locked --release -p fallow-node --test store crash
step "cargo deny advisories" advisories
