#!/usr/bin/env bash
# Makes a fresh clone ready: packages, build, Temporal server, IAM sandbox. Steps that were done before are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo '== installing packages (about 20 seconds)'
  npm ci --no-audit --no-fund --loglevel=error
fi

echo '== preparing the Temporal server and the IAM sandbox (the first time, about 30 seconds), and building meanwhile'
node --no-warnings scripts/prepare.mjs &
prepare=$!
trap 'kill "$prepare" 2> /dev/null || true' EXIT
if [ ! -f dist/workflow-bundle.js ] || [ -n "$(find src scripts/bundle-workflows.mjs tsconfig*.json package-lock.json -newer dist/workflow-bundle.js -print -quit)" ]; then
  npm run --silent build
fi
wait "$prepare"
trap - EXIT
