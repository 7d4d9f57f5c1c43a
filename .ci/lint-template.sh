#!/usr/bin/env bash
# template.yaml: cfn-lint, sam validate, and our own assertions on what SAM makes of it.
set -euo pipefail
export AWS_DEFAULT_REGION=eu-central-1 SAM_CLI_TELEMETRY=0
venv=$(bash .ci/venv.sh template) || { rc=$?; echo "$venv"; exit "$rc"; }
"$venv/bin/cfn-lint" template.yaml
"$venv/bin/sam" validate --lint --template-file template.yaml
"$venv/bin/python" -B .ci/check_template.py template.yaml
"$venv/bin/python" -B .ci/break_template.py template.yaml
