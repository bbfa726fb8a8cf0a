#!/usr/bin/env bash
# Completes the folder of a release, which has the archives and the packages: the source, the
# installer, the chart, the formula, and the sums of all.
#
#   deploy/release/assemble.sh REPOSITORY IMAGE FOLDER
#
# REPOSITORY is owner/name, IMAGE the name of the image without a tag. Needs git and helm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/release/lib.sh

repository=$1 image=$2 folder=$(realpath "$3")
# The source knows its commit, as a package of cargo does.
origin="svm-$version/.cargo_vcs_info.json:{\"git\":{\"sha1\":\"$(git rev-parse HEAD)\"}}"
git archive --format tar --prefix "svm-$version/" --add-virtual-file "$origin" HEAD | gzip --no-name --best >"$folder/svm-$version-source.tar.gz"
sed "s|OWNER/svm|$repository|" deploy/install.sh >"$folder/install.sh"

chart=$(mktemp -d)
trap 'rm -rf "$chart"' EXIT
cp --recursive deploy/chart "$chart/svm"
sed -i "s|REGISTRY/OWNER/svm|$image|" "$chart/svm/values.yaml"
helm package "$chart/svm" --destination "$chart" >&2
mv "$chart/svm-$version.tgz" "$folder/svm-chart-$version.tgz"

# Its sums come first, since the formula has some of them.
deploy/release/sums.sh "$folder" >/dev/null
formula=$(deploy/release/formula.sh "$repository" "$folder")
echo "$formula" >"$folder/svm.rb"
deploy/release/sums.sh "$folder"
