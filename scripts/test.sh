#!/usr/bin/env bash
# Everything, from a fresh clone with nothing installed: sets itself up, checks, and runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
bash scripts/setup.sh
bash scripts/browser.sh
echo "== checks (set-up took $((SECONDS - started)) s)"
npm run --silent check
echo '== workflows, on a server that skips time (about a minute)'
npx jest --selectProjects workflows --maxWorkers=2
echo '== kinds, integration and chaos, against a real Temporal server, a real emulator and real processes (about 25 minutes)'
# Two files at a time, each with servers of its own: most of their time is spent waiting.
npx jest --selectProjects kinds integration chaos --maxWorkers=2
echo '== calls to AWS against their targets, and times (half a minute)'
node --no-warnings node_modules/jiti/lib/jiti-cli.mjs bench/run.ts --quick
echo "== all of it took $((SECONDS - started)) s"
