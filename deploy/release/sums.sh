#!/usr/bin/env bash
# Writes SHA256SUMS beside the files of a release.
#
#   deploy/release/sums.sh [FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

cd "${1:-$packages}"
rm -f SHA256SUMS
for file in *; do
    # GitHub would write dots for other signs, and the sum would be that of no file.
    [[ $file =~ ^[A-Za-z0-9][A-Za-z0-9._+-]*$ ]] || fail "$file is no name of a release's file"
done
sha256sum -- * >SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
cat SHA256SUMS
