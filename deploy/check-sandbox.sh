#!/usr/bin/env bash
# Runs the service as the image and compose.yaml do, and looks at it from outside.
#
#   deploy/check-sandbox.sh
#
# A user of its own, a root file system that is read-only, no capability, no new privileges, and one
# folder that it may write to, or none. Bubblewrap stands in for a container engine, and GitHub is
# simulated; all is on the loopback.
#
# Needs bash, curl, bwrap, and beforehand `cargo build --bin svm --example simulated-github`.
set -euo pipefail

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(realpath "${CARGO_TARGET_DIR:-$deploy/../target}")
document='/version?url=https://api.github.com/repos/octo/cat/releases/latest'
patience=30

for program in curl:curl bwrap:bubblewrap; do
    command -v "${program%:*}" >/dev/null || { echo "${program%:*} is missing; Debian has it: apt-get install ${program#*:}" >&2; exit 69; }
done

# The steps ----------------------------------------------------------------------------------------

main() {
    echo "With a volume:"
    mkdir volume
    start --bind "$folder/volume" /var/lib/svm
    check_confinement
    check "the mounts that it may write to" "$(writable_mounts)" /var/lib/svm
    check "a document" "$(told "$document")" "200 svm; fwd=uri-miss; fwd-status=200; stored; ttl=N"
    check "the same again" "$(told "$document")" "200 svm; hit; ttl=N"
    stop
    start --bind "$folder/volume" /var/lib/svm
    check "the same after a restart" "$(told "$document")" "200 svm; hit; ttl=N; detail=l2"
    stop

    echo "Without a volume:"
    start
    check "the mounts that it may write to" "$(writable_mounts)" ""
    check "a document" "$(told "$document")" "200 svm; fwd=uri-miss; fwd-status=200; stored; ttl=N"
    wait_for is degraded
    check "its health" "$(health)" degraded
    stop
    echo "$checks checks, all well"
}

check_confinement() {
    check "its user, as it sees it" "$(awk '{ print $1 }' "/proc/$process/uid_map")" 10001
    check "its capabilities" "$(status_of CapEff)" 0000000000000000
    check "those that it may ever have" "$(status_of CapBnd)" 0000000000000000
    check "whether it may gain no privileges" "$(status_of NoNewPrivs)" 1
}

# Their means --------------------------------------------------------------------------------------

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    tail --lines 5 svm.log >&2
    exit 1
}

# check WHAT GOT WANTED
check() {
    [[ $2 == "$3" ]] || fail "$1: '$2' in place of '$3'"
    checks=$((checks + 1))
    printf '  %-36s %s\n' "$1" "${2:-none}"
}

# start [MOUNT...]: the simulated GitHub, which starts the service in its sandbox.
start() {
    local mounts=(--ro-bind "$target/debug/svm" /usr/local/bin/svm --dir /var/lib/svm --dev /dev --proc /proc) path
    # The libraries that it is linked to, what TLS and names need, and the authority of the
    # simulated GitHub.
    for path in /usr/lib /usr/lib64 /lib /lib64 /etc/ssl /etc/hosts /etc/resolv.conf "$folder/authority"; do
        [[ ! -e $path ]] || mounts+=(--ro-bind "$path" "$path")
    done
    # Before the start, so that nothing is read of the one before.
    : >svm.log
    # Real tokens have no business here.
    env --unset GITHUB_PATS HOST=127.0.0.1 PORT=0 CACHE_DIR=/var/lib/svm LOG_FORMAT=json TMPDIR="$folder/authority" \
        "$target/debug/examples/simulated-github" --quiet -- \
        bwrap --unshare-user --uid 10001 --gid 10001 --unshare-ipc --unshare-uts --cap-drop ALL --die-with-parent \
        "${mounts[@]}" "$@" --remount-ro / --chdir /var/lib/svm svm >>svm.log 2>&1 &
    simulation=$!
    wait_for serves
    process=$(descendant "$simulation")
}

# The service below a process: bubblewrap and the simulated GitHub stand in between.
descendant() {
    local process=$1
    until [[ $(<"/proc/$process/comm") == svm ]]; do
        process=$(pgrep --parent "$process") || fail "the service has no process"
    done
    echo "$process"
}

serves() {
    service=$(sed -nE 's/.*"message":"serving","address":"([^"]+)".*/\1/p' svm.log)
    [[ -n $service ]]
}

# wait_for COMMAND: until the command succeeds, or for as long as the patience lasts.
wait_for() {
    local deadline=$((SECONDS + patience))
    until "$@"; do
        kill -0 "$simulation" 2>/dev/null || fail "the service has ended"
        ((SECONDS < deadline)) || fail "still not so after $patience s: $*"
        sleep 0.1
    done
}

# Ends the service in order; its exit code comes through all that stand above it.
stop() {
    local code=0
    kill -TERM "$process"
    wait "$simulation" || code=$?
    check "its exit code after SIGTERM" "$code" 0
}

status_of() { sed -nE "s/^$1:[[:space:]]*//p" "/proc/$process/status"; }

# But for the kernel's own: /proc and the devices.
writable_mounts() { awk '$6 ~ /^rw/ && $5 !~ /^\/(proc|dev)(\/|$)/ { print $5 }' "/proc/$process/mountinfo"; }

# The status and the Cache-Status of an answer.
told() {
    local told
    told=$(curl --silent --output /dev/null --write-out '%{http_code} %header{cache-status}' "http://$service$1")
    sed -E 's/ttl=[0-9]+/ttl=N/' <<<"$told"
}

is() { [[ $(health) == "$1" ]]; }

health() { curl --silent "http://$service/healthz" | sed -nE 's/^\{"status":"([a-z]+)".*/\1/p'; }

folder=$(mktemp -d)
simulation=
checks=0
trap '[[ -z $simulation ]] || kill "$simulation" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
mkdir authority
main
