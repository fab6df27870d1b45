#!/usr/bin/env bash
# Makes a fresh clone ready: packages, build, Temporal server, IAM sandbox. What is there already is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo '== installing packages (about a minute)'
  npm ci --no-audit --no-fund --loglevel=error
fi

if [ ! -f dist/workflow-bundle.js ] || [ -n "$(find src scripts/bundle-workflows.mjs tsconfig*.json package-lock.json -newer dist/workflow-bundle.js -print -quit)" ]; then
  echo '== building (about half a minute)'
  npm run --silent build
fi

echo '== Temporal server and IAM sandbox (at once where they are cached; else up to ten minutes, once)'
node scripts/prepare.mjs
