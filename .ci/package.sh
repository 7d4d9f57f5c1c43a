#!/usr/bin/env bash
# Zips dist/<function>/bootstrap into dist/<function>.zip, the same bytes for the same
# binary: a fixed date and no extra fields, so that a redeploy uploads only what changed.
# Zip keeps local times and permissions, and Lambda runs only what everybody may read:
# neither this machine's time zone nor its umask may decide.
set -euo pipefail
export TZ=UTC
dist=${1:?usage: package.sh DIST FUNCTION...}; shift
command -v zip >/dev/null || { echo "package: the zip command is missing; install it (Debian: apt-get install zip)"; exit 75; }
for function in "$@"; do
  rm -f "$dist/$function.zip"
  files=("$dist/$function/bootstrap")
  # The lifecycle function serves the app's descriptor from beside its binary.
  [ "$function" != lifecycle ] || { install -m 644 "${DESCRIPTOR:-examples/atlassian-connect.json}" "$dist/$function/atlassian-connect.json"; files+=("$dist/$function/atlassian-connect.json"); }
  chmod 755 "$dist/$function/bootstrap"
  touch -d 2020-01-01T00:00:00Z "${files[@]}"
  zip -q -9 -X -j "$dist/$function.zip" "${files[@]}"
  printf '%s.zip: %s bytes\n' "$function" "$(wc -c <"$dist/$function.zip")"
done
