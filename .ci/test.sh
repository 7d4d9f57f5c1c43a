#!/usr/bin/env bash
# Every test, with the race detector, in random order. At the end the slowest packages
# with their seconds.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
go test -race -shuffle=on -count=1 "${@:-./...}" 2>&1 | tee "$log" | grep -v '\[no test files\]$'
failed=${PIPESTATUS[0]}
printf '\nseconds of each package, slowest first:\n'
awk '$1 == "ok" || $1 == "FAIL" && $3 ~ /s$/ {sub(/s$/, "", $3); sub(/.*\/linkersync\//, "", $2); printf "%8.1f  %s\n", $3, $2}' "$log" | sort -rn
exit "$failed"
