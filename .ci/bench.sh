#!/usr/bin/env bash
# Benchmarks with allocations into .local/bench.txt, in benchstat's format, then the
# summary and its comparisons that docs/performance.md keeps. Ten rounds of everything, not
# everything ten times: what is compared is then measured within the same half minute.
set -euo pipefail
benchstat=${1:?usage: bench.sh BENCHSTAT}
packages=(shared/connect shared/manifest shared/reconcile functions/lifecycle)
out=.local/bench.txt
mkdir -p .local/bench
for package in "${packages[@]}"; do
  go test -c -o ".local/bench/${package##*/}.test" "./$package"
done
: >"$out"
for round in 1 2 3 4 5 6 7 8 9 10; do
  echo "bench: round $round of 10" >&2
  for package in "${packages[@]}"; do
    (cd "$package" && "../../.local/bench/${package##*/}.test" -test.run '^$' -test.bench . -test.benchmem -test.benchtime 200ms) >>"$out"
  done
done
"$benchstat" "$out"

# compare TITLE BASE NEW: benchstat's comparison of two benchmarks of these rounds.
compare() {
  printf '\n== %s\n' "$1"
  grep -E "^(goos|goarch|pkg|cpu):" "$out" | sort -u >.local/bench/base.txt
  cp .local/bench/base.txt .local/bench/new.txt
  sed -nE "s,^Benchmark$2(-[0-9]+)?([[:space:]]),BenchmarkCompared\\1\\2,p" "$out" >>.local/bench/base.txt
  sed -nE "s,^Benchmark$3(-[0-9]+)?([[:space:]]),BenchmarkCompared\\1\\2,p" "$out" >>.local/bench/new.txt
  for side in base new; do
    grep -q '^BenchmarkCompared' ".local/bench/$side.txt" || { echo "bench: no results of $2 or $3"; exit 1; }
  done
  "$benchstat" -ignore pkg .local/bench/base.txt .local/bench/new.txt
}

compare "verify with its hash, against golang-jwt's bare parse (goal: -10 %)" BareParse Verify
compare "sign with its hash, against golang-jwt's bare signing (goal: +30 % at most)" BareSign Sign
compare "a whole callback, against its verification (goal: 4 times at most)" VerifyOnly ValidRequest
compare "a callback with a forged token, against a valid one (goal: less)" ValidRequest InvalidToken
compare "a plan of 100,000 values, against 10,000 (goal: 11 times at most)" Plan/10000 Plan/100000
compare "the same, values in no order" PlanShuffled/10000 PlanShuffled/100000
