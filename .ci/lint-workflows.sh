#!/usr/bin/env bash
# zizmor on the workflows and on action.yml (the example names v1 on purpose), without asking GitHub anything.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(bash .ci/venv.sh zizmor) || { rc=$?; echo "$venv"; exit "$rc"; }
"$venv/bin/zizmor" --offline --min-severity low .github action.yml
