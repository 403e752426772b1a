"""What must hold on the deployed template; each rule gives a sentence per offence.

A green deployment to the local emulator proves none of these: it drops dead-letter queues, retry
policies, encryption, backups and alarm arithmetic without a word.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from tests.deployment.arithmetic import fills_with, watched
from tests.deployment.policies import actions_of, as_tuple, grants, statements
from tests.deployment.template import OWN, Properties, Stack

FUNCTIONS = ("ObserveDecide", "Purchase", "Release", "Publish", "RefreshPrices", "ScaleEndpoint")
FANNED = ("Dispatch", "Visit")
"""Functions that there are with FanOut alone."""
DAILY = ("RefreshPricesFunction",)
"""Functions that no tick waits for."""
OWNER_TAG = "bedrock-autoscaler:deployment"
TAG_KEYS = ["bedrock-autoscaler:decision", OWNER_TAG, "bedrock-autoscaler:target"]

# Actions for which AWS has no resource level, so that a policy can only say `*`.
WITHOUT_RESOURCE_LEVEL = {
    "bedrock:ListFoundationModels": "a list over the Region's models",
    "bedrock:ListInferenceProfiles": "a list over the account's profiles",
    "bedrock:ListProvisionedModelThroughputs": "a list over the account's throughputs",
    "cloudwatch:GetMetricData": "metrics have no ARN",
    "cloudwatch:ListMetrics": "metrics have no ARN",
    "cloudwatch:PutMetricData": "metrics have no ARN; a condition names the namespace",
    "pricing:GetProducts": "the price list is public",
    "servicequotas:GetAWSDefaultServiceQuota": "default quotas belong to no account",
    "servicequotas:ListServiceQuotas": "a list over a service's quotas",
    "xray:PutTelemetryRecords": "traces have no ARN when they are sent",
    "xray:PutTraceSegments": "traces have no ARN when they are sent",
}
NEVER = re.compile(
    r"bedrock:(InvokeModel|Converse|UpdateProvisionedModelThroughput|.*ModelInvocationLogging"
    r"|UntagResource)"
    r"|dynamodb:(Delete|Scan|BatchWrite|CreateTable|UpdateTable)"
    r"|iam:(?!PassRole$)|lambda:(Update|Create|Delete|Put|Add)|ssm:(Delete|LabelParameterVersion)"
    r"|servicequotas:(Request|Put)|sts:(?!AssumeRole$)|states:|events:(?!PutEvents$)|scheduler:"
    r"|sns:(?!Publish$)"
)


def wildcards(stack: Stack) -> Iterator[str]:
    """No wildcard in an action; `*` as resource only where AWS offers nothing else."""
    for role, statement in statements(stack):
        for key in ("NotAction", "NotResource", "NotPrincipal"):
            if key in statement:
                yield f"{role}: {key}"
    for grant in grants(stack):
        if "*" in grant.action:
            yield f"{grant.role}: wildcard in {grant.action}"
        if "*" in grant.resources and grant.action not in WITHOUT_RESOURCE_LEVEL:
            yield f"{grant.role}: {grant.action} on *"
        if "*" in grant.resources and "aws:RequestedRegion" not in grant.conditions.get(
            "StringEquals", {}
        ):
            yield f"{grant.role}: {grant.action} on * in any Region"


def roles_are_written_out(stack: Stack) -> Iterator[str]:
    """One role a function and one for the scheduler; no managed policy, none made by SAM."""
    functions = (*FUNCTIONS, *(FANNED if "WorkQueue" in stack.resources else ()))
    expected = {f"{function}Role" for function in functions} | {"SchedulerRole"}
    roles = stack.of("AWS::IAM::Role")
    if roles.keys() != expected:
        yield f"roles are {sorted(roles)}"
    for name, role in roles.items():
        if role.get("ManagedPolicyArns"):
            yield f"{name}: managed policies {role['ManagedPolicyArns']}"
    for function in functions:
        role = stack.of("AWS::Lambda::Function")[f"{function}Function"]["Role"]
        if role != f"{function}Role.Arn":
            yield f"{function}Function runs as {role}"


def forbidden_actions(stack: Stack) -> Iterator[str]:
    """Nothing that reads prompts, deletes records, or changes code, policies or quotas."""
    for grant in grants(stack):
        if NEVER.match(grant.action):
            yield f"{grant.role}: {grant.action}"


def buying_and_deleting_are_apart(stack: Stack) -> Iterator[str]:
    """One role creates, one deletes, and who deletes cannot tag a foreign throughput its own."""
    for action, only in (
        ("bedrock:CreateProvisionedModelThroughput", "PurchaseRole"),
        ("bedrock:TagResource", "PurchaseRole"),
        ("bedrock:DeleteProvisionedModelThroughput", "ReleaseRole"),
    ):
        holders = {grant.role for grant in grants(stack) if grant.action == action}
        if holders - {only}:
            yield f"{action}: {sorted(holders)}"
        if action.startswith("bedrock:Delete") and only not in holders:
            yield f"{action}: nobody"


def purchases_carry_the_owner(stack: Stack) -> Iterator[str]:
    """Creating and tagging need exactly our tags, the owner's with a plain StringEquals."""
    for grant in grants(stack):
        if grant.action not in {"bedrock:CreateProvisionedModelThroughput", "bedrock:TagResource"}:
            continue
        owner = grant.conditions.get("StringEquals", {}).get(f"aws:RequestTag/{OWNER_TAG}")
        keys = grant.conditions.get("ForAllValues:StringEquals", {}).get("aws:TagKeys")
        if owner != OWN:
            yield f"{grant.action}: owner tag {owner}"
        if keys != TAG_KEYS:
            yield f"{grant.action}: tag keys {keys}"


