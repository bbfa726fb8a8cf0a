#!/usr/bin/env bash
# The main job on real input, with the release build: every URL asked through /version, raw and
# percent-encoded.
#
#   tests/real-input.sh [--documents DIR] --urls FILE     options of the example simulated-github
#
# Each URL is to be one key, its body byte for byte what the simulated GitHub serves, its second
# request a HIT, and after a restart with the simulation stopped a HIT from the store with no
# upstream call.
#
# Needs bash, curl, and beforehand `cargo build --release --bin svm --example simulated-github`.
set -euo pipefail

target=${CARGO_TARGET_DIR:-target}
binary=$(realpath "$target/release/svm")
simulation=$(realpath "$target/release/examples/simulated-github")
urls=
options=()
while (($#)); do
    [[ $1 != --urls ]] || urls=$(realpath "$2")
    options+=("$1" "$(realpath "$2")")
    shift 2
done
[[ -n $urls ]] || { sed -n '2,9s/^# \?//p' "$0" >&2; exit 64; }

folder=$(mktemp -d)
svm=
github=
trap 'kill $svm $github 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

fail() { echo "FAILED: $*" >&2; exit 1; }

decoded() { printf '%b' "${1//%/\\x}"; }

encoded() {
    local text=$1 at
    for ((at = 0; at < ${#text}; at++)); do
        case ${text:at:1} in
            [A-Za-z0-9._~-]) printf %s "${text:at:1}" ;;
            *) printf '%%%02X' "'${text:at:1}" ;;
        esac
    done
}

start_svm() {
    : >log
    PORT=0 HOST=127.0.0.1 CACHE_DIR=store LOG_FORMAT=json RUST_LOG=info "$binary" >log &
    svm=$!
    local deadline=$((SECONDS + 20))
    until base=http://$(sed -nE '/"serving"/s/.*"address":"([^"]+)".*/\1/p' log) && [[ $base != http:// ]]; do
        kill -0 $svm && ((SECONDS < deadline)) || fail "svm does not start: $(cat log)"
    done
}

stop() { kill -TERM "$1"; wait "$1"; }

# Asks with the value of url= as it is; the body goes to a file, the named headers to `cache`, `key`
# and `told`.
ask() {
    curl --silent --show-error --fail --globoff --dump-header head --output "$2" "$base/version?url=$1"
    cache=$(header x-cache) key=$(header x-cache-key) told=$(header cache-status)
}

header() { tr -d '\r' <head | sed -n "s/^$1: //p"; }

metric() { curl --silent "$base/metrics" | sed -n "s/^$1 //p"; }

: >environment
"$simulation" "${options[@]}" >environment 2>table &
github=$!
until grep -q API_USAGE_THRESHOLD environment; do kill -0 $github || fail "$(cat table)"; done
source environment
# The certificate goes with the simulation, and the restart does without that.
cp "$UPSTREAM_CA_FILE" ca.pem
UPSTREAM_CA_FILE=ca.pem
export API_USAGE_THRESHOLD GITHUB_PATS UPSTREAM_CA_FILE UPSTREAM_CONNECT_TO
address=${UPSTREAM_CONNECT_TO%%,*}
address=${address##*=}

mapfile -t lines < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$urls")
declare -A seen=()
bytes=0
start_svm
for line in "${lines[@]}"; do
    url=$line
    [[ $line == *://* ]] || url=$(decoded "$line")
    ask "$url" raw
    want=MISS
    [[ -z ${seen[$url]:-} ]] || want=HIT
    [[ $cache == "$want" ]] || fail "$url is a $cache, not a $want"
    first=$key
    ask "$(encoded "$url")" encoded
    [[ $cache == HIT ]] || fail "$url, encoded, is a $cache"
    [[ $key == "$first" && -n $key ]] || fail "$url has the keys $first and $key"
    curl --silent --show-error --fail --cacert "$UPSTREAM_CA_FILE" --connect-to "::$address" \
        --user-agent real-input --header 'Accept: application/vnd.github+json' \
        --header "Authorization: Bearer ${GITHUB_PATS%%,*}" --output direct "$url"
    cmp direct raw && cmp direct encoded || fail "$url has other bytes"
    seen[$url]=$key
    bytes=$((bytes + $(stat --format %s direct)))
done
keys=$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)
calls=$(metric svm_upstream_requests_total)
[[ $keys == "${#seen[@]}" ]] || fail "$keys keys for ${#seen[@]} URLs"
[[ $calls == "$keys" ]] || fail "$calls upstream calls for $keys URLs"
echo "${#lines[@]} lines, ${#seen[@]} URLs, $keys keys, $calls upstream calls, $bytes bytes as the upstream sends them"

stop $svm
stop $github || true
github=
start_svm
declare -A again=()
for line in "${lines[@]}"; do
    url=$line
    [[ $line == *://* ]] || url=$(decoded "$line")
    ask "$url" raw
    [[ $cache == HIT && $key == "${seen[$url]}" ]] || fail "$url is a $cache after the restart"
    [[ -n ${again[$url]:-} || $told == *'detail=l2'* ]] || fail "$url is not from the store: $told"
    ask "$(encoded "$url")" encoded
    [[ $cache == HIT ]] && cmp raw encoded || fail "$url, encoded, differs after the restart"
    again[$url]=1
done
calls=$(metric svm_upstream_requests_total)
[[ $calls == 0 ]] || fail "$calls upstream calls after the restart"
echo "after a restart without the upstream: ${#again[@]} URLs, all HIT from the store, $calls upstream calls"
stop $svm
svm=
