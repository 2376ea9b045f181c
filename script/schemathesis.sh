#!/usr/bin/env bash
# Asks a running node whatever its description allows and forbids, with schemathesis (PyPI; installed
# into a folder of its own if it is missing): no status, header or body that is not described, and no
# 5xx. `script/schemathesis.sh [URL] [ARGUMENT...]`; `fallow up` has such a node. SECONDS_OF_ASKING
# bounds the time (default 120).
#
# What is well-formed may still be refused (a signature of nobody, a resource that is not there): that
# is no failure. The stream of events never ends, so it is left out here; tests/http asks it. The node
# must be ready: otherwise it answers 503, as it should.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

SCHEMATHESIS_VERSION=4.32.5
SCHEMATHESIS_HOME="${SCHEMATHESIS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/fallow/schemathesis-$SCHEMATHESIS_VERSION}"
SECONDS_OF_ASKING="${SECONDS_OF_ASKING:-120}"

install_schemathesis() {
    [ ! -x "$SCHEMATHESIS_HOME/bin/schemathesis" ] || return 0
    echo "installing schemathesis $SCHEMATHESIS_VERSION into $SCHEMATHESIS_HOME"
    python3 -m venv "$SCHEMATHESIS_HOME" && "$SCHEMATHESIS_HOME/bin/pip" install --quiet \
        "schemathesis==$SCHEMATHESIS_VERSION" ||
        die "no schemathesis: \`sudo apt install python3-venv\`, and it needs PyPI; or set SCHEMATHESIS_HOME"
}

URL="${1:-http://127.0.0.1:8650}"
shift || true

install_schemathesis
curl --silent --fail --output /dev/null "$URL/ready" || die "no node is ready at $URL; \`fallow up\` has one"
# A run leaves nothing behind: reports and examples go to a folder of their own.
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
"$SCHEMATHESIS_HOME/bin/schemathesis" run "$URL/openapi.json" \
    --checks all --exclude-checks positive_data_acceptance --exclude-path /v1/events \
    --max-time "$SECONDS_OF_ASKING" --request-timeout 10 --max-failures 20 \
    --warnings off --no-color "$@"
