#!/usr/bin/env bash
# Runs the binary of `deploy/release/binary.sh` in bare roots of Debian 11 and 12.
#
#   deploy/release/check-binary.sh
#
# Needs root, curl, and beforehand `cargo build --example simulated-github`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

folder=$(mktemp -d)
service=
cleanup() {
    [[ -z $service ]] || kill "$service" 2>/dev/null || true
    [[ -z $simulation ]] || kill "$simulation" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

# A root without ca-certificates: the authority of the simulated GitHub is all there is.
ready() {
    kill -0 "$service" 2>/dev/null || fail "svm has ended: $(<"$folder/$suite.log")"
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"
}

binary=$target/x86_64-unknown-linux-gnu/dist/svm
tar --extract --to-stdout --file "$packages/svm-$version-x86_64-unknown-linux-gnu.tar.gz" --wildcards '*/svm' | cmp - "$binary"
simulate "$folder"
for suite in bullseye bookworm; do
    echo "Debian $(<"$(deploy/release/root.sh "$suite")/etc/debian_version"):"
    root=$folder/$suite
    cp --archive --reflink=auto "$(deploy/release/root.sh "$suite")" "$root"
    cp "$binary" "$root/usr/local/bin/svm"
    cp "$folder/ca.pem" "$root/etc/svm-ca.pem"
    check "its version" "$(chroot "$root" svm --version)" "$(version_line)"
    port=$(free_port)
    mapfile -t environment < <(sed "s/'//g" "$folder/github.env")
    env --ignore-environment PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin HOST=127.0.0.1 PORT="$port" CACHE_DIR=/var/lib/svm \
        "${environment[@]}" chroot "$root" svm >"$folder/$suite.log" 2>&1 &
    service=$!
    wait_for ready
    for cache in MISS HIT; do
        answer=$(curl --silent --output /dev/null --write-out '%{http_code} %header{x-cache}' "http://127.0.0.1:$port$document")
        check "a document" "$answer" "200 $cache"
    done
    kill "$service"
    code=0
    wait "$service" || code=$?
    check "its exit code after SIGTERM" "$code" 0
    service=
done
