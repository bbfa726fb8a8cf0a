#!/usr/bin/env bash
# Prints the changes of this version, as CHANGELOG.md has them.
#
#   deploy/release/notes.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

notes=$(awk -v heading="## [$version]" 'index($0, "## ") == 1 { on = index($0, heading) == 1; next } on' CHANGELOG.md)
[[ $notes =~ [^[:space:]] ]] || fail "CHANGELOG.md has nothing of $version"
echo "$notes"
