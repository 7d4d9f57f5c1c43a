#!/usr/bin/env bash
# Runs action.yml as GitHub would, with act: the image is built from this tree, and
# the step reaches simulators on loopback. Three runs: one that changes, the same again,
# and one that fails. Prints what each proved; exits with 75 where Docker can't be had.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/docker.sh
. .ci/docker.sh
need_docker
need_packages git=git python3=python3

act=$PWD/.tools/tmp/act
if [ ! -x "$act" ]; then
  GOBIN=$PWD/.tools/tmp go install github.com/nektos/act@v0.2.89 || skip "act could not be installed, see above"
fi
base=$(standin_name)
standin_image "$base"

work=$(mktemp -d)
at_exit "rm -rf '$work'"

# The services, with their commands on a pipe.
go build -o "$work/ci" ./internal/tools/ci
mkfifo "$work/commands"
"$work/ci" "$work/env.json" <"$work/commands" &
simulators=$!
exec 3>"$work/commands"
at_exit "kill $simulators"
for _ in $(seq 100); do [ -e "$work/env.json" ] && break; sleep 0.1; done
[ -e "$work/env.json" ] || { echo "the simulators did not start"; exit 1; }

# A repository as its users have one: this tree as a local action, a manifest, a workflow.
repo=$work/repo
mkdir -p "$repo/.github/workflows"
tar --exclude='*_test.go' --exclude=testdata -cf - action.yml Dockerfile .dockerignore go.mod go.sum action shared | tar -C "$repo" -xf -
sed -i "s|^ARG GO_IMAGE=.*|ARG GO_IMAGE=$base|" "$repo/action/Dockerfile"
cat >"$repo/linkersync.yaml" <<'YAML'
version: 1
app: example-linker-app
linkers:
  - {key: issues, values: [PROJ, OPS, WEB]}
  - {key: builds, values: [main]}
connections:
  - {name: bitbucket-ci, email: ci@example.com, token: "env:BITBUCKET_API_TOKEN"}
YAML
cat >"$repo/.github/workflows/test.yml" <<'YAML'
on: push
jobs:
  sync:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - id: linkersync
        uses: ./
        with:
          command: apply
          installation: all
          aws_region: eu-central-1
          infisical_url: ${{ env.LINKERSYNC_INFISICAL_URL }}
          infisical_method: universal
          infisical_client_id: ${{ env.LINKERSYNC_INFISICAL_CLIENT_ID }}
          allow_env: BITBUCKET_API_TOKEN
      - if: always()
        shell: sh
        env:
          STATUS: ${{ steps.linkersync.outputs.status }}
          CHANGED: ${{ steps.linkersync.outputs.changed }}
          ADDED: ${{ steps.linkersync.outputs.added }}
          REMOVED: ${{ steps.linkersync.outputs.removed }}
          FAILED: ${{ steps.linkersync.outputs.failed }}
          PLAN: ${{ steps.linkersync.outputs.plan }}
        run: |
          echo "OUTPUTS $STATUS $CHANGED $ADDED $REMOVED $FAILED"
          echo "PLAN $PLAN"
          echo "LEAK $SIMULATED_SHARED_SECRET $BITBUCKET_API_TOKEN $LINKERSYNC_INFISICAL_CLIENT_SECRET"
          cat "$GITHUB_STEP_SUMMARY"
YAML
git -C "$repo" init -q
git -C "$repo" add -A
git -C "$repo" -c user.name=test -c user.email=test@example.com commit -qm "as a user has it"
python3 -c 'import json,sys; [print(k+"="+v) for k,v in json.load(open(sys.argv[1])).items()]' "$work/env.json" >"$work/env"

# run_act NAME WANTED_EXIT: the job's log is in $work/NAME.
run_act() {
  local rc=0
  (cd "$repo" && "$act" push -P "ubuntu-latest=$base" --pull=false --network host --env-file "$work/env" --no-cache-server --artifact-server-path "" --rm) >"$work/$1" 2>&1 || rc=$?
  if [ "$rc" -ne "$2" ]; then
    cat "$work/$1"
    echo "$1: act ended with $rc, want $2"
    exit 1
  fi
}

# has NAME TEXT and hasnt NAME TEXT look into a log.
has() { grep -qF -- "$2" "$work/$1" || { cat "$work/$1"; echo "$1: the log has no: $2"; exit 1; }; }
hasnt() { ! grep -qF -- "$2" "$work/$1" || { cat "$work/$1"; echo "$1: the log has: $2"; exit 1; }; }

# masked NAME: no secret in the log, though the last step prints each of them.
masked() {
  local secret
  while read -r secret; do
    hasnt "$1" "$secret"
    hasnt "$1" "$(printf %s "$secret" | base64 -w0)"
  done < <(grep -E '^(SIMULATED_SHARED_SECRET|BITBUCKET_API_TOKEN|LINKERSYNC_INFISICAL_CLIENT_SECRET|AWS_SECRET_ACCESS_KEY)=' "$work/env" | cut -d= -f2-)
  has "$1" "LEAK *** *** ***"
}

run_act changes 0
has changes "OUTPUTS changed true 4 0 0"
has changes '"kind":"result"'
has changes "## linkersync: apply"
has changes 'Apply: 4 added, 0 removed, 1 connection created, in 1 workspace.'
masked changes
echo "changes: exit 0, outputs changed/true/4/0/0, plan, summary, secrets masked"

run_act again 0
has again "OUTPUTS unchanged false 0 0 0"
has again "Apply: nothing changed, in 1 workspace."
masked again
echo "again: exit 0, outputs unchanged/false/0/0/0, summary, secrets masked"

echo break >&3
sed -i 's/\[PROJ, OPS, WEB\]/[PROJ]/' "$repo/linkersync.yaml"
run_act failing 1
has failing "OUTPUTS failed false 0 0 2"
has failing "## linkersync: apply failed"
has failing "docs/action.md#when-it-fails"
has failing "❗  ::error"
hasnt failing "LEAK $(sed -n 's/^BITBUCKET_API_TOKEN=//p' "$work/env")"
echo "failing: exit 1, outputs failed/false/0/0/2 all the same, annotations, summary with the docs link"
