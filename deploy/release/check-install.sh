#!/usr/bin/env bash
# Runs `deploy/install.sh` in a bare Debian 12 against the files of a release, served on the
# loopback: a good archive, a changed one, a missing one, and an attestation that holds or not.
#
#   deploy/release/check-install.sh
#
# Needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

folder=$(mktemp -d)
server=
cleanup() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

archive=svm-$version-x86_64-unknown-linux-gnu.tar.gz
base=$(deploy/release/root.sh bookworm systemd systemd-sysv curl ca-certificates)
root=$folder/root
release=$folder/release
cp --archive --reflink=auto "$base" "$root"
mkdir "$release"
cp "$packages/$archive" "$release"
deploy/release/sums.sh "$release" >/dev/null
port=$(free_port)
python3 -m http.server --bind 127.0.0.1 --directory "$release" "$port" >/dev/null 2>&1 &
server=$!
wait_for curl --silent --fail --output /dev/null "http://127.0.0.1:$port/SHA256SUMS"

# install [VARIABLE=VALUE...]: the last line that it prints.
install() {
    env --ignore-environment PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin HOME=/root "SVM_BASE_URL=http://127.0.0.1:$port" "$@" \
        chroot "$root" sh -s <deploy/install.sh 2>&1 | tail -n 1
}

# pretend_gh HOST CODE: a `gh` that is logged in at this host alone, which is its host by default.
# The check of an attestation at github.com ends with this code, at any other host with 4.
pretend_gh() {
    cat >"$root/usr/local/bin/gh" <<END
#!/bin/sh
case "\$*" in
"attestation --help" | "auth status" | "auth status --hostname $1") ;;
"attestation verify "*) [ "\${GH_HOST:-$1} $1" = "github.com github.com" ] || exit 4; exit $2 ;;
*) exit 1 ;;
esac
END
    chmod +x "$root/usr/local/bin/gh"
}

check "a good archive" "$(install)" "$(version_line) is /usr/local/bin/svm"
check "in another folder" "$(install SVM_PREFIX=/opt/svm PATH=/opt/svm/bin:/usr/sbin:/usr/bin:/bin)" "$(version_line) is /opt/svm/bin/svm"
check "a libc that is not there" "$(install SVM_LIBC=musl)" "install.sh: the release has no archive for x86_64-unknown-linux-musl"
pretend_gh github.com 0
check "a good attestation" "$(install)" "$(version_line) is /usr/local/bin/svm"
check "another host by default" "$(install GH_HOST=github.example)" "$(version_line) is /usr/local/bin/svm"
pretend_gh github.com 1
check "a bad attestation" "$(install)" "install.sh: the attestation of $archive is not valid"
pretend_gh github.example 0
check "a login at another host" "$(install)" "$(version_line) is /usr/local/bin/svm"
rm "$root/usr/local/bin/gh" "$root/usr/local/bin/svm"
printf x >>"$release/$archive"
check "a changed archive" "$(install | sed 's/is [0-9a-f]* in place of [0-9a-f]*/is another/')" "install.sh: the SHA-256 sum of $archive is another"
rm "$release/$archive"
check "a missing archive" "$(install)" "install.sh: cannot fetch http://127.0.0.1:$port/$archive"
check "what they have installed" "$(find "$root/usr/local/bin" -type f)" ""
echo "all well"
