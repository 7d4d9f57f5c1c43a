"""Facts about the CloudFormation that SAM makes of template.yaml.

Each check is a function that returns complaints. Run by `make lint-template`.
"""

import json
import logging
import pathlib
import re
import sys

from cfnlint.decode import cfn_yaml
from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

# It complains about metrics of its own that we have no use for.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)

# What Lambda does with the role of a function in a VPC.
NETWORK = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
]

# Actions that AWS can't restrict to a resource, and why we need them.
WILDCARD_RESOURCES = {
    "xray:PutTraceSegments": "X-Ray has no resources",
    "xray:PutTelemetryRecords": "X-Ray has no resources",
    "secretsmanager:ListSecrets": "listing has no resource; it shows names and tags, never values",
    **dict.fromkeys(NETWORK, "Lambda makes network interfaces before they have a name; check_network denies them to the code"),
}
# Resources that may end in a star: names that are made at run time, below a fixed prefix.
PREFIXES = ("/installation/*", "/*", ":secret:*", "-??????")

# Variables that a function reads and a deployment has no use for.
NOT_DEPLOYED = {
    "LINKERSYNC_BITBUCKET_URL": "another Bitbucket, for tests and `make run`",
    "LINKERSYNC_BITBUCKET_AUTH_URL": "the same",
    "LINKERSYNC_DESCRIPTOR_FILE": "the zip has the descriptor beside the binary",
}


def statements(resources):
    """Yields (role or policy name, statement) of every policy in the template."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        documents = [p["PolicyDocument"] for p in properties.get("Policies", []) if isinstance(p, dict)]
        if resource["Type"].endswith("Policy") and "PolicyDocument" in properties:
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in flatten(document["Statement"]):
                yield name, statement


def flatten(statement_list):
    """Takes the statements out of Fn::If; both branches count."""
    for statement in statement_list if isinstance(statement_list, list) else [statement_list]:
        if "Fn::If" in statement:
            yield from flatten([s for s in statement["Fn::If"][1:] if isinstance(s, dict) and "Ref" not in s])
        elif "Effect" in statement:
            yield statement


def as_list(value):
    return value if isinstance(value, list) else [value]


def text(value):
    return json.dumps(value, sort_keys=True)


def check_policies(resources):
    for name, statement in statements(resources):
        if statement["Effect"] != "Allow":
            continue
        actions = as_list(statement["Action"])
        for action in actions:
            if "*" in action:
                yield f"{name}: action {action} has a star"
        for resource in as_list(statement.get("Resource", [])):
            if resource == "*":
                for action in actions:
                    if action not in WILDCARD_RESOURCES:
                        yield f"{name}: {action} on every resource"
            elif "*" in text(resource) and not any(prefix in text(resource) for prefix in PREFIXES):
                yield f"{name}: {text(resource)} has a star that is on no list"
            if ":secret:*" in text(resource) and "Condition" not in statement:
                yield f"{name}: every secret, without a condition on its tag"
        if any("Principal" in statement and p == "*" for p in as_list(statement.get("Principal", []))):
            yield f"{name}: anybody is allowed"


def check_managed_policies(resources):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role" and resource["Properties"].get("ManagedPolicyArns"):
            yield f"{name}: a managed policy is broader than what the function does"


def check_queues(resources):
    queues = {n: r["Properties"] for n, r in resources.items() if r["Type"] == "AWS::SQS::Queue"}
    targets = {q["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] for q in queues.values() if "RedrivePolicy" in q}
    for name, queue in queues.items():
        if "RedrivePolicy" not in queue and name not in targets and "DeadLetters" not in name:
            yield f"{name}: no dead-letter queue"
        if "SqsManagedSseEnabled" not in queue and "KmsMasterKeyId" not in queue:
            yield f"{name}: not encrypted"


def check_event_sources(resources):
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Lambda::EventSourceMapping":
            continue
        mapping = resource["Properties"]
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: partial batch responses are off"
        queue = resources[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        function = resources[mapping["FunctionName"]["Ref"]]["Properties"]
        if queue["VisibilityTimeout"] < 6 * function["Timeout"]:
            yield f"{name}: visibility {queue['VisibilityTimeout']} s is under six times the time-out {function['Timeout']} s"


def check_logs(resources):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Logs::LogGroup" and "RetentionInDays" not in resource["Properties"]:
            yield f"{name}: logs are kept for ever"
        if resource["Type"] == "AWS::Lambda::Function" and "LogGroup" not in resource["Properties"].get("LoggingConfig", {}):
            yield f"{name}: no log group of its own"


def check_functions(resources):
    """functions/ and the template name the same functions, deployed alike."""
    folders = {p.parent.name for p in pathlib.Path("functions").glob("*/main.go")}
    deployed = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            deployed[name.removesuffix("Function").lower()] = resource["Properties"]
    if folders != set(deployed):
        yield f"functions/ has {sorted(folders)}, the template deploys {sorted(deployed)}"
    for name, function in deployed.items():
        memory = {"Ref": name.capitalize() + "Memory"}
        limit = function.get("Environment", {}).get("Variables", {}).get("GOMEMLIMIT")
        wanted = {"Runtime": "provided.al2023", "Architectures": ["arm64"], "MemorySize": memory}
        for key, value in wanted.items():
            if function.get(key) != value:
                yield f"{name}: {key} is {function.get(key)}, want {value}"
        if limit != {"Fn::FindInMap": ["Memory", memory, "GoLimit"]}:
            yield f"{name}: GOMEMLIMIT is {limit}, which doesn't follow its memory"
        if function.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{name}: tracing is off"


# Variables that Go's runtime reads, and not our code.
RUNTIME = {"GOMEMLIMIT"}


def read_by(function):
    """The variables that a function's code asks its environment for."""
    files = [*pathlib.Path("functions", function).glob("*.go"), *pathlib.Path("functions/internal").glob("*/*.go")]
    code = "".join(f.read_text() for f in files if not f.name.endswith("_test.go"))
    return set(re.findall(r'e\.(?:Required|Optional)\("(LINKERSYNC_\w+)"', code))


