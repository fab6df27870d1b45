#!/usr/bin/env bash
# Benchmarks against a bare SDK script and peers, from a fresh clone: prints the figures, and writes docs/performance.md
# and its pictures, in a quarter of an hour. It first installs the peers, once.
# --quick: calls against their targets, within a minute; --peers no: without peers; --page FILE: elsewhere;
# --repeats N, --few-roles N, --roles N, --more-roles N, --many-roles N, --most-roles N, --soak-runs N
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
exec node --no-warnings node_modules/jiti/lib/jiti-cli.mjs bench/run.ts "$@"
