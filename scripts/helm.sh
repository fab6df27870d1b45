#!/usr/bin/env bash
# Prepares Helm for the tests of the chart: builds it from its Go module into the cache (once, about two minutes of
# processor time). Where Go is missing too, it says so and ends with 0, and those tests are skipped; with
# IAM_BOOTSTRAP_REQUIRE_ALL=true, it ends with 1.
set -euo pipefail
cd "$(dirname "$0")/.."

version=3.19.0
folder=${IAM_BOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iam-bootstrap}/helm/$version

if [ -x "$folder/helm" ] || command -v helm > /dev/null; then exit 0; fi
if ! command -v go > /dev/null; then
  echo "== neither Helm nor Go is installed: the tests of the chart are skipped (install one of them, and run $0)"
  [ "${IAM_BOOTSTRAP_REQUIRE_ALL:-}" != true ] || exit 1
  exit 0
fi

echo "== building Helm $version (two minutes of processor time, once)"
build=$folder.$$
trap 'rm -rf "$build"' EXIT
mkdir -p "$build"
GOBIN=$build nice -n 10 go install -ldflags='-s -w' "helm.sh/helm/v3/cmd/helm@v$version"
# Another process may have built it meanwhile.
[ -x "$folder/helm" ] || { rm -rf "$folder" && mv "$build" "$folder"; }
