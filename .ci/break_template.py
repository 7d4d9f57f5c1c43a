"""A check that can't fail shows nothing: breaks template.yaml in every way below, one at a
time, and wants check_template.py to complain about each. Run by `make lint-template`.
"""

import pathlib
import re
import sys

from check_template import complaints

# (pattern, replacement, what the complaint says)
BREAKS = [
    (r"Action: sqs:SendMessage", 'Action: "sqs:*"', "has a star"),
    (r"FunctionResponseTypes: .*", "FunctionResponseTypes: []", "partial batch responses are off"),
    (r"VisibilityTimeout: 360", "VisibilityTimeout: 60", "under six times"),
    (r"\n *RetentionInDays: .*", "", "kept for ever"),
    (r"      SqsManagedSseEnabled: true\n", "", "not encrypted"),
    (r"\n      RedrivePolicy:(\n        .*)+", "", "no dead-letter queue"),
    (r"MemorySize: !Ref LinkersMemory", "MemorySize: !Ref DispatchMemory", "linkers: MemorySize is"),
    (r"GOMEMLIMIT: !FindInMap \[Memory, !Ref DispatchMemory", "GOMEMLIMIT: !FindInMap [Memory, !Ref LinkersMemory", "doesn't follow its memory"),
    (r"GoLimit: 88MiB", "GoLimit: 120MiB", "leaves too little or too much"),
    (r" ReservedConcurrentExecutions: .*", "", "nothing bounds its executions"),
    (r"ThrottlingRateLimit: .*", "ThrottlingRateLimit: 10000", "nothing bounds its requests"),
    (r"MaxLength: 2339", "MaxLength: 4000", "Lambda takes 4096"),
    (r"- !GetAtt DispatchFunctionDriftRepair.Arn", "- !GetAtt DispatchFunctionManifestCreated.Arn", "the dead-letter queue refuses its events"),
    (r"rule/\$\{Bus\}/", "rule/", "the dead-letter queue refuses its events"),
    (r"ArnLike:(\n *)\"aws:SourceArn\":", r'ArnLike:\1"aws:SourceAccount": !Ref AWS::AccountId\1"aws:SourceArn":', "which EventBridge may not send"),
    (r"Value: !Ref ConnectionsFunctionCheck", "Value: !Ref ConnectionsFunctionTokenRotated", "no alarm on an event that its dead-letter queue doesn't take"),
    (r"(CallbackRate:\n *Type: Number\n *Default:) 20", r"\1 21", "docs/deploy.md doesn't say that its default is 21"),
    (r"ConnectionsFunction", "OtherFunction", "the template deploys"),
    (r" LINKERSYNC_BULK_BODY: .*", "", "reads LINKERSYNC_BULK_BODY, which the template doesn't set"),
    (r"LINKERSYNC_TABLE:", "LINKERSYNC_TABLES:", "sets LINKERSYNC_TABLES, which nothing reads"),
    (r"LINKERSYNC_PROOF:", "LINKERSYNC_DESCRIPTOR_FILE:", "LINKERSYNC_DESCRIPTOR_FILE is on the list"),
    (r" LINKERSYNC_INFISICAL_CLIENT: .*", "", "reads LINKERSYNC_INFISICAL_CLIENT, which the template doesn't set"),
    (r"Sid: NoNetworkForCode\n( *)Effect: Deny", r"Sid: NoNetworkForCode\n\1Effect: Allow", "denied to the function's code"),
    (r"- ec2:DescribeSubnets", "- ec2:RunInstances", "ec2:RunInstances on every resource"),
    (r"VpcConfig: !If\n *- HasVpc", "VpcConfig: !If\n        - HasInfisical", "in a VPC without HasVpc"),
    (r" DeadLetterConfig: \*rule.*", "", "events that can't be delivered are lost"),
    (r"State: !If \[HasInfisical, ENABLED, DISABLED\]", "Enabled: !If [HasInfisical, true, false]", "does not depend on HasInfisical"),
    (r"Enabled: !If \[HasInfisical, true, false\]", "Enabled: true", "it polls although HasInfisical is false"),
    (r"(- Sid: Syncs\n *Effect: Allow\n *Action: \[sqs:SendMessage), sqs:ReceiveMessage", r"\1", "not as its event source needs it"),
    (r"(- Sid: Syncs\n *Effect: Allow\n *Action: .*\n *Resource: !GetAtt) SyncQueue", r"\1 LinkerQueue", "not as its event source needs it"),
    (r"MetricName: SyncsFailed", "MetricName: SyncFailed", "no alarm on syncs that failed"),
    (r"\n    Condition: HasDashboard", "", "it is made without being asked for"),
    (r'"InstallationsSkipped"', '"InstallationsLost"', "nothing writes the metric InstallationsLost"),
    (r"\$\{Letters\}", "${DeadLetters}", "nothing is called DeadLetters"),
    (r'"title": "Messages that', '"title": "Messages which', "doesn't explain Messages which"),
    (r'\{"start": "-P7D",', '{"start": "-P7D"', "no JSON"),
    (r"MetricName: 5xx", "MetricName: 4xx", "no alarm on errors and throttles"),
    (r"MetricName: MessagesDeferred", "MetricName: MessagesPutBack", "nothing writes the metric MessagesPutBack"),
    (r"MetricName: MessagesDeferred", "Metrics: [{MetricStat: {}}, {MetricStat: {}}]", "13 metrics in alarms"),
    (r"  PutBackAlarm:", "  LateAlarm:", "LateAlarm: docs/operate.md doesn't say what to do"),
    (r"\$\.TokensExpiring", "$.TokensExpired", "nothing writes the metric TokensExpired"),
    (r"LogGroupName: !Ref DispatchLogs", "LogGroupName: !Ref LinkersLogs", "DispatchLogs: nobody counts its errors"),
    (r"LogFormat: JSON", "LogFormat: Text", "filters read its log as JSON"),
    (r"Type: AWS::SNS::Topic", "Type: AWS::SNS::Topic\n    Properties: {KmsMasterKeyId: alias/aws/sns}", "no alarm would arrive"),
]


def main(path):
    template, unnoticed = pathlib.Path(path).read_text(), 0
    for pattern, replacement, wanted in BREAKS:
        broken, count = re.subn(pattern, replacement, template)
        said, _ = complaints(broken)
        if not count or not any(wanted in complaint for complaint in said):
            unnoticed += 1
            print(f"{pattern} -> {replacement!r}, {count} times: no complaint {wanted!r} in {said}", file=sys.stderr)
    print(f"{len(BREAKS)} deliberate breaks of {path}, {unnoticed} unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
