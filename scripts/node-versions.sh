#!/usr/bin/env bash
# Runs recorded histories and a smoke test of the whole on each supported version of Node.js but the present one; with
# --unit, the unit tests too. The versions come from npm's packages of Node.js, into the cache (once, 40 MB each). One
# that cannot be installed is skipped with a message; with IAM_BOOTSTRAP_REQUIRE_ALL=true, that is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

projects=(replay)
[ "${1:-}" != --unit ] || projects+=(unit)
present=$(node -p 'process.versions.node.split(".")[0]')
platform=$(node -p '`${process.platform}-${process.arch}`')
cache=${IAM_BOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iam-bootstrap}/node
for major in 20 22 24; do
  [ "$major" != "$present" ] || continue
  folder=$cache/$major
  node=$folder/node_modules/node-$platform/bin/node
  if [ ! -x "$node" ]; then
    echo "== installing Node.js $major (once)"
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-save --no-audit --no-fund --loglevel=error "node-$platform@$major" || true
  fi
  if ! "$node" --version; then
    echo "== Node.js $major cannot be installed here: its tests are skipped"
    [ "${IAM_BOOTSTRAP_REQUIRE_ALL:-}" != true ] || exit 1
    continue
  fi
  PATH=$(dirname "$node"):$PATH
  export PATH
  node node_modules/jest/bin/jest.js --selectProjects "${projects[@]}" --maxWorkers=100%
  node node_modules/jest/bin/jest.js --selectProjects integration --testPathPatterns integration/smoke
done
