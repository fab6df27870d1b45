#!/usr/bin/env bash
# Runs every check and test from a fresh clone with nothing installed.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
bash scripts/setup.sh
bash scripts/browser.sh
echo "== checks (setup took $((SECONDS - started)) s)"
npm run --silent check
echo '== workflows, on a server that skips time (about a minute)'
npx jest --selectProjects workflows --maxWorkers=2
echo '== simulated histories (half a minute)'
npx jest test/chaos/simulation.test.ts
echo '== kinds, integration and chaos, against a real Temporal server, a real emulator and real processes (about 35 minutes)'
# Three files at a time, each with its own servers: they spend most of their time waiting, for processes and
# for the engine's timers. test/support/longest-first.cjs decides which files start first.
npx jest --selectProjects kinds integration chaos --maxWorkers=3 --testPathIgnorePatterns simulation.test
echo '== calls to AWS compared with their targets (half a minute)'
node --no-warnings node_modules/jiti/lib/jiti-cli.mjs bench/run.ts --quick
echo "== everything took $((SECONDS - started)) s"
