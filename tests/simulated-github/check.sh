#!/usr/bin/env bash
# Runs the examples and the conformance test against the simulated GitHub.
#
#   tests/simulated-github/check.sh
#
# Needs curl, python3, and beforehand `cargo build -p simulated-github`. The example in Go runs
# where go is there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(realpath "${CARGO_TARGET_DIR:-$here/../../target}")

folder=$(mktemp -d)
"$target/debug/simulated-github" --quiet --http 127.0.0.1:0 --seed 7 --scenario "$here/examples/scenario.txt" >"$folder/exports" &
simulation=$!
trap 'kill "$simulation" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
deadline=$((SECONDS + 30))
until SIM=$(sed -nE "s/^export GITHUB_API_URL='(.*)'/\1/p" "$folder/exports") && [[ -n $SIM ]]; do
    ((SECONDS < deadline)) || { echo "it does not serve" >&2; exit 1; }
    sleep 0.1
done
export SIM

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
latest() { curl -fsS -A check "$SIM/repos/octo/scenario/releases/latest" | python3 -c 'import json, sys; print(json.load(sys.stdin)["tag_name"])'; }
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }

until [[ $(latest) == v2 ]]; do
    ((SECONDS < deadline)) || fail "the scenario does not go on"
    sleep 0.1
done
document=$SIM/repos/octo/cat/releases/latest
[[ $(status -H 'Authorization: Bearer poor' "$document") == 200 ]] || fail "the last request of a token"
[[ $(status -H 'Authorization: Bearer poor' "$document") == 403 ]] || fail "a request past the limit"
echo "scenario: a release later, a limit"

# Failures are drawn, and end.
draws() {
    curl -fsS -X POST "$SIM/_sim/flaky?rate=0.5" >/dev/null
    for _ in {1..20}; do status "$document"; echo; done
    curl -fsS -X POST "$SIM/_sim/recover" >/dev/null
}
drawn=$(draws)
[[ $drawn == *502* && $drawn == *200* ]] || fail "nothing was drawn: $drawn"
[[ $(status -X POST "$SIM/_sim/nothing") == 400 ]] || fail "a change that there is not"
[[ $(status -X POST "$SIM/_sim/delete?repository=octo/scenario") == 200 && $(status "$SIM/repos/octo/scenario") == 404 ]] || fail "delete"
[[ $(status -X POST "$SIM/_sim/clock?ahead=3600") == 200 && $(status -X POST "$SIM/_sim/clock?ahead=0") == 200 ]] || fail "clock"
echo "control: flaky, recover, delete, clock"

sh "$here/examples/test.sh"
python3 "$here/examples/test.py"
if command -v go >/dev/null; then
    (cp "$here/examples/main_test.go" "$folder" && cd "$folder" && { [[ -e go.mod ]] || go mod init example >/dev/null 2>&1; } && go test -count=1 ./...)
fi
GITHUB_TOKEN=conformance python3 "$here/conformance.py" "$SIM" | tail -n 1