def check_variables(resources):
    """The template sets what a function reads, and nothing else."""
    unused = set(NOT_DEPLOYED)
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Lambda::Function":
            continue
        read = read_by(name.removesuffix("Function").lower())
        given = set(resource["Properties"].get("Environment", {}).get("Variables", {}))
        for variable in sorted(read - given - set(NOT_DEPLOYED)):
            yield f"{name}: reads {variable}, which the template doesn't set"
        for variable in sorted(given - read - RUNTIME):
            yield f"{name}: the template sets {variable}, which nothing reads"
        unused -= read - given
    for variable in sorted(unused):
        yield f"{variable} is on the list of variables that aren't deployed without need"


def check_rules(resources):
    """An event that no function took reaches the dead-letter queue, or an alarm."""
    alarms = text([r["Properties"].get("Metrics") for r in resources.values() if r["Type"] == "AWS::CloudWatch::Alarm"])
    allowed = text([
        statement.get("Condition", {}).get("ArnLike", {}).get("aws:SourceArn")
        for _, statement in statements(resources) if statement.get("Principal") == {"Service": "events.amazonaws.com"}
    ])
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Events::Rule":
            # A rule on a bus of the stack's own has a name of its own; the others are known by Ref and GetAtt.
            own = resource["Properties"].get("Name", {}).get("Fn::Sub")
            if (f":rule/${{Bus}}/{own}" if own else text({"Fn::GetAtt": [name, "Arn"]})) not in allowed:
                yield f"{name}: the dead-letter queue refuses its events"
            dimension = {"Name": "RuleName", "Value": {"Fn::Sub": own} if own else {"Ref": name}}
            if text(dimension) not in alarms or "InvocationsFailedToBeSentToDlq" not in alarms:
                yield f"{name}: no alarm on an event that its dead-letter queue doesn't take"
    for name, statement in statements(resources):
        if "aws:SourceAccount" in text(statement):
            yield f"{name}: aws:SourceAccount, which EventBridge may not send"
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Events::Rule":
            for target in resource["Properties"]["Targets"]:
                if "DeadLetterConfig" not in target:
                    yield f"{name}: events that can't be delivered are lost"


