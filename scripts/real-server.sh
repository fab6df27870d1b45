#!/usr/bin/env bash
# Prepares Temporal's own server, in the version of docker-compose.yml, for the tests that run on it: builds it from its
# Go module into the cache (once, five to nine minutes), and looks for PostgreSQL. Where Go or PostgreSQL is missing, it
# says so and ends with 0, and those tests are skipped; with IAM_BOOTSTRAP_REQUIRE_ALL=true, it ends with 1. In CI, as
# root on Debian, PostgreSQL is installed. With --ready, it only tells by its exit code whether both are there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/.*temporalio\/server:\([0-9.]*\).*/\1/p' docker-compose.yml)
folder=${IAM_BOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iam-bootstrap}/temporal-server/$version
module=go.temporal.io/server

has_postgresql() { [ -n "$(ls -d /usr/lib/postgresql/*/bin/initdb 2> /dev/null)" ] || command -v initdb > /dev/null; }
if [ "${1:-}" = --ready ]; then has_postgresql && [ -x "$folder/server" ] && exit 0 || exit 1; fi

if ! has_postgresql; then
  if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo '== installing PostgreSQL for the tests on a real Temporal server (half a minute, once)'
    apt-get update -qq > /dev/null && apt-get install -y -qq --no-install-recommends postgresql > /dev/null
  else
    echo '== PostgreSQL is not installed: the tests on a real Temporal server are skipped (Debian: apt-get install postgresql)'
    [ "${IAM_BOOTSTRAP_REQUIRE_ALL:-}" != true ] || exit 1
  fi
fi

if [ -x "$folder/server" ]; then exit 0; fi
if ! command -v go > /dev/null; then
  echo "== Go is not installed: the tests on a real Temporal server are skipped (install Go, and run $0)"
  [ "${IAM_BOOTSTRAP_REQUIRE_ALL:-}" != true ] || exit 1
  exit 0
fi

echo "== building Temporal's own server $version (five to nine minutes, once)"
build=$folder.$$
trap 'rm -rf "$build"' EXIT
mkdir -p "$build"
GOBIN=$build nice -n 10 go install -ldflags='-s -w' "$module/cmd/server@v$version" "$module/cmd/tools/sql@v$version"
source=$(cd "$build" && go mod download -json "$module@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cp -R "$source/schema/postgresql/v12" "$build/schema"
chmod -R u+w "$build"
# Another process may have built it meanwhile.
[ -x "$folder/server" ] || { rm -rf "$folder" && mv "$build" "$folder"; }
