#!/usr/bin/env bash
# Looks at the scripts of a release that need an account or a container engine, and so cannot run
# here: their syntax, and the files that they make of names and sums.
#
#   deploy/release/check-scripts.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

need shellcheck
need ruby
shellcheck --external-sources --exclude SC1091,SC2016,SC2034 deploy/*.sh deploy/release/*.sh deploy/debian/postinst deploy/debian/postrm

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in x86_64-unknown-linux-musl aarch64-unknown-linux-musl source; do echo "$name" >"$folder/svm-$version-$name.tar.gz"; done
deploy/release/sums.sh "$folder" >/dev/null
deploy/release/formula.sh somebody/svm "$folder" >"$folder/svm.rb"
ruby -c "$folder/svm.rb" >/dev/null
check "names that are left in the formula" "$(grep -cE 'REPOSITORY|VERSION|SUM_OF|OWNER' "$folder/svm.rb" || true)" 0
check "its sums" "$(grep -cE '^ +sha256 "[0-9a-f]{64}"$' "$folder/svm.rb")" 3
check "its addresses" "$(grep -cE "^ +url \"https://github.com/somebody/svm/releases/download/v$version/svm-$version-[a-z0-9_-]+\.tar\.gz\"$" "$folder/svm.rb")" 3
check "the version of the chart" "$(sed -nE 's/^(version|appVersion): //p' deploy/chart/Chart.yaml | sort --unique)" "$version"
deploy/release/check-tag.sh "v$version"
if deploy/release/check-tag.sh v0.0.0 2>/dev/null; then fail "a tag of another version passes"; fi
for script in deploy/*.sh deploy/release/*.sh; do
    [[ -x $script ]] || fail "$script is not executable, and the workflow calls it by its name"
done
echo "all well"
