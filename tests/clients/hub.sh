#!/usr/bin/env bash
# All releases of a repository by hub.
set -euo pipefail

# Without it hub asks for the user of the token.
export GITHUB_USER=octo

if [[ $# -gt 0 ]]; then
    export GITHUB_HOST=${1#https://}
fi
tags=$(hub api --paginate 'repos/octo/many/releases?per_page=100' |
    python3 -c '
import json, sys
text, decoder = sys.stdin.read().lstrip(), json.JSONDecoder()
while text:
    page, end = decoder.raw_decode(text)
    text = text[end:].lstrip()
    print("\n".join(release["tag_name"] for release in page))
')
printf 'releases=%s distinct=%s ' "$(wc -l <<< "$tags")" "$(sort -u <<< "$tags" | wc -l)"
