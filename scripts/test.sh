#!/usr/bin/env bash
# Runs every check and test from a fresh clone with nothing installed.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS

# Runs the tests that the arguments select. Files with a failure run once more, alone: beside others on two cores, a
# process can take longer than a test waits. The last lines name them, and a failure in the second run fails everything.
again=()
skipped=
tests() {
  local workers=$1
  shift
  npx jest "$@" --maxWorkers="$workers" && return
  echo '== files with a failure, once more and alone'
  timeout 20m npx jest "$@" --maxWorkers=1 --onlyFailures
  again+=("$*")
}

bash scripts/setup.sh
bash scripts/browser.sh
# On an older Node.js, the tests would take a third longer. scripts/node-versions.sh runs some on each supported version.
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 22 ] && programs=$(bash scripts/node.sh 22); then
  PATH=$programs:$PATH
  export PATH
fi
# Build beside the tests, with what they leave of the processors.
bash scripts/helm.sh &
helm=$!
bash scripts/real-server.sh &
real_server=$!
bash scripts/images.sh &
images=$!
trap 'kill "$helm" "$real_server" "$images" 2> /dev/null || true' EXIT
echo "== checks (setup took $((SECONDS - started)) s)"
npm run --silent check
echo '== workflows, on a server that skips time (about a minute)'
tests 2 --selectProjects workflows
echo '== simulated histories (half a minute)'
npx jest test/chaos/simulation.test.ts
echo '== kinds, integration and chaos, against a real Temporal server, a real emulator and real processes (about 35 minutes)'
wait "$helm" || skipped="the tests of the chart, since Helm could not be built"
wait "$images" || skipped="${skipped:+$skipped; }the tests of the images, which could not be built"
# What a production server may do in another way than the dev server.
production='integration/(approval|finding-runs|fleet-schedules|scheduled-runs)|chaos/(server-death|storm|upgrade)'
# Four files at a time, each with its own servers: they spend most of their time waiting, for processes and
# for the engine's timers. test/support/longest-first.cjs decides which files start first.
tests 4 --selectProjects kinds integration chaos \
  --testPathIgnorePatterns simulation.test integration/real-server "$production"
wait "$real_server" || skipped="${skipped:+$skipped; }the tests on Temporal's own server, which could not be built"
trap - EXIT
if bash scripts/real-server.sh --ready; then
  echo "== Temporal's own server on PostgreSQL (about six minutes)"
  export IAM_BOOTSTRAP_TEST_SERVER=postgresql
else
  echo "== the dev server in place of Temporal's own (about six minutes)"
fi
tests 3 --selectProjects integration chaos --testPathPatterns integration/real-server "$production"
unset IAM_BOOTSTRAP_TEST_SERVER
echo '== recorded histories and a smoke test on the other versions of Node.js (a minute)'
bash scripts/node-versions.sh
echo '== calls to AWS compared with their targets (half a minute)'
node --no-warnings node_modules/jiti/lib/jiti-cli.mjs bench/run.ts --quick
for selection in "${again[@]}"; do echo "== WARNING: a file passed in its second run only: jest $selection"; done
[ -z "$skipped" ] || echo "== WARNING: skipped: $skipped"
echo "== everything took $((SECONDS - started)) s"
# A release sets it: nothing is published before every test has passed.
if [ -n "$skipped" ] && [ "${IAM_BOOTSTRAP_REQUIRE_ALL:-}" = true ]; then exit 1; fi
