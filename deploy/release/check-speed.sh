#!/usr/bin/env bash
# Compares the cost of a hit of the portable binary with that of the ordinary one, in turns, and
# fails where it is more than 0.95 times as high: the profile must be worth its build.
#
#   deploy/release/check-speed.sh [ROUNDS]
#
# The cost is the processor time that a process takes for a request, of which other load on the
# machine changes little; the median of the rounds' ratios counts. Needs wrk, curl, and beforehand
# `cargo build --release --bin svm`, `deploy/release/binary.sh`, and
# `cargo build --example simulated-github`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

rounds=${1:-9}
allowed=0.95
folder=$(mktemp -d)
processes=()
cleanup() {
    kill "${processes[@]}" "$simulation" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
need wrk

simulate "$folder"
ticks=$(getconf CLK_TCK)
declare -A port process

# start NAME BINARY
start() {
    port[$1]=$(free_port)
    mkdir "$folder/$1"
    # The variables without the quotes of a file.
    mapfile -t environment < <(sed "s/'//g; s|/etc/svm-ca.pem|$folder/ca.pem|" "$folder/github.env")
    (cd "$folder/$1" && exec env HOST=127.0.0.1 PORT="${port[$1]}" RUST_LOG=warn "${environment[@]}" taskset --cpu-list 0 "$2") >"$folder/$1.log" 2>&1 &
    process[$1]=$!
    processes+=("$!")
    wait_for curl --silent --fail --output /dev/null "http://127.0.0.1:${port[$1]}$document"
}

# The processor time that a process has taken, in ticks.
taken() { awk '{ print $14 + $15 }' "/proc/${process[$1]}/stat"; }

# turn NAME: nanoseconds of the processor for a request.
turn() {
    local before requests
    before=$(taken "$1")
    requests=$(taskset --cpu-list 1 wrk --threads 1 --connections 16 --duration 2s "http://127.0.0.1:${port[$1]}$document" | awk '/requests in/ { print $1 }')
    awk -v taken="$(($(taken "$1") - before))" -v requests="$requests" -v ticks="$ticks" 'BEGIN { printf "%.0f\n", taken / ticks / requests * 1e9 }'
}

start ordinary "$target/release/svm"
start portable "$target/x86_64-unknown-linux-gnu/dist/svm"
for ((round = 0; round < rounds; round++)); do
    # Either goes first as often as the other.
    if ((round % 2)); then portable=$(turn portable) ordinary=$(turn ordinary); else ordinary=$(turn ordinary) portable=$(turn portable); fi
    echo "$ordinary $portable"
done | tee "$folder/figures" | awk '{ printf "  ordinary %6d ns, portable %6d ns, ratio %.3f\n", $1, $2, $2 / $1 }'
ratio=$(awk '{ print $2 / $1 }' "$folder/figures" | sort --numeric-sort | sed -n "$((rounds / 2 + 1))p")
printf 'a hit of the portable binary costs %.3f of one of the ordinary binary; %s is allowed\n' "$ratio" "$allowed"
awk -v ratio="$ratio" -v allowed="$allowed" 'BEGIN { exit ratio > allowed }'
