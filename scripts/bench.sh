#!/usr/bin/env bash
# Runs the benchmarks against a bare SDK script and peers from a fresh clone: prints the figures, and writes
# docs/performance.md and its pictures. Takes a quarter of an hour; the first run also installs the peers.
# --quick: compares calls with their targets, in a minute; --peers no: without peers; --page FILE: writes another page;
# --repeats N, --few-roles N, --roles N, --more-roles N, --many-roles N, --most-roles N, --soak-runs N
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
exec node --no-warnings node_modules/jiti/lib/jiti-cli.mjs bench/run.ts "$@"