def releases_need_the_owner(stack: Stack) -> Iterator[str]:
    """Deletion needs this deployment's tag on the throughput."""
    for grant in grants(stack):
        if grant.action == "bedrock:DeleteProvisionedModelThroughput":
            wanted = {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": OWN}}
            if grant.conditions != wanted:
                yield f"{grant.role}: {grant.conditions}"


SPOKE_ROLES = {
    "DispatchRole": "reader",
    "VisitRole": "reader",
    "PurchaseRole": "purchaser",
    "ReleaseRole": "releaser",
    "PublishRole": "publisher",
}
"""Which role each function assumes in a spoke."""


def roles_are_assumed_by_name(stack: Stack) -> Iterator[str]:
    """Each function assumes its own role, in the listed accounts, with the external id."""
    for grant in grants(stack):
        if grant.action != "sts:AssumeRole":
            continue
        role = f"arn:aws:iam::*:role/{OWN}-spoke-{SPOKE_ROLES.get(grant.role)}"
        if grant.resources != (role,):
            yield f"{grant.role}: assumes {grant.resources}"
        bounds = grant.conditions.get("StringEquals", {})
        if not {"aws:ResourceAccount", "sts:ExternalId"} <= bounds.keys():
            yield f"{grant.role}: assumes under {sorted(bounds)}"


def endpoints_are_scaled_through_bedrock(stack: Stack) -> Iterator[str]:
    """One role changes endpoints, only through Bedrock, and passes roles to SageMaker alone."""
    for grant in grants(stack):
        scales = grant.action == "bedrock:UpdateMarketplaceModelEndpoint"
        if (scales or grant.action == "iam:PassRole") and grant.role != "ScaleEndpointRole":
            yield f"{grant.role}: {grant.action}"
        service = grant.conditions.get("StringEquals", {})
        if grant.action == "iam:PassRole":
            if service.get("iam:PassedToService") != "sagemaker.amazonaws.com":
                yield f"{grant.role}: passes {grant.resources} to {service}"
            if any("*" in resource for resource in grant.resources):
                yield f"{grant.role}: passes {grant.resources}"
        is_direct = service.get("aws:CalledViaLast") != "bedrock.amazonaws.com"
        if grant.action.startswith("sagemaker:") and is_direct:
            yield f"{grant.role}: {grant.action} not through Bedrock"


def no_function_writes_its_bounds(stack: Stack) -> Iterator[str]:
    """Parameters are written under `routes/` only, and consents can be used up, never issued."""
    for grant in grants(stack):
        if grant.action == "ssm:PutParameter" and not all(
            resource.endswith("/routes/*") for resource in grant.resources
        ):
            yield f"{grant.role}: ssm:PutParameter on {grant.resources}"
        if "ConsentsTable.Arn" in grant.resources:
            attributes = grant.conditions.get("ForAllValues:StringEquals", {})
            uses_up = grant.action == "dynamodb:UpdateItem" and attributes == {
                "dynamodb:Attributes": ["pk", "used_at", "used_by"]
            }
            if grant.action != "dynamodb:GetItem" and not uses_up:
                yield f"{grant.role}: {grant.action} on consents"


def functions_tell_their_own_only(stack: Stack) -> Iterator[str]:
    """Events go to the stack's own bus and messages to its own topic; nobody else is imitated."""
    places = {"events:PutEvents": "EventBus.Arn", "sns:Publish": "AlertTopic"}
    for grant in grants(stack):
        if grant.action in places and grant.resources != (places[grant.action],):
            yield f"{grant.role}: {grant.action} on {grant.resources}"


def schedules_do_not_insist(stack: Stack) -> Iterator[str]:
    """Every schedule has an explicit short retry policy and a dead-letter queue."""
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        target = schedule["Target"]
        retry = target.get("RetryPolicy", {})
        if not 0 <= retry.get("MaximumRetryAttempts", 185) <= 1:
            yield f"{name}: {retry} attempts"
        if retry.get("MaximumEventAgeInSeconds", 86_400) > 300:
            yield f"{name}: {retry} age"
        if target.get("DeadLetterConfig") != {"Arn": "DeadLetterQueue.Arn"}:
            yield f"{name}: no dead-letter queue"


def functions_are_not_retried(stack: Stack) -> Iterator[str]:
    """A failed run goes to the dead-letter queue at once; the next tick is the retry."""
    configured = {
        config["FunctionName"]: config
        for config in stack.of("AWS::Lambda::EventInvokeConfig").values()
    }
    for function in stack.of("AWS::Lambda::Function"):
        config = configured.get(function, {})
        if config.get("Qualifier") != "live":
            yield f"{function}: no invoke configuration for the alias that is invoked"
        if config.get("MaximumRetryAttempts") != 0:
            yield f"{function}: Lambda retries"
        if config.get("MaximumEventAgeInSeconds", 21_600) > 300:
            yield f"{function}: old events are kept"
        failed = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if failed != "DeadLetterQueue.Arn":
            yield f"{function}: failures go to {failed}"


def dead_letters_can_be_sent(stack: Stack) -> Iterator[str]:
    """Whoever fails to deliver or to run may write to the dead-letter queue."""
    for role in stack.of("AWS::IAM::Role"):
        if "sqs:SendMessage" not in actions_of(stack, role):
            yield role


def functions_end_before_the_next_tick(stack: Stack) -> Iterator[str]:
    """A function's time-out is shorter than the shortest period that its schedule can have."""
    for name, function in stack.of("AWS::Lambda::Function").items():
        shortest = timedelta(minutes=15) if name in DAILY else timedelta(minutes=1)
        if not timedelta(seconds=function.get("Timeout", 3)) < shortest:
            yield f"{name}: {function.get('Timeout')} s"


def schedules_tick_the_live_version(stack: Stack) -> Iterator[str]:
    """Each schedule targets a published alias, in the group its role trusts, in UTC, on time."""
    aliases = stack.of("AWS::Lambda::Alias")
    group = stack.of("AWS::Scheduler::ScheduleGroup")["ScheduleGroup"]["Name"]
    trust = stack.of("AWS::IAM::Role")["SchedulerRole"]["AssumeRolePolicyDocument"]["Statement"][0]
    trusted = trust["Condition"]["StringEquals"]["aws:SourceArn"]
    if not trusted.endswith(f":schedule-group/{group}"):
        yield f"the role trusts {trusted}"
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        if schedule["Target"]["Arn"] not in aliases:
            yield f"{name}: target {schedule['Target']['Arn']}"
        if schedule.get("GroupName") != "ScheduleGroup":
            yield f"{name}: group {schedule.get('GroupName')}"
        if schedule.get("ScheduleExpressionTimezone") != "UTC":
            yield f"{name}: not in UTC"
        if schedule["FlexibleTimeWindow"]["Mode"] != "OFF":
            yield f"{name}: flexible time"
        event = json.loads(schedule["Target"]["Input"])
        if event.get("scheduled_time") != "<aws.scheduler.scheduled-time>":
            yield f"{name}: input {event}"


def records_outlive_mistakes(stack: Stack) -> Iterator[str]:
    """Tables are retained, protected, recoverable and encrypted."""
    for name, table in stack.of("AWS::DynamoDB::Table").items():
        resource = stack.resources[name]
        if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
            yield f"{name}: not retained"
        if table.get("DeletionProtectionEnabled") is not True:
            yield f"{name}: not protected"
        recovery = table.get("PointInTimeRecoverySpecification", {})
        if recovery.get("PointInTimeRecoveryEnabled") is not True:
            yield f"{name}: not recoverable"
        if table.get("SSESpecification", {}).get("SSEEnabled") is not True:
            yield f"{name}: not encrypted"
        if "TimeToLiveSpecification" in table:
            yield f"{name}: items expire, though decisions rest on them"


def settings_are_not_in_the_stack(stack: Stack) -> Iterator[str]:
    """No deploy can reset a setting or a switch, and no deletion can lose one."""
    yield from stack.of("AWS::SSM::Parameter")


def throughputs_are_not_in_the_stack(stack: Stack) -> Iterator[str]:
    """No rollback can buy or delete capacity."""
    for name, resource in stack.resources.items():
        if resource["Type"].startswith("AWS::Bedrock::"):
            yield name


def messages_are_encrypted(stack: Stack) -> Iterator[str]:
    """Queue and topic are encrypted at rest and refuse plain HTTP."""
    for name, queue in stack.of("AWS::SQS::Queue").items():
        if not (queue.get("SqsManagedSseEnabled") is True or queue.get("KmsMasterKeyId")):
            yield f"{name}: not encrypted"
    for name, topic in stack.of("AWS::SNS::Topic").items():
        if not topic.get("KmsMasterKeyId"):
            yield f"{name}: not encrypted"
    policies = stack.of("AWS::SQS::QueuePolicy") | stack.of("AWS::SNS::TopicPolicy")
    for name, policy in policies.items():
        insecure = {"Bool": {"aws:SecureTransport": "false"}}
        if not any(
            statement["Effect"] == "Deny" and statement.get("Condition") == insecure
            for statement in as_tuple(policy["PolicyDocument"]["Statement"])
        ):
            yield f"{name}: plain HTTP is accepted"


def work_is_done_once_at_a_time(stack: Stack) -> Iterator[str]:
    """Queues of work keep order and outlast a worker; failures are told message by message."""
    queues = stack.of("AWS::SQS::Queue")
    functions = stack.of("AWS::Lambda::Function")
    for name, source in stack.of("AWS::Lambda::EventSourceMapping").items():
        queue = queues[source["EventSourceArn"].removesuffix(".Arn")]
        if queue.get("FifoQueue") is not True:
            yield f"{name}: no order"
        worker = functions[source["FunctionName"].removesuffix("Aliaslive")]
        if queue["VisibilityTimeout"] <= worker["Timeout"]:
            yield f"{name}: a message may be in two hands"
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: one failure repeats the batch"
    for grant in grants(stack):
        sends = grant.action == "sqs:SendMessage" and "WorkQueue.Arn" in grant.resources
        if sends and grant.role != "DispatchRole":
            yield f"{grant.role} hands out work"


def poisoned_work_ends(stack: Stack) -> Iterator[str]:
    """A message that fails three times goes to dead letters, in order too, which are watched."""
    queues = stack.of("AWS::SQS::Queue")
    alarms = stack.of("AWS::CloudWatch::Alarm").values()
    subjects = {watched(alarm)["Dimensions"][0]["Value"] for alarm in alarms}
    for name, source in stack.of("AWS::Lambda::EventSourceMapping").items():
        redrive = queues[source["EventSourceArn"].removesuffix(".Arn")].get("RedrivePolicy", {})
        letters = redrive.get("deadLetterTargetArn", "").removesuffix(".Arn")
        if not queues.get(letters, {}).get("FifoQueue") or redrive["maxReceiveCount"] > 3:
            yield f"{name}: a poisoned message stays"
        if f"{letters}.QueueName" not in subjects:
            yield f"{name}: nobody hears of {letters}"


def logs_end(stack: Stack) -> Iterator[str]:
    """Each function logs into its own group, which the stack makes with a retention."""
    groups = stack.of("AWS::Logs::LogGroup")
    for name, function in stack.of("AWS::Lambda::Function").items():
        group = function.get("LoggingConfig", {}).get("LogGroup")
        if group != f"{name.removesuffix('Function')}LogGroup":
            yield f"{name}: logs into {group}"
        if not groups.get(group or "", {}).get("RetentionInDays"):
            yield f"{name}: logs are kept for ever"


def silence_is_an_alarm(stack: Stack) -> Iterator[str]:
    """A missing heartbeat alarms after two periods, missing points being filled in with zero."""
    beat = stack.of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
    knows_math = stack.of("AWS::CloudWatch::CompositeAlarm")  # not so the emulator, AlarmSet=basic
    if knows_math and fills_with(beat) != 0:
        yield "a missing heartbeat is no data point"
    if beat.get("TreatMissingData") != "breaching":
        yield "a missing heartbeat counts as well"
    if (beat["EvaluationPeriods"], beat.get("DatapointsToAlarm", 2)) != (2, 2):
        yield "not two periods"
    if (beat["ComparisonOperator"], beat["Threshold"]) != ("LessThanThreshold", 1):
        yield "the heartbeat's threshold"


def trouble_is_an_alarm(stack: Stack) -> Iterator[str]:
    """What asks for a person, failed functions and dead letters are watched, and tell."""
    heard = {
        (
            metric["MetricName"],
            metric["Dimensions"][0]["Value"],
            tuple(alarm.get("AlarmActions", ())),
        )
        for alarm in stack.of("AWS::CloudWatch::Alarm").values()
        for metric in (watched(alarm),)
        if len(metric["Dimensions"]) == 1
    }
    subjects = [("Errors", function) for function in stack.of("AWS::Lambda::Function")]
    subjects += [
        ("Alarms", OWN),
        ("ApproximateNumberOfMessagesVisible", "DeadLetterQueue.QueueName"),
        ("Heartbeat", OWN),
    ]
    for metric, subject in subjects:
        if (metric, subject, ("AlertTopic",)) not in heard:
            yield f"nobody hears of {metric} of {subject}"


SILENT_FAILURES: Mapping[str, tuple[str, ...]] = {
    "configuration rejected": ("settings_rejected",),
    "open intent older than the grace": ("purchase_unresolved", "purchase_abandoned"),
    "unmanaged PT": ("unmanaged_pt",),
    "PT failed or stuck": ("pt_failed", "pt_stuck"),
    "term ending": ("term_ending",),
    "80 % of a cap": ("spend_near_cap", "stack_near_cap"),
    "100 % of a cap": ("spend_at_cap", "stack_at_cap"),
    "breaker tripped": ("breaker_tripped",),
    "metrics incomplete for 30 minutes": ("metrics_incomplete",),
    "routing publish failed": ("table_kept", "projection_newer"),
    "price book stale": ("price_stale",),
    "a price in doubt": ("price_doubted",),
    "idle paid units": ("idle_units", "idle_while_overflowing"),
    "an endpoint that could not be scaled": ("scaling_failed",),
    "a place out of reach": ("place_unreachable",),
    "ticks late": ("loop_late",),
    "messages lost": ("telling_failed",),
}
"""Alarms that the failure model demands, and the names under which the code counts them. Missing
heartbeat, dead letters and failed functions have metrics of their own (`trouble_is_an_alarm`)."""


def silent_failures_are_alarms(stack: Stack) -> Iterator[str]:
    """Each has a CloudWatch alarm on the count of its name, which rings at the first and tells."""
    alarms = stack.of("AWS::CloudWatch::Alarm").values()
    for failure, names in SILENT_FAILURES.items():
        for name in names:
            wanted = {
                "Namespace": "BedrockAutoscaler",
                "MetricName": "Alarms",
                "Dimensions": [
                    {"Name": "Deployment", "Value": OWN},
                    {"Name": "Alarm", "Value": name},
                ],
                "Statistic": "Sum",
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": ["AlertTopic"],
            }
            if not any(_has(alarm, wanted) for alarm in alarms):
                yield f"nobody hears of {failure}: {name}"


def _has(alarm: Properties, wanted: Properties) -> bool:
    """Whether the alarm has these properties, and may act: actions are on unless switched off."""
    is_on = alarm.get("ActionsEnabled", True) is True
    return is_on and all(alarm.get(name) == value for name, value in wanted.items())


RULES = (
    wildcards,
    roles_are_written_out,
    forbidden_actions,
    buying_and_deleting_are_apart,
    purchases_carry_the_owner,
    releases_need_the_owner,
    roles_are_assumed_by_name,
    endpoints_are_scaled_through_bedrock,
    no_function_writes_its_bounds,
    functions_tell_their_own_only,
    schedules_do_not_insist,
    functions_are_not_retried,
    work_is_done_once_at_a_time,
    poisoned_work_ends,
    dead_letters_can_be_sent,
    functions_end_before_the_next_tick,
    schedules_tick_the_live_version,
    records_outlive_mistakes,
    settings_are_not_in_the_stack,
    throughputs_are_not_in_the_stack,
    messages_are_encrypted,
    logs_end,
    silence_is_an_alarm,
    trouble_is_an_alarm,
    silent_failures_are_alarms,
)
