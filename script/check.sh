#!/usr/bin/env bash
# What has to hold before a commit: formatters, linters, documentation, and that every generated
# file is what its generator writes today. Changes nothing outside out/, cache/ and cargo's target.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
# Warnings, sizes and gas are judged on the profile that is deployed.
unset FOUNDRY_PROFILE

solidity_lint() {
    forge lint contracts script --deny warnings
}

# Apart from the tests' build: `--force` because warnings are not repeated for cached files, and
# without forge-std because its warnings would crowd out ours (foundry.toml). `--sizes` fails
# above the limit of EIP-170; its table is only shown then.
contracts_build() {
    quietly forge build contracts test/utils/FalseRegistries.sol test/utils/Forwarder.sol \
        --force --deny warnings --sizes --out out/check --cache-path cache/check
}

# forge's own comparison overlooks figures that are new or gone, so everything is written to
# another folder and the folders are compared.
gas_snapshots() {
    local fresh=out/snapshots
    rm -rf "$fresh"
    FOUNDRY_SNAPSHOTS="$fresh" quietly gas_tests --gas-snapshot-emit true
    diff -ru test/snapshots "$fresh" || die "gas changed: run \`make snapshots\` and commit it"
}

rust_doc() {
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
}

# Advisories are left out: their database comes from the network (see `make deep`).
dependencies() {
    if ! command -v cargo-deny >/dev/null; then
        echo "skipped: cargo-deny is not installed; \`cargo install cargo-deny --locked\`"
        return
    fi
    cargo deny --locked check bans licenses sources
}

shell_scripts() {
    local file
    for file in script/*.sh .ci/run; do
        bash -n "$file"
    done
    if command -v shellcheck >/dev/null; then
        shellcheck -x script/*.sh .ci/run
    else
        echo "skipped: shellcheck is not installed; sudo apt install shellcheck"
    fi
}

# The unit without the binary that only the target machine has, and files for Docker as YAML.
deployment_files() {
    local file unit
    if command -v systemd-analyze >/dev/null; then
        unit="$(mktemp -d)/fallow-node.service"
        sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' deploy/systemd/fallow-node.service >"$unit"
        systemd-analyze verify "$unit"
        rm -r "$(dirname "$unit")"
    else
        echo "skipped: systemd-analyze is not installed"
    fi
    if python3 -c 'import yaml' 2>/dev/null; then
        find deploy -name '*.y*ml' -print0 | while IFS= read -r -d '' file; do
            python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$file"
        done
    else
        echo "skipped: PyYAML is not installed; sudo apt install python3-yaml"
    fi
}

step "forge fmt" forge fmt --check
step "forge lint" solidity_lint
step "forge build, warnings denied" contracts_build
step "ABIs are fresh" node script/abi.mjs --check --from out/check
step "shell scripts" shell_scripts
step "deployment files" deployment_files
step "links and targets in Markdown" node script/docs.mjs
step "cargo fmt" cargo fmt --all --check
step "cargo clippy" cargo clippy --locked --workspace --all-targets --all-features --quiet -- -D warnings
step "cargo doc" rust_doc
step "cargo deny" dependencies
step "vectors are fresh" cargo run --locked --quiet -p fallow-protocol --example vectors -- --check
step "gas snapshots are fresh" gas_snapshots
