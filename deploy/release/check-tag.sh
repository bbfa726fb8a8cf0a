#!/usr/bin/env bash
# Fails unless a tag names the version of this commit, and the changelog has that version.
#
#   deploy/release/check-tag.sh TAG
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

[[ $1 == "v$version" ]] || fail "the tag is $1, and the version $version"
deploy/release/notes.sh >/dev/null
