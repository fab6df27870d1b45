#!/usr/bin/env bash
# The long form of every chaos test, from a fresh clone with nothing installed: an hour and more. Writes
# docs/reliability.json, and docs/reliability.md from it. Names of chapters' test files may follow, to run only those.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export IAM_BOOTSTRAP_CHAOS=long
IAM_BOOTSTRAP_RECORDS=$(mktemp -d)
export IAM_BOOTSTRAP_RECORDS
trap 'rm -rf "$IAM_BOOTSTRAP_RECORDS"' EXIT
# The tests that keep a chapter.
if [ $# -eq 0 ]; then
  while read -r file; do set -- "$@" "$file"; done < <(grep -rl --include='*.test.ts' 'support/trials' test | sort)
fi
failed=0
npx jest --maxWorkers=2 "$@" || failed=$?
node scripts/keep-records.mjs "$IAM_BOOTSTRAP_RECORDS"
npm run --silent gen
exit "$failed"
