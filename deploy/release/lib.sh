# The names that the scripts of this folder share. They run in the root of the repository.
# shellcheck shell=bash

target=$(realpath "${CARGO_TARGET_DIR:-target}")
# The files of a release.
packages=$target/packages
version=$(sed -nE 's/^version = "(.*)"/\1/p;T;q' Cargo.toml)
# The same as Debian writes it: a tilde comes before everything.
debian_version=${version/-/\~}-1

# The file of the Debian package for an architecture of Debian. GitHub writes a dot for a tilde in
# the name of a release's file, which then would have no sum: the name keeps the hyphen.
deb_file() { printf "%s_%s_%s.deb\n" svm "$version-1" "$1"; }

# The answer of a binary of this commit to --version.
version_line() {
    echo "svm $version ($(git rev-parse HEAD | cut -c 1-12) $(TZ=UTC0 git log -1 --date=format-local:%Y-%m-%d --format=%cd))"
}

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    exit 1
}

# need PROGRAM [PACKAGE]: installs Debian's package of a program that is missing.
need() {
    command -v "$1" >/dev/null || install_package "${2:-$1}" || fail "$1 is missing; Debian has it: apt-get install ${2:-$1}"
}

install_package() {
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$1")
    "${install[@]}" >/dev/null 2>&1 || { apt-get -qq update && "${install[@]}" >/dev/null; }
}

# profile_of TRIPLE: the file of the profile of this commit.
profile_of() { echo "$target/profile/$1-$(git rev-parse HEAD | cut -c 1-12).profdata"; }

# The oldest glibc with which a binary of a release runs: the oldest that Rust supports.
glibc=2.17

# build_portable TRIPLE [ARGUMENT]...: builds the binary of a release, linked by Zig, with these
# arguments for cargo.
build_portable() {
    local zigbuild=0.24.1 zig=0.15.1 linked=$1
    local tools=$target/tools/zigbuild-$zigbuild-$zig
    if [[ ! -x $tools/bin/cargo-zigbuild ]]; then
        python3 -m pip install --quiet --root-user-action ignore --upgrade --target "$tools" \
            "cargo-zigbuild==$zigbuild" "ziglang==$zig"
    fi
    [[ $1 != *-gnu ]] || linked=$1.$glibc
    # Without its Python, cargo-zigbuild takes the Zig that it is given.
    PATH=$tools/bin:$PATH CARGO_ZIGBUILD_PYTHON_PATH=false CARGO_ZIGBUILD_ZIG_PATH=$PWD/deploy/release/zig.sh ZIG=$tools/ziglang/zig \
        cargo zigbuild --locked --profile dist --target "$linked" --bin svm "${@:2}"
}

# check WHAT GOT WANTED
check() {
    [[ $2 == "$3" ]] || fail "$1: '$2' in place of '$3'"
    printf '  %-44s %s\n' "$1" "${2:-none}"
}

# wait_for COMMAND: until it succeeds, for 30 s at most.
wait_for() {
    local deadline=$((SECONDS + 30))
    until "$@"; do
        ((SECONDS < deadline)) || fail "still not so after 30 s: $*"
        sleep 0.1
    done
}

# A number from the kernel that nothing listens on now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# The process of the simulated GitHub; the caller ends it.
simulation=

# simulate FOLDER: starts the simulated GitHub. FOLDER/github.env has the variables that lead svm to
# it, and FOLDER/ca.pem the authority, which they name as /etc/svm-ca.pem.
simulate() {
    mkdir -p "$1/tmp"
    : >"$1/exports"
    TMPDIR=$1/tmp "$target/debug/examples/simulated-github" --quiet >"$1/exports" &
    simulation=$!
    wait_for grep -q LOG_FORMAT "$1/exports"
    cp "$(sed -nE "s/^export UPSTREAM_CA_FILE='(.*)'/\1/p" "$1/exports")" "$1/ca.pem"
    sed -E "s/^export //; s|^UPSTREAM_CA_FILE=.*|UPSTREAM_CA_FILE='/etc/svm-ca.pem'|" "$1/exports" >"$1/github.env"
}

# The path of a document of the simulated GitHub, at svm.
document='/version?url=https://api.github.com/repos/octo/cat/releases/latest'
