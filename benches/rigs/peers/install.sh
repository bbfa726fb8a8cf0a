#!/usr/bin/env bash
# Installs the programs that `just bench-peers` starts and this machine lacks, from Debian's
# packages; needs apt, and sudo for a user other than root. Stops the daemons that apt has started.
set -euo pipefail

# Programs of the system are not in the path of every user.
PATH=$PATH:/usr/sbin

packages=()
for pair in nginx:nginx-light varnishd:varnish squid:squid traffic_server:trafficserver wrk:wrk; do
    command -v "${pair%:*}" >/dev/null || packages+=("${pair#*:}")
done
[[ ${#packages[@]} -gt 0 ]] || exit 0

as_root() { if [[ $EUID = 0 ]]; then "$@"; else sudo "$@"; fi; }
# Inside sudo, which hands no variables on.
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq)
as_root "${apt[@]}" update
as_root "${apt[@]}" install -y --no-install-recommends "${packages[@]}"

daemons=()
for package in "${packages[@]}"; do
    case $package in
        nginx-light) daemons+=(nginx) ;;
        varnish) daemons+=(varnish varnishncsa) ;;
        squid | trafficserver) daemons+=("$package") ;;
    esac
done
for daemon in "${daemons[@]}"; do
    if [[ -d /run/systemd/system ]]; then
        as_root systemctl disable --now "$daemon"
    else
        # It fails where the daemon does not run.
        as_root service "$daemon" stop || true
    fi
done
