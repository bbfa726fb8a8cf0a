#!/usr/bin/env bash
# Installs, starts, upgrades, removes and purges the Debian package in a bare Debian 12 that boots
# its own systemd, and measures the time from the package to an answered request.
#
#   deploy/release/check-deb.sh
#
# The root has systemd, curl and ca-certificates, and no Rust. GitHub is simulated, on the loopback.
# Needs root, and beforehand `cargo build --example simulated-github`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

# Of a start on a machine that is busy with other things; acceptance is a minute.
limit_ms=60000
# In tenths, of `systemd-analyze security`.
exposure=12

# The steps ----------------------------------------------------------------------------------------

main() {
    need systemd-nspawn systemd-container
    simulate "$folder"
    boot
    echo "Installed:"
    install_and_ask
    check_files
    check_process
    echo "Restarted:"
    check_restarts
    echo "Upgraded:"
    check_upgrade
    echo "Removed:"
    inside dpkg --remove svm >>"$folder/dpkg.log" 2>&1
    check "whether it runs" "$(inside systemctl is-active svm || true)" inactive
    check "the binary, the unit" "$(present /usr/bin/svm /lib/systemd/system/svm.service)" ""
    check "the configuration, the store" "$(present /etc/svm/svm.env /var/lib/svm/svm.redb)" "/etc/svm/svm.env /var/lib/svm/svm.redb"
    echo "Purged:"
    inside dpkg --purge svm >>"$folder/dpkg.log" 2>&1
    check "what is left" "$(present /etc/svm /var/lib/svm /var/lib/private/svm)" ""
    check "links of systemd" "$(inside find /etc/systemd /var/lib/systemd -name 'svm.service*')" ""
    check "the state of the package" "$(inside dpkg-query --show --showformat '${Status}' svm 2>/dev/null || true)" ""
}

install_and_ask() {
    local begin now
    begin=$(date +%s%3N)
    inside dpkg --install "/opt/$package" >"$folder/dpkg.log" 2>&1 || fail "$(<"$folder/dpkg.log")"
    check "whether it runs without tokens" "$(inside systemctl is-active svm || true)" inactive
    { cat "$folder/github.env"; echo "HOST=127.0.0.1"; echo "PORT=$port"; echo "LOG_FORMAT=json"; } >>"$root/etc/svm/svm.env"
    inside systemctl start svm
    wait_for answers
    now=$(date +%s%3N)
    check "a document" "$(ask "$document")" "200 svm; hit; ttl=N"
    echo "  from the package to an answer: $((now - begin)) ms"
    ((now - begin < limit_ms)) || fail "more than $limit_ms ms"
}

check_files() {
    check "the configuration" "$(inside stat --format '%a %U:%G' /etc/svm/svm.env)" "600 root:root"
    check "the state folder" "$(inside stat --format %a /var/lib/private/svm)" 700
    check "whether it starts with the machine" "$(inside systemctl is-enabled svm)" enabled
    check "the man page" "$(present /usr/share/man/man8/svm.8.gz)" /usr/share/man/man8/svm.8.gz
    check "completions" "$(present /usr/share/bash-completion/completions/svm /usr/share/zsh/vendor-completions/_svm /usr/share/fish/vendor_completions.d/svm.fish | wc -w)" 3
    inside systemd-analyze security --threshold "$exposure" --no-pager svm >"$folder/security" || fail "$(tail -n 1 "$folder/security")"
    tail -n 1 "$folder/security"
}

# The hardening as the kernel has it.
check_process() {
    local pid status
    pid=$(inside systemctl show --property MainPID --value svm)
    status=$(inside cat "/proc/$pid/status")
    field() { sed -nE "s/^$1:[[:space:]]*//p" <<<"$status"; }
    (($(field Uid | cut -f 1) != 0)) || fail "it runs as root"
    check "its capabilities" "$(field CapEff)" 0000000000000000
    check "those that it may ever have" "$(field CapBnd)" 0000000000000000
    check "whether it may gain no privileges" "$(field NoNewPrivs)" 1
    check "its filter of system calls" "$(field Seccomp)" 2
    check "its limit on descriptors" "$(inside systemctl show --property LimitNOFILE --value svm)" 65536
    check "metrics of the process" "$(inside curl --silent "http://127.0.0.1:$port/metrics" | grep -cE '^process_(open_fds|resident_memory_bytes|start_time_seconds) ')" 3
    check "warnings in its log" "$(inside journalctl --unit svm --output cat | grep -cE '"level":"(WARN|ERROR)"' || true)" 0
}

