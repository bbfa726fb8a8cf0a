#!/usr/bin/env bash
# Builds the image of a release for two architectures from the static binaries, pushes it, and
# prints its digest.
#
#   deploy/release/image.sh IMAGE FOLDER
#
# IMAGE is a name without a tag, such as registry.example/owner/svm; FOLDER has the archives for
# musl. Needs docker with buildx, logged in, and a file of CA certificates in /etc/ssl/certs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

image=$1 folder=$2
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
for pair in amd64:x86_64 arm64:aarch64; do
    name=svm-$version-${pair#*:}-unknown-linux-musl
    mkdir -p "$context/${pair%:*}"
    tar --extract --gzip --file "$folder/$name.tar.gz" --directory "$context/${pair%:*}" --strip-components 1 "$name/svm"
done
cp --dereference /etc/ssl/certs/ca-certificates.crt "$context"
mkdir "$context/store"

docker buildx create --use --driver docker-container >/dev/null
docker buildx build --platform linux/amd64,linux/arm64 --push --tag "$image:$version" \
    --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.revision=$(git rev-parse HEAD)" \
    --label "org.opencontainers.image.source=https://github.com/${GITHUB_REPOSITORY:-OWNER/svm}" \
    --label "org.opencontainers.image.licenses=MIT" \
    --metadata-file "$context/metadata" --file deploy/release/Dockerfile "$context" >&2
jq --raw-output '."containerimage.digest"' "$context/metadata"
