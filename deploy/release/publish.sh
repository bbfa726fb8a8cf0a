#!/usr/bin/env bash
# Publishes a release: a draft, then its files, then the release, which nobody can change after
# that.
#
#   deploy/release/publish.sh TAG FOLDER
#
# Needs gh with a token that may write releases. Immutable releases have to be on in the settings of
# the repository, which that token may not read: where they are off, the script fails at its end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

tag=$1 folder=$2
deploy/release/check-tag.sh "$tag"

notes=$(deploy/release/notes.sh)
kind=()
[[ $version != *-* ]] || kind=(--prerelease)
# Of a run before this one, which has failed: a second draft of a tag would be another release.
if [[ $(gh release view "$tag" --json isDraft --jq .isDraft || true) == true ]]; then
    gh release delete "$tag" --yes
fi
gh release create "$tag" --draft --verify-tag --title "svm $version" --notes "$notes" "${kind[@]}"
gh release upload "$tag" "$folder"/*
# All of them have arrived whole.
got=$(mktemp -d)
trap 'rm -rf "$got"' EXIT
gh release download "$tag" --dir "$got"
(cd "$got" && sha256sum --check --quiet SHA256SUMS)
gh release edit "$tag" --draft=false
[[ $(gh api "repos/$GITHUB_REPOSITORY/releases/tags/$tag" --jq .immutable) == true ]] ||
    fail "the release is not immutable: turn immutable releases on, delete this one, and release anew"
