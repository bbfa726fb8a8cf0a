#!/usr/bin/env bash
# Plays the steps of a release that need an account or a container engine, with stand-ins for gh,
# docker and helm: the folder of the release, the image, a draft after one that has failed, and the
# files as GitHub would name them.
#
#   deploy/release/check-publishing.sh
#
# The stand-ins show what the scripts ask for, and not what GitHub, a registry and Helm make of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
release=$folder/release
export STATE=$folder/state
mkdir -p "$release" "$STATE" "$folder/bin"
export PATH=$folder/bin:$PATH GITHUB_REPOSITORY=somebody/svm

# stand_in PROGRAM: its script is the standard input.
stand_in() {
    { echo '#!/usr/bin/env bash'; echo 'set -euo pipefail'; cat; } >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}

# One release at most, a draft or published; its files have the names that GitHub gives them.
stand_in gh <<'EOF'
echo "gh $1 $2" >>"$STATE/calls"
case "$1 $2" in
"release view") if [[ -e $STATE/draft ]]; then echo true; else exit 1; fi ;;
"release delete") rm -r "$STATE/draft" ;;
"release create") mkdir "$STATE/draft"; printf '%s\n' "$@" >"$STATE/created" ;;
"release upload")
    for file in "${@:4}"; do cp "$file" "$STATE/draft/$(basename "$file" | tr -c 'A-Za-z0-9._+@\n-' .)"; done ;;
"release download") cp "$STATE/draft/"* "$5" ;;
"release edit") mv "$STATE/draft" "$STATE/published" ;;
"api repos/somebody/svm/releases/tags/"*) [[ ! -e $STATE/published ]] || echo true ;;
*) exit 1 ;;
esac
EOF
stand_in docker <<'EOF'
case "$1 $2" in
"buildx create") ;;
"buildx build")
    printf '%s\n' "$@" >"$STATE/build"
    cp -r "${@: -1}" "$STATE/context"
    for ((i = 1; i < $#; i++)); do
        [[ ${!i} != --metadata-file ]] || { next=$((i + 1)); echo '{"containerimage.digest":"sha256:0"}' >"${!next}"; }
    done ;;
"buildx imagetools") echo "$@" ;;
*) exit 1 ;;
esac
EOF
# package CHART --destination FOLDER
stand_in helm <<'EOF'
version=$(sed -n 's/^version: //p' "$2/Chart.yaml")
tar --create --gzip --file "$4/svm-$version.tgz" --directory "$(dirname "$2")" svm
EOF

for triple in {x86_64,aarch64}-unknown-linux-{gnu,musl}; do
    name=svm-$version-$triple
    mkdir "$folder/$name"
    echo "$triple" >"$folder/$name/svm"
    tar --create --gzip --file "$release/$name.tar.gz" --directory "$folder" "$name"
done
for architecture in amd64 arm64; do echo "$architecture" >"$release/$(deb_file "$architecture")"; done
echo '{}' >"$release/svm.cdx.json"

deploy/release/assemble.sh somebody/svm registry.example/somebody/svm "$release" >/dev/null
check "files of the release" "$(find "$release" -type f | wc -l)" 12
check "names that nobody has filled in" "$(grep -lE 'OWNER|[^_]REPOSITORY' "$release/install.sh" "$release/svm.rb" || true)" ""
check "the image in the chart" "$(tar -xzOf "$release/svm-chart-$version.tgz" svm/values.yaml | sed -n 's/^  repository: //p')" registry.example/somebody/svm
check "the source" "$(tar -tzf "$release/svm-$version-source.tar.gz" | grep -cE "^svm-$version/(Cargo.toml|.cargo_vcs_info.json|src/main.rs)$")" 3

# A runner has a file of authorities; a bare machine may have none.
if [[ -e /etc/ssl/certs/ca-certificates.crt ]]; then
    check "the digest of the image" "$(deploy/release/image.sh registry.example/somebody/svm "$release")" sha256:0
    check "its binaries" "$(cat "$STATE/context/"{amd64,arm64}/svm | xargs)" "x86_64-unknown-linux-musl aarch64-unknown-linux-musl"
    check "its names" "$(grep -A 1 -x -e --tag "$STATE/build" | xargs)" "--tag registry.example/somebody/svm:$version"
fi
moved=""
[[ $version == *-* ]] || moved="buildx imagetools create --tag registry.example/somebody/svm:latest registry.example/somebody/svm@sha256:0"
check "the image for all" "$(deploy/release/latest.sh registry.example/somebody/svm sha256:0)" "$moved"

if deploy/release/publish.sh v0.0.0 "$release" 2>/dev/null; then fail "a tag of another version is published"; fi
check "calls for a tag of another version" "$(cat "$STATE/calls" 2>/dev/null || true)" ""
# A run before this one ended between the draft and its publication.
mkdir "$STATE/draft"
deploy/release/publish.sh "v$version" "$release"
check "the steps" "$(sed 's/ repos.*//; s/gh release //' "$STATE/calls" | xargs)" "view delete create upload download edit gh api"
check "files that are published" "$(find "$STATE/published" -type f | wc -l)" 12
check "whether it is a candidate" "$(grep -cx -e --prerelease "$STATE/created" || true)" "$([[ $version == *-* ]] && echo 1 || echo 0)"
echo x >"$release/svm~x.txt"
if deploy/release/sums.sh "$release" >/dev/null 2>&1; then fail "a name that GitHub changes gets a sum"; fi
echo "all well"
