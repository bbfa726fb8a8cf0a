#!/usr/bin/env bash
# Real clients of GitHub's API against svm and the simulated GitHub, in a network that leads nowhere
# else: a request that goes past svm arrives at the simulation, and is counted there.
#
# run.sh [FOLDER]: the clients from the registries are installed into FOLDER, target/clients.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(realpath -m "${1:-target/clients}")
tests/clients/install.sh "$folder"
cargo build --quiet --bin svm --example simulated-github

namespaces=(--map-root-user --net --mount --pid --fork --kill-child)
if ! unshare "${namespaces[@]}" true 2>/dev/null; then
    echo "clients: this system allows no network namespace (see unshare(1)), so nothing is run" >&2
    exit 1
fi
exec unshare "${namespaces[@]}" tests/clients/inside.sh "$folder"
