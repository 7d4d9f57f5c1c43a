#!/usr/bin/env bash
# Runs every fuzz target of the tree for the given time each, and says which ran.
set -euo pipefail
fuzztime=${1:?usage: fuzz.sh TIME}
count=0
while read -r file name; do
  echo "== $name (${file%/*}) for $fuzztime"
  go test "./${file%/*}" -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" -fuzzminimizetime 5x
  count=$((count + 1))
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' shared functions action | sed -E 's/:func / /' | sort)
echo "$count fuzz targets ran for $fuzztime each"
[ "$count" -gt 0 ]
