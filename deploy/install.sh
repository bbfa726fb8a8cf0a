#!/bin/sh
# Installs the binary of a release of svm.
#
#   curl -fsSL https://github.com/OWNER/svm/releases/latest/download/install.sh | sh
#
# It picks the archive of this machine, compares its SHA-256 sum with that of the release, and where
# `gh` is logged in at github.com also checks the attestation of the workflow that built it.
# Variables:
#
#   SVM_VERSION   a version, such as 1.0.0; the latest release otherwise
#   SVM_PREFIX    where bin/svm goes: /usr/local as root, ~/.local otherwise
#   SVM_LIBC      gnu or musl; where not given, gnu on x86_64 with glibc, else musl
#   SVM_BASE_URL  the folder of the release's files, in place of GitHub's
set -eu

# The release workflow writes the name of the repository here.
repository=${SVM_REPOSITORY:-OWNER/svm}

main() {
    for program in curl tar sed uname; do
        command -v "$program" >/dev/null || fail "$program is missing"
    done
    [ "$(uname -s)" = Linux ] || fail "there are binaries for Linux alone; elsewhere: cargo install --path . --locked in the source"
    triple=$(machine)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 1' HUP INT TERM

    get SHA256SUMS
    # The sums name the version, so that the latest one needs no other request.
    archive=$(sed -nE "s/^[0-9a-f]{64}  (svm-[0-9][^ ]*-$triple\.tar\.gz)\$/\1/p" "$folder/SHA256SUMS")
    case $archive in
    '') fail "the release has no archive for $triple" ;;
    *[[:space:]]*) fail "the release has several archives for $triple" ;;
    esac
    get "$archive"
    verify_sum
    verify_attestation

    tar -xzf "$folder/$archive" -C "$folder"
    prefix=${SVM_PREFIX:-$(default_prefix)}
    mkdir -p "$prefix/bin"
    # Beside the old one and then in its place: a running svm keeps its own.
    cp "$folder/${archive%.tar.gz}/svm" "$prefix/bin/.svm.new"
    chmod 755 "$prefix/bin/.svm.new"
    "$prefix/bin/.svm.new" --version >/dev/null || { rm -f "$prefix/bin/.svm.new"; fail "the binary does not run here"; }
    mv "$prefix/bin/.svm.new" "$prefix/bin/svm"
    echo "$("$prefix/bin/svm" --version) is $prefix/bin/svm"
    case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) echo "$prefix/bin is not in PATH" ;;
    esac
}

machine() {
    case $(uname -m) in
    x86_64 | amd64) architecture=x86_64 ;;
    aarch64 | arm64) architecture=aarch64 ;;
    *) fail "there is no binary for $(uname -m)" ;;
    esac
    libc=${SVM_LIBC:-}
    if [ -z "$libc" ]; then
        libc=musl
        if [ "$architecture" = x86_64 ] && getconf GNU_LIBC_VERSION >/dev/null 2>&1; then libc=gnu; fi
    fi
    echo "$architecture-unknown-linux-$libc"
}

get() {
    if [ -n "${SVM_BASE_URL:-}" ]; then
        base=$SVM_BASE_URL
    elif [ -n "${SVM_VERSION:-}" ]; then
        base=https://github.com/$repository/releases/download/v${SVM_VERSION#v}
    else
        base=https://github.com/$repository/releases/latest/download
    fi
    curl -fsSL --retry 3 -o "$folder/$1" "$base/$1" || fail "cannot fetch $base/$1"
}

verify_sum() {
    wanted=$(sed -nE "s/^([0-9a-f]{64})  $archive\$/\1/p" "$folder/SHA256SUMS")
    if command -v sha256sum >/dev/null; then
        got=$(sha256sum "$folder/$archive")
    elif command -v shasum >/dev/null; then
        got=$(shasum -a 256 "$folder/$archive")
    else
        fail "sha256sum is missing"
    fi
    [ "${got%% *}" = "$wanted" ] || fail "the SHA-256 sum of $archive is ${got%% *} in place of $wanted"
}

verify_attestation() {
    if ! command -v gh >/dev/null || ! gh attestation --help >/dev/null 2>&1 || ! gh auth status --hostname github.com >/dev/null 2>&1; then
        echo "the sum is right; gh, which would check the attestation, is not here or not logged in at github.com"
        return
    fi
    # By default gh takes the only host of its login, or that of GH_HOST.
    GH_HOST=github.com gh attestation verify "$folder/$archive" --repo "$repository" >/dev/null || fail "the attestation of $archive is not valid"
    echo "the sum and the attestation are right"
}

default_prefix() {
    if [ "$(id -u)" = 0 ]; then echo /usr/local; else echo "$HOME/.local"; fi
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

main
