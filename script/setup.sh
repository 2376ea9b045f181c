#!/usr/bin/env bash
# Says what is missing on this machine, and installs the npm packages when they are not those of
# package-lock.json. It never asks for root and never downloads a program of its own.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

MISSING=0

missing() {
    MISSING=1
    echo "missing: $1; on Debian 13: $2" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# The oldest compiler that Cargo.toml accepts, e.g. 1.95.
rust_wanted() {
    sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml
}

# at_least GOT WANT: compares versions, number by number.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

check_rust() {
    local want got
    want="$(rust_wanted)"
    if ! has cargo; then
        missing "Rust $want" "sudo apt install rustup && rustup default $want.0"
        return
    fi
    # Inside the repository, where rustup reads rust-toolchain.toml.
    if ! got="$(cargo --version)"; then
        missing "a working cargo" "rustup toolchain install $want.0 --component clippy,rustfmt"
        return
    fi
    got="$(echo "$got" | cut -d ' ' -f 2)"
    at_least "$got" "$want" || missing "Rust $want (found $got)" "rustup toolchain install $want.0"
}

check_node() {
    local got
    if ! has node || ! has npm; then
        missing "Node.js 20 with npm" "sudo apt install nodejs npm"
        return
    fi
    got="$(node --version)"
    at_least "${got#v}" 20 || missing "Node.js 20 (found $got)" "sudo apt install nodejs npm"
}

check_c_compiler() {
    has cc || has gcc || has clang || missing "a C compiler" "sudo apt install build-essential"
}

check_make() {
    has make || missing "make" "sudo apt install make"
}

# node rather than sha256sum, which macOS does not have.
sha256() {
    node -p 'crypto.createHash("sha256").update(fs.readFileSync(process.argv[1])).digest("hex")' \
        "$1"
}

# The hash of what was installed last lies beside the packages, so it vanishes with them.
install_packages() {
    local stamp="node_modules/.package-lock.sha256" want
    want="$(sha256 package-lock.json)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
        return
    fi
    # Not `npm ci`: it refuses a lock file without the binaries of every other platform, and a
    # mirror of the registry may hold this platform's only. What the lock file names is still
    # installed as it says, by version and hash, and the file is left alone.
    npm install --no-save --no-progress
    echo "$want" >"$stamp"
}

check_rust
check_node
check_c_compiler
check_make
[ "$MISSING" = 0 ] || die "install what is missing, then run this again"
install_packages
