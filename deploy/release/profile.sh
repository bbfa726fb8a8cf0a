#!/usr/bin/env bash
# Writes the profile by which binary.sh has the compiler optimize svm: how often each function and
# branch is taken under the load of a service that answers from memory, and misses now and then.
#
#   deploy/release/profile.sh [TARGET]
#
# This machine has to run the target's binaries.
#
# Needs wrk, curl, and rustup, which brings llvm-profdata.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

triple=${1:-x86_64-unknown-linux-gnu}
documents=200
need wrk
tools=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
[[ -x $tools/llvm-profdata ]] || rustup component add llvm-tools

counts=$target/profile/counts
rm -rf "$counts"
RUSTFLAGS=-Cprofile-generate=$counts build_portable "$triple" --target-dir "$target/profile"
cargo build --locked --example simulated-github

folder=$(mktemp -d)
processes=()
cleanup() {
    kill "${processes[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

control=127.0.0.1:$(free_port)
: >"$folder/github.sh"
TMPDIR=$folder "$target/debug/examples/simulated-github" --quiet --http "$control" >"$folder/github.sh" &
processes+=("$!")
wait_for grep -q GITHUB_API_URL "$folder/github.sh"
for ((number = 1; number <= documents; number++)); do
    printf 'url = "http://%s/_sim/publish?repository=octo/app%d&tag=v1.0.%d"\nrequest = POST\noutput = /dev/null\n' "$control" "$number" "$number"
done >"$folder/releases"
curl --silent --show-error --fail --config "$folder/releases"

port=$(free_port)
address=http://127.0.0.1:$port
mkdir "$folder/service"
(
    . "$folder/github.sh"
    export HOST=127.0.0.1 PORT=$port LOG_FORMAT=json
    cd "$folder/service"
    exec "$target/profile/$triple/dist/svm" >"$folder/log"
) &
svm=$!
processes+=("$svm")
wait_for curl --silent --fail --output /dev/null "$address/ping"

# paths PREFIX SUFFIX: the second document half as often as the first, the third a third as often.
paths() {
    for ((number = 1; number <= documents; number++)); do
        for ((time = 0; time < documents / number; time++)); do echo "$1/repos/octo/app$number/releases/latest$2"; done
    done >"$folder/paths"
}

# load SECONDS [HEADER]...
load() {
    local seconds=$1
    shift
    wrk --threads 1 --connections 32 --duration "${seconds}s" --script benches/rigs/peers/wrk.lua "$address/" -- "$folder/paths" "$@" | grep requests
}

own='/version?url=https://api.github.com'
paths "$own" ''
load 4
load 1 'Accept-Encoding: gzip'
load 1 'Connection: close'
# A 304 for each document.
load 1 'If-None-Match: *'
paths "$own" '&refresh=true'
load 1
paths '' ''
load 1

kill "$svm"
wait "$svm"
profile=$(profile_of "$triple")
"$tools/llvm-profdata" merge -o "$profile" "$counts"
echo "$profile: $(stat --format %s "$profile") bytes"
