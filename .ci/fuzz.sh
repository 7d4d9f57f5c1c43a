#!/usr/bin/env bash
# Runs every fuzz target of the tree for the given time, or as many executions as
# 3000000x says. A pattern of grep chooses targets by name.
set -euo pipefail
fuzztime=${1:?usage: fuzz.sh TIME [PATTERN]}
pattern=${2:-.}
count=0
while read -r file name; do
  echo "== $name (${file%/*}) for $fuzztime"
  go test "./${file%/*}" -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" -fuzzminimizetime 5x
  count=$((count + 1))
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' shared functions action internal | sed -E 's/:func / /' | sort | { grep -E " $pattern" || true; })
echo "$count fuzz targets ran for $fuzztime each"
[ "$count" -gt 0 ]
