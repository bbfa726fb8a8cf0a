#!/usr/bin/env bash
# All releases of a repository, and the bytes of an asset, by gh.
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
