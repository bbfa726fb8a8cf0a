#!/usr/bin/env bash
# Installs the clients that the registries of Python and npm have into a folder. Those of Debian
# (gh, hub) are run where they are installed.
set -euo pipefail

folder=$1
mkdir -p "$folder"

if [[ ! -x $folder/python/bin/python ]]; then
    python3 -m venv "$folder/python"
fi
"$folder/python/bin/pip" install --quiet --disable-pip-version-check \
    'PyGithub==2.10.0' 'github3.py==4.0.1'

cd "$folder"
if [[ ! -d node_modules/@octokit/rest ]]; then
    npm install --silent --no-audit --no-fund --prefix "$folder" '@octokit/rest@22.0.1'
fi
