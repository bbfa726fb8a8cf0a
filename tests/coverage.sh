#!/usr/bin/env bash
# Prints the line coverage of each part of src that cargo-llvm-cov has measured, and fails where it
# is too low.
#
#   tests/coverage.sh COVERAGE.lcov
#
# Files that hold tests alone are left out; in the others tests count as the lines that they are,
# which are all run. A line counts once, however many binaries have it: the tool's own summary
# counts by function, and may miss it in one of them.
set -euo pipefail

# Of src as a whole, in percent.
whole=95
# Parts that must be covered to the last line.
full='^(target|cache/policy|store/record|upstream/tokens)(/|[.]rs$)'

# Each line of the table begins with what it is sorted by.
table=$(awk -v whole="$whole" -v full="$full" '
    function row(order, name, covered, count) {
        printf "%s %s\t%8.2f %8d %8d  %s\n", order, name, 100 * covered / count, covered, count, name
    }
    /^SF:/ {
        file = $0
        sub(/.*\/src\//, "", file)
        part = file
        sub(/[\/.].*/, "", part)
        counts = file !~ /(^|\/)(tests|laws|model)(\/|[.]rs$)/
    }
    /^DA:/ && counts {
        split(substr($0, 4), line, ",")
        run = line[2] > 0
        lines[part]++; covered[part] += run
        all++; all_covered += run
        if (file ~ full) {
            strict_lines[file]++; strict_covered[file] += run
            if (!run) printf "4 %s\tFAILED: %s:%d is run by no test\n", file, file, line[1]
        }
    }
    END {
        printf "0\t%8s %8s %8s\n", "percent", "covered", "lines"
        for (part in lines) row(1, part, covered[part], lines[part])
        row(2, "all of src", all_covered, all)
        for (file in strict_lines) row(3, file, strict_covered[file], strict_lines[file])
        if (100 * all_covered < whole * all) printf "4\tFAILED: less than %d %% of src\n", whole
    }
' "$1" | sort | cut -f 2-)

echo "$table"
! grep --quiet ^FAILED <<<"$table"
