# shellcheck shell=bash
# Sourced by the other scripts: where things are, and how steps are announced and timed.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"

die() {
    echo "error: $*" >&2
    exit 1
}

# npm's launcher `node_modules/.bin/forge` always exits with 0, also when tests fail, and when it
# is killed its child lives on. So the scripts call the binary that it would start.
foundry_binary() {
    local platform
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) platform=linux-amd64 ;;
        Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
        Darwin-x86_64) platform=darwin-amd64 ;;
        Darwin-arm64) platform=darwin-arm64 ;;
        *) die "npm has no build of $1 for $(uname -s) on $(uname -m)" ;;
    esac
    echo "$ROOT/node_modules/@foundry-rs/$1-$platform/bin/$1"
}

forge() {
    "$(foundry_binary forge)" "$@"
}

# gas_tests ARGUMENT...: the tests that measure gas, on the profile that is deployed. Always built
# from nothing and apart from the other tests: what via_ir makes of a contract depends a little on
# the files that it is compiled with, and figures must not depend on what was built before.
gas_tests() {
    mkdir -p out/figures
    env -u FOUNDRY_PROFILE "$(foundry_binary forge)" test --match-path 'test/gas/*' \
        --force --out out/gas --cache-path cache/gas "$@"
}

# quietly COMMAND...: shows what the command says only when it fails.
quietly() {
    local log code=0
    log="$("$@" 2>&1)" || code=$?
    [ "$code" = 0 ] || echo "$log" >&2
    return "$code"
}

# step NAME COMMAND...: runs the command and says how long it took. The first one that fails ends
# the script (`set -e`), which then names it.
STEP=""
step() {
    local name="$1" start=$SECONDS
    shift
    STEP="$name"
    echo "== $name"
    "$@"
    echo "-- $name: $((SECONDS - start)) s"
    STEP=""
}

report_failed_step() {
    local code=$?
    [ "$code" = 0 ] || [ -z "$STEP" ] || echo "error: step '$STEP' failed (exit $code)" >&2
}
trap report_failed_step EXIT
