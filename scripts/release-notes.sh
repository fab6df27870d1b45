#!/usr/bin/env bash
# Prints the section of the changelog for a version. Fails where there is none, or where its heading says that the version
# is not published yet.
set -euo pipefail

version=$1
section=$(awk -v version="$version" '/^## /{on = ($2 == version)} on' CHANGELOG.md)
if [ -z "$section" ]; then
  echo "CHANGELOG.md has no section \"## $version\": write it" >&2
  exit 1
fi
if head -n 1 <<< "$section" | grep -q 'not yet published'; then
  echo "CHANGELOG.md says that $version is not yet published: put the date there" >&2
  exit 1
fi
printf '%s\n' "$section"
