#!/usr/bin/env bash
# All releases of a repository, the bytes of an asset, and the latest release, by gh.
set -euo pipefail

if [[ $# -gt 0 ]]; then
    export GH_HOST=${1#https://}
fi
tags=$(gh api --paginate 'repos/octo/many/releases?per_page=100' --jq '.[].tag_name')
printf 'releases=%s distinct=%s ' "$(wc -l <<< "$tags")" "$(sort -u <<< "$tags" | wc -l)"

asset=$(gh api repos/octo/many/releases/latest --jq '.assets[0] | "\(.id) \(.name)"')
# An asset of the simulation holds its own name.
[[ $(gh api -H 'Accept: application/octet-stream' \
    "repos/octo/many/releases/assets/${asset% *}") = "${asset#* }" ]]

# Of the latest release without its tag, which needs no GraphQL.
repository=${GH_HOST:-github.com}/octo/many
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[[ $(gh release view -R "$repository" --json tagName -q .tagName) = "$(head -n 1 <<< "$tags")" ]]
gh release download -R "$repository" --pattern '*' --dir "$folder"
for file in "$folder"/*; do [[ $(< "$file") = "${file##*/}" ]]; done
