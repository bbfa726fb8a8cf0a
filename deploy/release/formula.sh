#!/usr/bin/env bash
# Writes the Homebrew formula of a release, from deploy/homebrew/svm.rb and the sums of its files.
#
#   deploy/release/formula.sh REPOSITORY FOLDER > svm.rb
#
# FOLDER has SHA256SUMS, the archives for musl, and the source.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

repository=$1 folder=$2
sum() {
    local found
    found=$(sed -nE "s/^([0-9a-f]{64})  $1\$/\1/p" "$folder/SHA256SUMS")
    [[ -n $found ]] || fail "no sum of $1 in $folder"
    echo "$found"
}
source=$(sum "svm-$version-source.tar.gz")
intel=$(sum "svm-$version-x86_64-unknown-linux-musl.tar.gz")
arm=$(sum "svm-$version-aarch64-unknown-linux-musl.tar.gz")
# The comment goes, which is about the template.
sed -E "1d; s|REPOSITORY|$repository|g; s|SUM_OF_SOURCE|$source|; s|SUM_OF_X86_64|$intel|; s|SUM_OF_AARCH64|$arm|; s|VERSION|$version|g" deploy/homebrew/svm.rb
