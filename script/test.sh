#!/usr/bin/env bash
# Everything that is tested: Solidity (unit, fuzz, invariants), Rust, and end to end with real
# chains. `script/test.sh forge` or `script/test.sh rust` runs one half.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

forge_tests() {
    # The gas tests write their figures here.
    mkdir -p out/figures
    forge test
}

case "${1:-all}" in
    forge) step "forge test" forge_tests ;;
    rust) step "cargo test" cargo test --locked --workspace ;;
    all)
        step "forge test" forge_tests
        step "cargo test" cargo test --locked --workspace
        ;;
    *) die "unknown part \`$1\`; expected forge, rust or nothing" ;;
esac
