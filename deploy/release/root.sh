#!/usr/bin/env bash
# Makes the root of a bare Debian once, and prints its folder; the checks work on copies.
#
#   deploy/release/root.sh SUITE [PACKAGE...]
#
# Needs root, and debootstrap, which it installs where it may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

suite=$1
shift
wanted=$(IFS=,; echo "$*")
root=$target/roots/$suite${wanted:+-${wanted//,/-}}
if [[ ! -e $root ]]; then
    [[ $(id -u) == 0 ]] || fail "needs root"
    need debootstrap >&2
    # The keys that its packages are signed with, which other distributions do not have.
    [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || install_package debian-archive-keyring >&2
    mkdir -p "$target/roots"
    rm -rf "$root.new"
    debootstrap --variant=minbase ${wanted:+--include="$wanted"} "$suite" "$root.new" http://deb.debian.org/debian >"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        fail "no root of $suite"
    }
    mv "$root.new" "$root"
fi
echo "$root"
