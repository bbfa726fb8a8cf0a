#!/usr/bin/env bash
# The status page in a real Chromium, of the real service in front of the simulated GitHub.
#
# run.sh [FOLDER [ARGUMENT]...]: the client of the browser and the checker of accessibility are
# installed into FOLDER, target/page; the arguments are those of check.py.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(realpath -m "${1:-target/page}")
shift $(($# > 0))
browser=$(command -v chromium || command -v google-chrome || true)
if [[ -z $browser ]]; then
    echo "page-check: no chromium (Debian's package chromium has it)" >&2
    exit 1
fi
mkdir -p "$folder"
if [[ ! -x $folder/python/bin/python ]]; then
    python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet playwright==1.65.2 pillow==13.0.0
fi
if [[ ! -f $folder/axe.min.js ]]; then
    npm pack --silent --pack-destination "$folder" axe-core@4.14.1 > /dev/null
    tar -xzf "$folder"/axe-core-*.tgz -C "$folder" --strip-components=1 package/axe.min.js
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$folder/python/bin/python" tests/page/check.py --browser "$browser" \
    --axe "$folder/axe.min.js" --screens "$folder/screens" "$@"
