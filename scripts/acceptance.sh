#!/usr/bin/env bash
# Plays iam-bootstrap against an AWS account, or against an emulator, and writes a report: see docs/acceptance.md.
# --help lists the options.
set -euo pipefail
cd "$(dirname "$0")/.."
# Neither the installation nor what it downloads needs the credentials.
(
  unset ${!AWS_@}
  bash scripts/setup.sh >&2
)
exec node --no-warnings node_modules/jiti/lib/jiti-cli.mjs test/acceptance/main.ts "$@"
