#!/usr/bin/env bash
# Installs the clients that the registries of Python and npm have into a folder. Those of Debian
# (gh, hub, octokit.rb, go-github) are run where they are installed.
set -euo pipefail

folder=$1
gocode=/usr/share/gocode
mkdir -p "$folder"

if [[ ! -x $folder/python/bin/python ]]; then
    python3 -m venv "$folder/python"
fi
"$folder/python/bin/pip" install --quiet --disable-pip-version-check \
    'PyGithub==2.10.0' 'github3.py==4.0.1' 'gidgethub==6.0.0' 'httpx==0.28.1'

# go-github is a package of Debian's, in the old layout of Go's sources.
if [[ -d $gocode/src/github.com/google/go-github/github ]] && command -v go > /dev/null; then
    GO111MODULE=off GOPATH=$gocode GOCACHE=$folder/go-cache GOFLAGS=-p=1 \
        go build -o "$folder/go-github" tests/clients/go-github.go
fi

cd "$folder"
if [[ ! -d node_modules/@octokit/rest ]]; then
    npm install --silent --no-audit --no-fund --prefix "$folder" '@octokit/rest@22.0.1'
fi
if [[ ! -d node_modules/@jdxcode/mise ]]; then
    npm install --silent --no-audit --no-fund --prefix "$folder" '@jdxcode/mise@2026.9.15'
fi
