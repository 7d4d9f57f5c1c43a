#!/usr/bin/env bash
# template.yaml: cfn-lint, sam validate, and our own assertions on what SAM makes of it.
set -euo pipefail
export AWS_DEFAULT_REGION=eu-central-1 SAM_CLI_TELEMETRY=0
venv=$(bash .ci/venv.sh template cfn-lint==1.58.0 aws-sam-cli==1.170.0 aws-sam-translator==1.115.0) || { rc=$?; echo "$venv"; exit "$rc"; }
"$venv/bin/cfn-lint" template.yaml
"$venv/bin/sam" validate --lint --template-file template.yaml
"$venv/bin/python" .ci/check_template.py template.yaml

# A check that can't fail shows nothing: each of these breaks must be complained about.
broken=$(mktemp)
trap 'rm -f "$broken"' EXIT
while IFS='|' read -r change complaint; do
  sed -E "$change" template.yaml >"$broken"
  said=$("$venv/bin/python" .ci/check_template.py "$broken" 2>&1) && { echo "not noticed: $change"; exit 1; }
  grep -q "$complaint" <<<"$said" || { echo "noticed for another reason: $change"; echo "$said"; exit 1; }
done <<'BREAKS'
s/Action: sqs:SendMessage/Action: "sqs:*"/|has a star
s/FunctionResponseTypes: .*/FunctionResponseTypes: []/|partial batch responses are off
s/VisibilityTimeout: 360/VisibilityTimeout: 60/|under six times
/RetentionInDays/d|kept for ever
s/^          LINKERSYNC_BULK_BODY: .*//|reads LINKERSYNC_BULK_BODY, which the template doesn't set
s/LINKERSYNC_TABLE:/LINKERSYNC_TABLES:/|sets LINKERSYNC_TABLES, which nothing reads
s/LINKERSYNC_INFISICAL_METHOD:/LINKERSYNC_INFISICAL_CLIENT:/|deployed without need
s/MemorySize: 128/MemorySize: 256/|MemorySize is 256
s/MetricName: Throttles/MetricName: Duration/|no alarm on
s/^  ConnectionsFunction:/  OtherFunction:/;s/ConnectionsFunction/OtherFunction/|the template deploys
s/^            DeadLetterConfig: \*rule.*//|events that can't be delivered
s/State: !If \[HasInfisical, ENABLED, DISABLED\]/Enabled: !If [HasInfisical, true, false]/|does not depend on HasInfisical
s#^    Type: AWS::SNS::Topic#&\n    Properties: {KmsMasterKeyId: alias/aws/sns}#|no alarm would arrive
BREAKS
echo "every deliberate break of the template was noticed"