check_restarts() {
    inside systemctl restart svm
    wait_for answers
    check "a document, from the store" "$(ask "$document")" "200 svm; hit; ttl=N"
    check "calls to GitHub since the start" "$(calls)" 0
    check "the end of the one before" "$(inside journalctl --unit svm --output cat | grep -cE 'Deactivated successfully')" 1
    inside systemctl kill --signal KILL svm
    wait_for restarted
    wait_for answers
    check "restarts after kill -9" "$(inside systemctl show --property NRestarts --value svm)" 1
    # The request that is waited for above asks for the same document.
    check "calls to GitHub since the start" "$(calls)" 0
}

check_upgrade() {
    local before
    before=$(inside systemctl show --property MainPID --value svm)
    dpkg-deb --raw-extract "$packages/$package" "$folder/newer"
    sed -i 's/^Version: .*/&.1/' "$folder/newer/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$folder/newer" "$root/opt/newer.deb" >/dev/null
    inside dpkg --install /opt/newer.deb >>"$folder/dpkg.log" 2>&1 || fail "$(<"$folder/dpkg.log")"
    wait_for answers
    check "the version" "$(inside dpkg-query --show --showformat '${Version}' svm)" "$debian_version.1"
    [[ $(inside systemctl show --property MainPID --value svm) != "$before" ]] || fail "the old process still runs"
    check "whether it runs" "$(inside systemctl is-active svm)" active
    check "the configuration" "$(inside grep -c "^PORT=$port" /etc/svm/svm.env)" 1
    check "a document, from the store" "$(ask "$document")" "200 svm; hit; ttl=N"
    check "calls to GitHub since the start" "$(calls)" 0
}

# Their means --------------------------------------------------------------------------------------

# A container with a systemd of its own, in the network of this machine.
boot() {
    local base
    base=$(deploy/release/root.sh bookworm systemd systemd-sysv curl ca-certificates)
    cp --archive --reflink=auto "$base" "$root"
    cp "$packages/$package" "$root/opt/"
    cp "$folder/ca.pem" "$root/etc/svm-ca.pem"
    systemd-nspawn --quiet --register=no --keep-unit --directory "$root" --boot >"$folder/console" 2>&1 </dev/null &
    container=$!
    wait_for booted
}

booted() {
    kill -0 "$container" 2>/dev/null || fail "the container has ended: $(tail -n 3 "$folder/console")"
    leader=$(pgrep --parent "$container" | head -n 1) && [[ $(inside systemctl is-system-running 2>/dev/null) =~ running|degraded ]]
}

inside() {
    nsenter --target "$leader" --all --root --wd -- env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# The status and the Cache-Status of an answer.
ask() {
    inside curl --silent --output /dev/null --write-out '%{http_code} %header{cache-status}' "http://127.0.0.1:$port$1" |
        sed -E 's/ttl=[0-9]+/ttl=N/; s/; detail=l2//'
}

answers() { [[ $(ask "$document") == 200* ]]; }

restarted() { [[ $(inside systemctl show --property NRestarts --value svm) == 1 ]]; }

# The exchanges with GitHub that clients have caused since the process started.
calls() {
    inside curl --silent "http://127.0.0.1:$port/metrics" | awk '/^svm_upstream_exchanges_total\{.*foreground/ { sum += $2 } END { print sum + 0 }'
}

# Those of the paths that are there.
present() {
    local path found=()
    for path in "$@"; do
        if inside test -e "$path"; then found+=("$path"); fi
    done
    echo "${found[*]}"
}

cleanup() {
    [[ -z $container ]] || { kill "$container" 2>/dev/null || true; wait "$container" 2>/dev/null || true; }
    [[ -z $simulation ]] || kill "$simulation" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}

folder=$(mktemp -d)
root=$folder/root
container=
leader=
port=$(free_port)
package=$(deb_file amd64)
trap cleanup EXIT
main
echo "all well"
