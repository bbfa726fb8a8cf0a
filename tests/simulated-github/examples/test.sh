#!/bin/sh
# A test in shell: a script that looks for a newer release notices one. SIM is the address.
set -eu
latest() { curl -fsS "$SIM/repos/octo/shell/releases/latest" | sed -nE 's/.*"tag_name": ?"([^"]+)".*/\1/p'; }

curl -fsS -X POST "$SIM/_sim/publish?repository=octo/shell&tag=v1" >/dev/null
[ "$(latest)" = v1 ]
curl -fsS -X POST "$SIM/_sim/publish?repository=octo/shell&tag=v2" >/dev/null
[ "$(latest)" = v2 ]
echo "shell: a newer release is noticed"
