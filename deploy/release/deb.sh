#!/usr/bin/env bash
# Packs the binary of `deploy/release/binary.sh` as a Debian package into target/packages.
#
#   deploy/release/deb.sh [TARGET]
#
# Needs cargo; installs cargo-deb into the target folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

triple=${1:-x86_64-unknown-linux-gnu}
tool=3.8.0

[[ -x $target/tools/cargo-deb-$tool/bin/cargo-deb ]] ||
    cargo install --quiet --locked --root "$target/tools/cargo-deb-$tool" "cargo-deb@$tool"
case $triple in
x86_64-*) architecture=amd64 ;;
aarch64-*) architecture=arm64 ;;
*) fail "Debian's name of the architecture of $triple is not known" ;;
esac
mkdir -p "$packages"
PATH=$target/tools/cargo-deb-$tool/bin:$PATH cargo deb --no-build --no-strip --profile dist \
    --target "$triple" --output "$packages/$(deb_file "$architecture")"
