#!/usr/bin/env bash
# What a stranger does on the first day, with nothing but documented commands, against the
# stack of `make serve`. Each task prints its time; a failure prints what the command said.
set -euo pipefail
work=$(mktemp -d)
serve=
cleanup() {
  [ -z "$serve" ] || { kill "$serve" 2>/dev/null; wait "$serve" 2>/dev/null || true; }
  rm -rf "$work"
}
trap cleanup EXIT

workspace='{11111111-2222-4333-8444-555555555555}'
manifest=$PWD/examples/linkersync.yaml

# task NAME: says how long the one before took.
begun=$SECONDS
task() {
  [ -z "${name:-}" ] || printf '%-40s %s s\n' "$name" $((SECONDS - begun))
  name=$1 begun=$SECONDS
}

# run EXIT WANTED COMMAND...: wants this exit code, and this text in what is printed.
run() {
  local want=$1 text=$2 code=0
  shift 2
  "$@" >"$work/said" 2>&1 || code=$?
  if [ "$code" -ne "$want" ] || ! grep -qE -- "$text" "$work/said"; then
    printf '%s: exit %s, want %s and "%s":\n' "$*" "$code" "$want" "$text"
    cat "$work/said"
    exit 1
  fi
}

# eventually COMMAND...: within a quarter of a minute.
eventually() {
  for _ in $(seq 30); do
    if "$@" >"$work/said" 2>&1; then return; fi
    sleep 0.5
  done
  printf '%s: not in 15 s:\n' "$*"
  cat "$work/said"
  exit 1
}

task "the stack of make serve"
make --no-print-directory serve >"$work/serve.log" 2>&1 &
serve=$!
for _ in $(seq 240); do
  env=$(sed -n 's/^ *set -a; \. \([^;]*\); set +a$/\1/p' "$work/serve.log")
  [ -n "$env" ] && break
  kill -0 "$serve" 2>/dev/null || { cat "$work/serve.log"; exit 1; }
  sleep 0.5
done
set -a
# shellcheck disable=SC1090
. "./$env"
set +a

task "1 install the command"
GOBIN=$work/bin go install ./action/linkersync
PATH=$work/bin:$PATH
run 0 '^linkersync version ' linkersync version

task "2 see what is there"
run 0 'example-workspace' linkersync installations list
run 0 'differs? from the manifest' linkersync status -f "$manifest"

task "3 plan"
run 3 '^Plan: .* to add' linkersync plan -f "$manifest" --installation all --exit-code

task "4 apply one workspace"
run 0 '^Apply: ' linkersync apply -f "$manifest" --installation "$workspace"

task "5 apply all"
run 0 'is written, as version' linkersync push -f "$manifest" --follow
run 0 '' linkersync plan -f "$manifest" --installation all --exit-code

task "6 rotate a token"
run 0 'bitbucket-ci' linkersync connections rotate bitbucket-ci -f "$manifest"

task "7 find why one workspace failed"
printf 'version: 1\nlinkers:\n  - {key: no-such-linker, values: [X]}\n' >"$work/bad.yaml"
run 1 '1 of 1 installation failed' linkersync push -f "$work/bad.yaml" --installation "$workspace" --follow
run 0 "failed in +.*$workspace" linkersync runs show
run 0 'no-such-linker' linkersync deadletters list

task "8 redrive it"
run 0 'is written, as version' linkersync push -f "$manifest" --installation "$workspace" --follow
run 0 'SQS moves 1 dead letter' linkersync deadletters redrive --yes
no_letters() { linkersync deadletters list | grep -q 'There are no dead letters'; }
eventually no_letters

task "9 export"
run 0 'linkers of' linkersync export --installation all --output "$work/export"
run 0 'is valid' linkersync validate "$work/export/$workspace.yaml"

task "10 read the page"
run 0 'is written' linkersync status -f "$manifest" --html "$work/page.html"
run 0 'example-workspace' grep example-workspace "$work/page.html"
# For the picture of the README.
[ -z "${PAGE:-}" ] || cp "$work/page.html" "$PAGE"

task end
