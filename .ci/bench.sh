#!/usr/bin/env bash
# Benchmarks with allocations into .local/bench.txt, in benchstat's format, then the
# summary and the ratios that docs/performance.md keeps. Ten rounds of everything, not
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
go run ./internal/tools/ratios "$out"
