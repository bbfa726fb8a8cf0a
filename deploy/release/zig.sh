#!/usr/bin/env bash
# Zig, the program $ZIG, as the linker of instrumented programs too: rustc asks for a symbol by
# `-u NAME`, and Zig takes that name for a file.
set -euo pipefail

arguments=()
while (($#)); do
    if [[ $1 == -u ]]; then
        arguments+=("-Wl,-u,$2")
        shift
    else
        arguments+=("$1")
    fi
    shift
done
exec "$ZIG" "${arguments[@]}"