def check_infisical_rules(resources):
    """Without an identity the connections function must not be called at all."""
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Events::Rule" and name.startswith("ConnectionsFunction"):
            state = resource["Properties"].get("State")
            if state != {"Fn::If": ["HasInfisical", "ENABLED", "DISABLED"]}:
                yield f"{name}: its state {state} does not depend on HasInfisical"
        if resource["Type"] == "AWS::Lambda::EventSourceMapping" and name.startswith("ConnectionsFunction"):
            if resource["Properties"].get("Enabled") != {"Fn::If": ["HasInfisical", True, False]}:
                yield f"{name}: it polls although HasInfisical is false"


def check_network(resources):
    """Only a function in a VPC gets network interfaces, and its code gets none."""
    effects = {"Allow": [], "Deny": []}
    for name, statement in statements(resources):
        if set(NETWORK) & set(as_list(statement["Action"])):
            effects[statement["Effect"]].append((name, sorted(statement["Action"])))
    if effects["Allow"] != effects["Deny"] or effects["Allow"] != [("ConnectionsRole", NETWORK)]:
        yield f"network interfaces: {effects}, want them for ConnectionsRole, and denied to the function's code"
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function" and "VpcConfig" in resource["Properties"]:
            if resource["Properties"]["VpcConfig"].get("Fn::If", [None])[0] != "HasVpc":
                yield f"{name}: it is in a VPC without HasVpc"


def check_consumers(resources):
    """A function may take messages from the queue that it polls, and from no other."""
    takes = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    polled = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            function = resource["Properties"]["FunctionName"]["Ref"].removesuffix("Function")
            polled[f"{function}Role"] = text(resource["Properties"]["EventSourceArn"])
    for name, statement in statements(resources):
        taken = takes & set(as_list(statement["Action"]))
        if taken and (taken != takes or polled.pop(name, None) != text(statement["Resource"])):
            yield f"{name}: it may take messages from {text(statement['Resource'])}, and not as its event source needs it"
    for name in polled:
        yield f"{name}: it may not take the messages that its function polls"


def check_alarms(resources):
    """What must wake somebody does, is explained to them, and stays within docs/costs.md."""
    wanted = {
        "dead letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        "age of the oldest message": ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        "messages that are put back": ("linkersync", "MessagesDeferred"),
        "syncs that failed": ("linkersync", "SyncsFailed"),
        "errors and throttles of what Bitbucket calls": ("AWS/ApiGateway", "5xx"),
        "errors of every function": (text({"Fn::Sub": "linkersync/${AWS::StackName}"}), "Errors"),
    }
    explained = pathlib.Path("docs/operate.md").read_text()
    have, alarms = set(), 0
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            alarms += len([m for m in properties.get("Metrics", [{"MetricStat": {}}]) if "MetricStat" in m])
            namespace = properties.get("Namespace")
            have.add((namespace if isinstance(namespace, str) else text(namespace), properties.get("MetricName")))
            if not properties.get("AlarmActions"):
                yield f"{name}: nobody hears the alarm"
            if f"| `{name}` |" not in explained:
                yield f"{name}: docs/operate.md doesn't say what to do"
        if resource["Type"] == "AWS::SNS::Topic" and properties.get("KmsMasterKeyId") == "alias/aws/sns":
            yield f"{name}: CloudWatch may not use alias/aws/sns, so no alarm would arrive"
    for what, metric in wanted.items():
        if metric not in have:
            yield f"no alarm on {what}"
    if alarms > 12:
        yield f"{alarms} metrics in alarms: docs/costs.md counts 12"


