#!/usr/bin/env bash
# Proves for all inputs what test/symbolic asserts, with halmos (PyPI, with its solvers; installed
# into a folder of its own if it is missing). Arguments go to halmos: `script/prove.sh
# --match-contract Calendar`.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

HALMOS_VERSION=0.3.3
HALMOS_HOME="${HALMOS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/fallow/halmos-$HALMOS_VERSION}"

install_halmos() {
    [ ! -x "$HALMOS_HOME/bin/halmos" ] || return 0
    echo "installing halmos $HALMOS_VERSION into $HALMOS_HOME"
    python3 -m venv "$HALMOS_HOME" && "$HALMOS_HOME/bin/pip" install --quiet \
        "halmos==$HALMOS_VERSION" ||
        die "no halmos: \`sudo apt install python3-venv\`, and it needs PyPI; or set HALMOS_HOME"
}

# halmos calls forge and the solvers by name.
prove() {
    PATH="$HALMOS_HOME/bin:$(dirname "$(foundry_binary forge)"):$PATH" FOUNDRY_PROFILE=symbolic \
        halmos --root "$ROOT" --forge-build-out out/symbolic --no-status \
        --loop 1000 --solver-timeout-assertion 10m "$@"
}

step "halmos" install_halmos
step "proofs" prove "$@"
