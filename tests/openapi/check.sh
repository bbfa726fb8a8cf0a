#!/usr/bin/env bash
# Validates /openapi.json of the running service against the schema of OpenAPI 3.1, and the service
# against the document, with schemathesis. GitHub is simulated.
#
#   tests/openapi/check.sh FOLDER [ARGUMENT...]
#
# The two programs from PyPI go into FOLDER; the arguments go to schemathesis. Needs curl, Python,
# and beforehand `cargo build --bin svm --example simulated-github`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

schemathesis=4.32.5
validator=0.9.0

target=$(realpath "${CARGO_TARGET_DIR:-target}")
tools=$(realpath -m "$1")-$schemathesis-$validator
shift
if [[ ! -x $tools/bin/st ]]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "schemathesis==$schemathesis" "openapi-spec-validator==$validator"
fi

work=$(mktemp -d)
processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

# wait_for WHAT COMMAND...: until the command succeeds, for 30 s at most.
wait_for() {
    local what=$1 deadline=$((SECONDS + 30))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || { echo "$what does not come: $(tail -n 5 "$work"/*.log)" >&2; exit 1; }
        sleep 0.1
    done
}

# It gives out tokens of its own only where there are none.
unset GITHUB_PATS API_USAGE_THRESHOLD
"$target/debug/examples/simulated-github" --quiet >"$work/environment" 2>"$work/github.log" &
processes+=($!)
wait_for "the simulated GitHub" grep -q API_USAGE_THRESHOLD "$work/environment"
set -a
# shellcheck disable=SC1091
source "$work/environment"
set +a

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
service=http://127.0.0.1:$port
HOST=127.0.0.1 PORT=$port CACHE_DIR=$work/store WEBHOOK_SECRETS=a-secret-of-some-length \
    RUST_LOG=error "$target/debug/svm" >"$work/svm.log" 2>&1 &
processes+=($!)
wait_for svm curl --silent --fail --output "$work/openapi.json" "$service/openapi.json"

"$tools/bin/python" -m openapi_spec_validator "$work/openapi.json"
# It keeps what it finds in the folder where it runs.
configuration=$PWD/tests/openapi/schemathesis.toml
cd "$work"
NO_COLOR=1 PYTHONDONTWRITEBYTECODE=1 timeout 900 \
    "$tools/bin/st" --config-file "$configuration" run --warnings off "$service/openapi.json" "$@"