def check_metrics(resources):
    """An alarm or a filter on a name that nothing writes never fires."""
    written = set(re.findall(r'Name = "(\w+)"', pathlib.Path("functions/internal/metrics/metrics.go").read_text()))
    watched, filtered = {}, set()
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm" and properties.get("Namespace") == "linkersync":
            watched[name] = properties.get("MetricName")
        if resource["Type"] == "AWS::Logs::MetricFilter":
            for field in re.findall(r"\$\.([A-Z]\w+)", properties["FilterPattern"]):
                watched[name] = field
            if "ERROR" in properties["FilterPattern"]:
                filtered.add(text(properties["LogGroupName"]))
        if resource["Type"] == "AWS::Lambda::Function" and "LogGroup" in properties.get("LoggingConfig", {}):
            if properties["LoggingConfig"].get("LogFormat") != "JSON":
                yield f"{name}: filters read its log as JSON"
    for name, metric in watched.items():
        if metric not in written:
            yield f"{name}: nothing writes the metric {metric}"
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Logs::LogGroup" and text({"Ref": name}) not in filtered:
            yield f"{name}: nobody counts its errors"


# The widgets that docs/operate.md promises.
WIDGETS = ["Installations by outcome", "Messages that were put back", "The queue and the dead letters", "Functions: errors, and the longest duration", "Lifecycle callbacks: all, and those that failed"]


def check_dashboard(resources):
    """It is JSON that CloudWatch reads, its metrics exist, and operate.md names its graphs."""
    written = set(re.findall(r'Name = "(\w+)"', pathlib.Path("functions/internal/metrics/metrics.go").read_text()))
    explained = pathlib.Path("docs/operate.md").read_text()
    for name, resource in resources.items():
        if resource["Type"] != "AWS::CloudWatch::Dashboard":
            continue
        if resource.get("Condition") != "HasDashboard":
            yield f"{name}: it is made without being asked for"
        body, own = resource["Properties"]["DashboardBody"]["Fn::Sub"]
        for used in re.findall(r"\$\{([\w:]+)\}", body):
            if used not in own and used not in resources and used not in ("AWS::Region", "AppKey"):
                yield f"{name}: nothing is called {used}"
        try:
            widgets = json.loads(body)["widgets"]
        except ValueError as error:
            yield f"{name}: no JSON: {error}"
            continue
        titles = [widget["properties"]["title"] for widget in widgets]
        if titles != WIDGETS:
            yield f"{name}: its graphs are {titles}"
        for title in titles:
            if f"| {title} |" not in explained:
                yield f"{name}: docs/operate.md doesn't explain {title}"
        namespace = metric = ""
        for row in [row for widget in widgets for row in widget["properties"]["metrics"]]:
            namespace, metric = [old if new == "." else new for new, old in zip(row, (namespace, metric))]
            if namespace == "linkersync" and metric not in written:
                yield f"{name}: nothing writes the metric {metric}"


def check_bucket(resources):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::S3::Bucket":
            properties = resource["Properties"]
            for key in ("VersioningConfiguration", "BucketEncryption", "PublicAccessBlockConfiguration", "NotificationConfiguration"):
                if key not in properties:
                    yield f"{name}: {key} is missing"


def check_parameters(template):
    for name, parameter in template["Parameters"].items():
        if "Description" not in parameter:
            yield f"parameter {name}: no description"
        bounded = {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
        if not bounded:
            yield f"parameter {name}: any value is allowed"
    table = pathlib.Path("docs/deploy.md").read_text().partition("## All parameters\n")[2].partition("\n## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? \|", table, re.M))
    for name, parameter in template["Parameters"].items():
        default = {"": "empty"}.get(parameter.get("Default"), str(parameter.get("Default", "none")))
        if documented.pop(name, None) != default:
            yield f"parameter {name}: docs/deploy.md doesn't say that its default is {default}"
    for name in documented:
        yield f"docs/deploy.md has a parameter {name}, which is none"


