#!/usr/bin/env bash
# Installs Chromium for the tests that open the Temporal UI, unless it is there.
set -euo pipefail
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" > /dev/null; then exit 0; fi
done
[ -z "${CHROME_PATH:-}" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  echo '== installing Chromium for the browser test (about a minute, once)'
  apt-get update -qq > /dev/null && apt-get install -y -qq --no-install-recommends chromium > /dev/null
else
  echo '== downloading Chromium for the browser test (about a minute, once)'
  npx --no-install playwright-core install chromium
fi
