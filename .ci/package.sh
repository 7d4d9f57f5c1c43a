#!/usr/bin/env bash
# Zips dist/<function>/bootstrap into dist/<function>.zip, the same bytes for the same
# binary: a fixed date and no extra fields, so that a redeploy uploads only what changed.
# Zip keeps local times and permissions, and Lambda runs only what everybody may read:
# neither this machine's time zone nor its umask may decide.
set -euo pipefail
export TZ=UTC
dist=${1:?usage: package.sh DIST FUNCTION...}; shift
command -v zip >/dev/null || { echo "package: the zip command is missing; install it (Debian: apt-get install zip)"; exit 75; }

# add FILE NAME: put a file into the function's zip under that name.
add() { install -m 644 "$1" "$dist/$function/$2"; files+=("$dist/$function/$2"); }

for function in "$@"; do
  rm -f "$dist/$function.zip"
  files=("$dist/$function/bootstrap")
  case $function in
    # The lifecycle function serves the app's descriptor from beside its binary.
    lifecycle) add "${DESCRIPTOR:-examples/atlassian-connect.json}" atlassian-connect.json ;;
    # The connections function trusts an Infisical with a certificate authority of one's own.
    connections) [ -z "${CA_FILE:-}" ] || add "$CA_FILE" ca.pem ;;
  esac
  chmod 755 "$dist/$function/bootstrap"
  touch -d 2020-01-01T00:00:00Z "${files[@]}"
  zip -q -9 -X -j "$dist/$function.zip" "${files[@]}"
  bytes=$(wc -c <"$dist/$function.zip")
  printf '%s.zip: %s bytes (limit 5,000,000)\n' "$function" "$bytes"
  [ "$bytes" -le 5000000 ] || { echo "package: $function.zip is over the limit"; exit 1; }
done
