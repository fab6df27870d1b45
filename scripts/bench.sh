#!/usr/bin/env bash
# Benchmarks against a bare SDK script, from a fresh clone: prints the figures and writes docs/performance.md.
# --repeats N, --roles N, --many-roles N, --latencies MS,MS
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
exec node --no-warnings node_modules/jiti/lib/jiti-cli.mjs bench/run.ts "$@"
