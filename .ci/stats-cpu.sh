#!/usr/bin/env bash
# CPU seconds from an empty build cache to the end of `make run`, beside those of
# `go build std` in the same run. The second must be at most 1.5 times the first.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
TIMEFORMAT='%U %S'

# cpu COMMAND...: its user and system seconds, with an empty cache.
cpu() {
  local seconds
  rm -rf "${cache:?}"/*
  seconds=$( { time GOCACHE=$cache "$@" >"$cache.log" 2>&1; } 2>&1 ) || { cat "$cache.log"; exit 1; }
  rm -f "$cache.log"
  awk '{print $1 + $2}' <<<"$seconds"
}

std=$(cpu go build std)
run=$(cpu make run)
awk -v std="$std" -v run="$run" 'BEGIN {
  printf "CPU from an empty cache: go build std %.1f s, make run %.1f s: %.2f times (limit 1.5)\n", std, run, run / std
  exit run / std > 1.5
}'
