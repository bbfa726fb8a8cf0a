#!/usr/bin/env bash
# Renders the chart and validates it; see check-chart.py.
#
#   deploy/release/check-chart.sh
#
# Needs python3 with pip; Helm's library comes from PyPI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

helm=0.2.2
schemas=1.37.0
tools=$target/tools/chart-$helm-$schemas
[[ -d $tools ]] || python3 -m pip install --quiet --root-user-action ignore --target "$tools" \
    "helm-python-sdk==$helm" "kubernetes-validate==$schemas"
PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1 python3 deploy/release/check-chart.py deploy/chart
