#!/usr/bin/env bash
# Makes the image of a release the one that people get who name no version, unless it is a
# candidate.
#
#   deploy/release/latest.sh IMAGE DIGEST
#
# Needs docker with buildx, logged in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

[[ $version != *-* ]] || exit 0
docker buildx imagetools create --tag "$1:latest" "$1@$2"
