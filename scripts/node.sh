#!/usr/bin/env bash
# Prints the folder of a version of Node.js, named by its major number: that of the present one, or of npm's package of
# Node.js, which it installs into the cache (once, 40 MB). Ends with 1 where that cannot be installed.
set -euo pipefail

if [ "$(node -p 'process.versions.node.split(".")[0]')" = "$1" ]; then
  dirname "$(node -p process.execPath)"
  exit
fi
platform=$(node -p '`${process.platform}-${process.arch}`')
folder=${IAM_BOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iam-bootstrap}/node/$1
programs=$folder/node_modules/node-$platform/bin
if [ ! -x "$programs/node" ]; then
  echo "== installing Node.js $1 (once)" >&2
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-save --no-audit --no-fund --loglevel=error "node-$platform@$1" >&2
fi
"$programs/node" --version >&2
echo "$programs"
