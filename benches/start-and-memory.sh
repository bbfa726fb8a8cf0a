#!/usr/bin/env bash
# Measures the start and the idle memory of the binary, each time with a new store:
#
#   benches/start-and-memory.sh [BINARY [STARTS]]     target/release/svm and 20 otherwise
#
# Start: from the exec of the binary to the first 200 of /ping, asked in a loop. Memory: VmRSS two
# seconds after that, with nothing but /ping asked. Needs bash and Linux; no traffic leaves the
# machine.
set -euo pipefail

binary=$(realpath "${1:-target/release/svm}")
starts=${2:-20}
idle_seconds=2
folder=$(mktemp -d)
svm=
trap '[[ -z $svm ]] || kill -KILL "$svm"; rm -rf "$folder"' EXIT
cd "$folder"

micros() { echo $((${EPOCHREALTIME/./})); }

# Succeeds if /ping answers 200; no program is started to find out.
answers() {
    local status
    { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
    printf 'GET /ping HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n' >&3
    IFS= read -r status <&3 || status=
    exec 3>&- 3<&-
    [[ $status == 'HTTP/1.1 200 OK'* ]]
}

free_port() {
    while :; do
        port=$((20000 + RANDOM % 10000))
        { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 0
        exec 3>&- 3<&-
    done
}

median() { sort -n | sed -n "$(((starts + 1) / 2))p"; }

for ((start = 0; start < starts; start++)); do
    free_port
    begun=$(micros)
    # No server listens on port 1: the inquiry about the token, which goes out at the start, never
    # reaches the real GitHub.
    env -i HOST=127.0.0.1 PORT="$port" GITHUB_PATS=ghp_none API_USAGE_THRESHOLD=1 CACHE_DIR="store-$start" \
        UPSTREAM_CONNECT_TO=api.github.com:443=127.0.0.1:1 "$binary" >log &
    svm=$!
    until answers; do
        kill -0 "$svm" || { cat log; exit 1; }
    done
    echo $(($(micros) - begun)) >>starts
    if ((start == 0)); then
        sleep "$idle_seconds"
        memory=$(sed -nE 's/^(VmRSS|RssAnon|RssFile|Threads):\s+/\1 /p' "/proc/$svm/status" | paste -sd, -)
    fi
    kill -TERM "$svm"
    wait "$svm"
    svm=
done

echo "start to first answer: median $(median <starts) us, worst $(sort -n starts | tail -1) us, of $starts starts"
echo "idle memory: $memory"
