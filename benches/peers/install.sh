#!/usr/bin/env bash
# Installs what `just bench-peers` starts and this machine lacks, from Debian's packages; needs apt, and sudo for whoever is
# not root. No daemon of theirs is to run: one that apt has started is stopped again.
set -euo pipefail

# Programs of the system are not in the path of every user.
PATH=$PATH:/usr/sbin

packages=()
for pair in nginx:nginx-light varnishd:varnish wrk:wrk; do
    command -v "${pair%:*}" >/dev/null || packages+=("${pair#*:}")
done
[[ ${#packages[@]} -gt 0 ]] || exit 0

sudo=
[[ $EUID = 0 ]] || sudo=sudo
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq --no-install-recommends "${packages[@]}"

# Where systemd runs the machine; elsewhere apt starts nothing.
[[ -d /run/systemd/system ]] || exit 0
for package in "${packages[@]}"; do
    case $package in
        nginx-light) $sudo systemctl disable --now nginx ;;
        varnish) $sudo systemctl disable --now varnish varnishncsa ;;
    esac
done
