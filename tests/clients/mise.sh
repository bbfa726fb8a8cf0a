#!/usr/bin/env bash
# All releases of a repository, and the latest one, by mise.
set -euo pipefail

tool=github:octo/many
if [[ $# -gt 0 ]]; then
    tool+="[api_url=$1/api/v3]"
fi
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
# Nothing is remembered from run to run, no other server is asked, and the releases of the
# simulation are all new.
export HOME=$home MISE_YES=1 MISE_LIST_ALL_VERSIONS=1 MISE_MINIMUM_RELEASE_AGE=0s \
    MISE_USE_VERSIONS_HOST=0
versions=$(mise ls-remote "$tool")
printf 'releases=%s distinct=%s ' "$(wc -l <<< "$versions")" "$(sort -u <<< "$versions" | wc -l)"
[[ $(mise latest "$tool") = "$(tail -n 1 <<< "$versions")" ]]