# The most characters that CloudFormation or AWS puts in the place of a name.
LONGEST = {"AWS::Region": 25, "AWS::Partition": 10, "AWS::URLSuffix": 20, "AWS::StackName": 128, "LinkerQueue": 160, "SyncQueue": 160, "LinkerDeadLetters": 160, "Table": 255, "ManifestBucket": 63, "Bus": 128, "Api": 10}
MAX_ENVIRONMENT = 4096


def longest(value, template):
    """Returns how many characters a value of a variable can have."""
    if not isinstance(value, dict):
        return len(str(value))
    (function, argument), = value.items()
    if function == "Fn::If":
        return max(longest(branch, template) for branch in argument[1:])
    if function == "Fn::FindInMap":
        return max(len(str(row[argument[2]])) for row in template["Mappings"][argument[0]].values())
    if function == "Fn::Sub":
        names = re.findall(r"\$\{([\w:]+)\}", argument)
        return len(argument) + sum(longest({"Ref": name}, template) for name in names)
    if argument in LONGEST:
        return LONGEST[argument]
    parameter = template["Parameters"][argument]
    values = parameter.get("AllowedValues", [parameter["MaxValue"]] if "MaxValue" in parameter else [])
    return parameter["MaxLength"] if "MaxLength" in parameter else max(len(str(value)) for value in values)


def check_environment_size(template):
    """Lambda refuses a function whose variables have more than 4 KB, so the longest values must fit."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"]["Environment"]["Variables"]
            size = sum(len(variable) + longest(value, template) for variable, value in variables.items())
            if size > MAX_ENVIRONMENT:
                yield f"{name}: its variables can have {size} bytes, Lambda takes {MAX_ENVIRONMENT}"


def check_public_function(template):
    """A flood of the public API can take neither the account's executions nor much money."""
    resources = template["Resources"]
    reserved = resources["LifecycleFunction"]["Properties"].get("ReservedConcurrentExecutions")
    if reserved != {"Fn::If": ["HasLifecycleConcurrency", {"Ref": "LifecycleConcurrency"}, {"Ref": "AWS::NoValue"}]}:
        yield f"LifecycleFunction: nothing bounds its executions: {reserved}"
    throttle = resources["ApiStage"]["Properties"].get("DefaultRouteSettings", {})
    if throttle != {"ThrottlingRateLimit": {"Ref": "CallbackRate"}, "ThrottlingBurstLimit": {"Ref": "CallbackBurst"}}:
        yield f"ApiStage: nothing bounds its requests: {throttle}"
    for size, row in template["Mappings"]["Memory"].items():
        if not int(size) // 2 < int(row["GoLimit"].removesuffix("MiB")) <= int(size) - 32:
            yield f"Memory {size}: {row['GoLimit']} leaves too little or too much for what isn't Go's heap"


class NoManagedPolicies(ManagedPolicyLoader):
    """SAM looks managed policies up in the account; the template uses none."""

    def __init__(self):
        super().__init__(None)

    def load(self):
        return {}


CHECKS = [
    check_policies, check_managed_policies, check_queues, check_event_sources, check_logs, check_functions, check_variables, check_rules,
    check_infisical_rules, check_network, check_consumers, check_alarms, check_metrics, check_dashboard, check_bucket,
]
TEMPLATE_CHECKS = [check_parameters, check_environment_size, check_public_function]


def complaints(template):
    """Returns what the checks say about the text of a template, and how many resources it makes."""
    source = json.loads(json.dumps(cfn_yaml.loads(template)))
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam deploy` uploads the zip and writes such an address here.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    expanded = transform(source, {}, NoManagedPolicies())
    found = []
    for check in TEMPLATE_CHECKS:
        found += check(expanded)
    for check in CHECKS:
        found += check(expanded["Resources"])
    return found, len(expanded["Resources"])


def main(path):
    found, resources = complaints(pathlib.Path(path).read_text())
    for complaint in found:
        print(f"{path}: {complaint}", file=sys.stderr)
    print(f"{len(CHECKS) + len(TEMPLATE_CHECKS)} checks on {resources} resources, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
