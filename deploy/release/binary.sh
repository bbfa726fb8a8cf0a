#!/usr/bin/env bash
# Builds the binary of a release for a target, and packs it into target/packages.
#
#   deploy/release/binary.sh [TARGET]
#
# x86_64-unknown-linux-gnu, the default, is linked against glibc 2.17, the oldest that Rust
# supports, and runs with every later one. A target of musl is static. Zig is the C compiler and the
# linker of all of them: it comes with the C libraries.
#
# The compiler optimizes by the profile of profile.sh, which is made where it is missing. The names
# of functions in it differ from target to target: a target that this machine cannot run has none.
#
# Needs cargo with the target's standard library, python3 with pip, and readelf of binutils.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

triple=${1:-x86_64-unknown-linux-gnu}
profile=$(profile_of "$triple")
if [[ $triple != "$(uname -m)"-unknown-linux-* ]]; then
    echo "$triple has no profile"
else
    [[ -f $profile ]] || deploy/release/profile.sh "$triple"
    export RUSTFLAGS=-Cprofile-use=$profile
fi
build_portable "$triple"
binary=$target/$triple/dist/svm

if [[ $triple == *-gnu ]]; then
    wanted=$(readelf --wide --dyn-syms "$binary" | grep -oE 'GLIBC_[0-9.]+' | sort --version-sort --unique | tail -n 1)
    newest=$(printf '%s\n' "$wanted" "GLIBC_$glibc" | sort --version-sort | tail -n 1)
    [[ $newest == "GLIBC_$glibc" ]] || fail "$binary needs $wanted"
elif readelf --wide --program-headers "$binary" | grep -q INTERP; then
    fail "$binary is not static"
fi

name=svm-$version-$triple
content=$target/release-content/$name
rm -rf "$content"
mkdir -p "$content/completions" "$packages"
cp "$binary" LICENSE README.md CHANGELOG.md deploy/man/svm.8 deploy/debian/svm.service "$content"
cp deploy/completions/* "$content/completions"
cp .env.example "$content/svm.env"
# The same commit gives the same archive with the same profile.
tar --create --sort=name --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --directory "$(dirname "$content")" "$name" | gzip --no-name --best >"$packages/$name.tar.gz"
echo "$packages/$name.tar.gz: $(stat --format %s "$packages/$name.tar.gz") bytes, the binary $(stat --format %s "$binary")"
