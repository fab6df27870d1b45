#!/usr/bin/env bash
# Runs the long form of every chaos test, from a fresh clone with nothing installed: an hour or more. Writes the results
# to IAM_BOOTSTRAP_RECORDS (default: a folder under chaos-results/, which git ignores), and the tables of
# docs/reliability.md from them. Arguments: the test files to run, if not all.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export IAM_BOOTSTRAP_CHAOS=long
export IAM_BOOTSTRAP_RECORDS=${IAM_BOOTSTRAP_RECORDS:-chaos-results/$(date -u +%Y%m%dT%H%M%SZ)}
mkdir -p "$IAM_BOOTSTRAP_RECORDS"
# Every test that has a long form.
if [ $# -eq 0 ]; then
  while read -r file; do set -- "$@" "$file"; done < <(grep -rl --include='*.test.ts' 'support/trials' test | sort)
fi
failed=0
npx jest --maxWorkers=2 "$@" || failed=$?
node scripts/reliability-page.mjs "$IAM_BOOTSTRAP_RECORDS"
echo "Results: $IAM_BOOTSTRAP_RECORDS. Tables: docs/reliability.md."
exit "$failed"
