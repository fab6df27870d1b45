#!/usr/bin/env bash
# Runs recorded histories and a smoke test of the whole on each supported version of Node.js but the present one; with
# --unit, the unit tests too. One that cannot be installed is skipped with a message; with IAM_BOOTSTRAP_REQUIRE_ALL=true,
# that is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

projects=(replay)
[ "${1:-}" != --unit ] || projects+=(unit)
path=$PATH
present=$(node -p 'process.versions.node.split(".")[0]')
for major in 20 22 24; do
  [ "$major" != "$present" ] || continue
  if ! programs=$(bash scripts/node.sh "$major"); then
    echo "== Node.js $major cannot be installed here: its tests are skipped"
    [ "${IAM_BOOTSTRAP_REQUIRE_ALL:-}" != true ] || exit 1
    continue
  fi
  PATH=$programs:$path
  export PATH
  node node_modules/jest/bin/jest.js --selectProjects "${projects[@]}" --maxWorkers=100%
  node node_modules/jest/bin/jest.js --selectProjects integration --testPathPatterns integration/smoke
  PATH=$path
done
