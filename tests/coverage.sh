#!/usr/bin/env bash
# Prints the line coverage of each part of src that cargo-llvm-cov has measured, and fails where it is too low.
#
#   tests/coverage.sh COVERAGE.json
#
# Files that hold tests alone are left out; in the others tests count as the lines that they are, which are all run.
# Needs bash and jq.
set -euo pipefail

# Of src as a whole, in percent.
whole=95
# Parts that must be covered to the last line.
full='^(target|cache/policy|store/record|upstream/tokens)(/|\.rs$)'

table=$(jq --raw-output --arg full "$full" --argjson whole "$whole" '
    def percent: if .count == 0 then 100 else 100 * .covered / .count end;
    def row($name): "\(percent * 100 | floor / 100)\t\(.covered)\t\(.count)\t\($name)";
    def sum: {covered: (map(.covered) | add // 0), count: (map(.count) | add // 0)};
    [.data[0].files[] | {file: (.filename | sub(".*/src/"; "")), lines: .summary.lines}
        | select(.file | test("(^|/)(tests|laws|model)(/|\\.rs$)") | not)] as $files
    | ($files | group_by(.file | split("/")[0] | sub("\\.rs$"; ""))
        | map({part: (.[0].file | split("/")[0] | sub("\\.rs$"; "")), lines: (map(.lines) | sum)})) as $parts
    | ($files | map(select(.file | test($full)))) as $strict
    | "percent\tcovered\tlines\t",
      ($parts[] | .part as $name | .lines | row($name)),
      ($files | map(.lines) | sum | row("all of src")),
      "",
      ($strict[] | .file as $name | .lines | row($name)),
      ($strict | map(.lines) | sum | row("what must be covered in full")),
      (if ($files | map(.lines) | sum | percent) < $whole then "FAILED: less than \($whole) % of src" else empty end),
      ($strict[] | select(.lines.covered < .lines.count) | "FAILED: \(.file) has lines that no test runs")
' "$1")
echo "$table"
! grep --quiet ^FAILED <<<"$table"
