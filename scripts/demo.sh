#!/usr/bin/env bash
# Plays and explains the main job against the sandbox, from a fresh clone with nothing installed.
# --keep leaves everything running afterwards and prints the address of the Temporal UI.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
exec node dist/cli/main.js demo "$@"
