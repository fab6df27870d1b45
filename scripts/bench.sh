#!/usr/bin/env bash
# Runs the benchmarks against a bare SDK script and peers from a fresh clone, on Node.js 22 as the tests: prints the
# figures, and writes bench/results.json, docs/performance.md, its tables and its pictures. Takes 20 minutes; the first
# run also installs the peers and builds Temporal's own server, where Go is installed.
# --page: measures nothing, and writes the pages again from the figures that were kept, after a change to their texts;
# --quick: compares calls with their targets, in a minute; --peers no: without peers; --parts no: without other versions
# of Node.js and Temporal's own server; --docs FOLDER: writes the pages elsewhere;
# --repeats N, --few-roles N, --roles N, --more-roles N, --many-roles N, --most-roles N, --soak-runs N
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
# The version that is measured; where it cannot be installed, the page says which one was.
if programs=$(bash scripts/node.sh 22); then
  PATH=$programs:$PATH
  export PATH
fi
case " $* " in
  *' --quick '* | *' --page '* | *' --parts no '*) ;;
  *) bash scripts/real-server.sh ;;
esac
exec node --no-warnings node_modules/jiti/lib/jiti-cli.mjs bench/run.ts "$@"
