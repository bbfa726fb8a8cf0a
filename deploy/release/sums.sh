#!/usr/bin/env bash
# Writes SHA256SUMS beside the files of a release.
#
#   deploy/release/sums.sh [FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

cd "${1:-$packages}"
rm -f SHA256SUMS
sha256sum -- * >SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
cat SHA256SUMS
