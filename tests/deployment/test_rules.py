"""The template keeps every rule, whatever its parameters; each rule notices its planted defects."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.deployment import access_rules, alarm_rules, keeping_rules, rules, running_rules
from tests.deployment.policies import as_tuple
from tests.deployment.template import Stack, stack

pytestmark = pytest.mark.xdist_group("template")

MODEL = "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0*"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/0a1b2c3d"
ENDPOINT = "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/own"
ENDPOINT_ROLE = "arn:aws:iam::111111111111:role/endpoint"
VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "buying": {"PurchasableModelArns": MODEL},
    "customer key": {"PurchasableModelArns": MODEL, "KmsKeyArn": KEY},
    "traced": {"PurchasableModelArns": MODEL, "Tracing": "Active"},
    "scaling": {"ScalableEndpointArns": ENDPOINT, "EndpointRoleArns": ENDPOINT_ROLE},
    "regions": {"SourceRegions": "us-west-2,us-east-2"},
    "fan-out": {"FanOut": "on"},
    "spokes": {
        "FanOut": "on",
        "SpokeAccounts": "222222222222,333333333333",
        "SpokeRegions": "us-east-1,us-west-2",
        "SpokeExternalId": "a-long-random-text",
    },
    "local": {"AlarmSet": "basic", "SchedulesState": "DISABLED", "Architecture": "x86_64"},
}

type Rule = Callable[[Stack], Iterator[str]]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_template_keeps_the_rule(rule: Rule, variant: str) -> None:
    deployed = stack(**VARIANTS[variant])

    assert list(rule(deployed)) == []


def statement_of(deployed: Stack, role: str, sid: str) -> dict[str, Any]:
    """The statement of this name in the role."""
    policy = deployed.of("AWS::IAM::Role")[role]["Policies"][0]["PolicyDocument"]
    found: dict[str, Any] = next(
        statement for statement in as_tuple(policy["Statement"]) if statement["Sid"] == sid
    )
    return found


def _widen(role: str, sid: str, **changes: Any) -> Callable[[Stack], None]:
    return lambda deployed: statement_of(deployed, role, sid).update(changes)


def _set(resource: str, path: str, value: Any) -> Callable[[Stack], None]:
    def change(deployed: Stack) -> None:
        *parents, last = path.split("/")
        place = deployed.resources[resource]
        for name in parents:
            place = place[name]
        place[last] = value

    return change


def _drop(resource: str, path: str) -> Callable[[Stack], None]:
    def change(deployed: Stack) -> None:
        *parents, last = path.split("/")
        place = deployed.resources[resource]
        for name in parents:
            place = place[name]
        del place[last]

    return change


def _add(name: str, kind: str) -> Callable[[Stack], None]:
    return lambda deployed: deployed.resources.update({name: {"Type": kind, "Properties": {}}})


def _remove(name: str) -> Callable[[Stack], None]:
    return lambda deployed: deployed.resources.__delitem__(name)


NAMED_ALARMS = (
    "PlaceUnreachableAlarm",
    "SettingsRejectedAlarm",
    "PurchaseUnresolvedAlarm",
    "PurchaseAbandonedAlarm",
    "UnmanagedAlarm",
    "FailedAlarm",
    "StuckAlarm",
    "TermEndingAlarm",
    "SpendNearCapAlarm",
    "SpendAtCapAlarm",
    "StackNearCapAlarm",
    "StackAtCapAlarm",
    "BreakerAlarm",
    "ScalingFailedAlarm",
    "MetricsIncompleteAlarm",
    "TableKeptAlarm",
    "ProjectionNewerAlarm",
    "PriceStaleAlarm",
    "IdleUnitsAlarm",
    "LoopLateAlarm",
    "IdleWhileOverflowingAlarm",
    "TellingFailedAlarm",
)
OWNER_ONLY_IN_FOR_ALL_VALUES = {
    "ForAllValues:StringEquals": {
        "aws:RequestTag/bedrock-autoscaler:deployment": "prod",
        "aws:TagKeys": access_rules.TAG_KEYS,
    }
}
BUY = "bedrock:CreateProvisionedModelThroughput"
DELETE = "bedrock:DeleteProvisionedModelThroughput"
RETRY = "Properties/Target/RetryPolicy"

DEFECTS: tuple[tuple[Rule, str, Callable[[Stack], None]], ...] = (
    (access_rules.wildcards, "action", _widen("PurchaseRole", "WriteLedger", Action="dynamodb:*")),
    (access_rules.wildcards, "resource", _widen("ReleaseRole", "DeleteOwn", Resource="*")),
    (access_rules.wildcards, "region", _widen("ReleaseRole", "EvidenceOfNoTraffic", Condition={})),
    (access_rules.wildcards, "not action", _widen("PublishRole", "Log", NotAction="iam:PassRole")),
    (
        access_rules.roles_are_written_out,
        "managed policy",
        _set("PublishRole", "Properties/ManagedPolicyArns", ["arn:aws:iam::aws:policy/x"]),
    ),
    (
        access_rules.roles_are_written_out,
        "a role of SAM",
        _add("ReleaseFunctionRole", "AWS::IAM::Role"),
    ),
    (
        access_rules.roles_are_written_out,
        "shared role",
        _set("PublishFunction", "Properties/Role", "ReleaseRole.Arn"),
    ),
    (
        access_rules.forbidden_actions,
        "reads prompts",
        _widen("ObserveDecideRole", "Models", Action="bedrock:InvokeModelWithResponseStream"),
    ),
    (
        access_rules.forbidden_actions,
        "deletes records",
        _widen("PurchaseRole", "WriteLedger", Action=["dynamodb:DeleteItem"]),
    ),
    (
        access_rules.buying_and_deleting_are_apart,
        "tags and deletes",
        _widen("ReleaseRole", "DeleteOwn", Action=[DELETE, "bedrock:TagResource"]),
    ),
    (
        access_rules.buying_and_deleting_are_apart,
        "buys and deletes",
        _widen("PurchaseRole", "Buy", Action=[BUY, DELETE]),
    ),
    (
        access_rules.purchases_carry_the_owner,
        "no tags",
        _widen("PurchaseRole", "Buy", Condition={}),
    ),
    (
        access_rules.purchases_carry_the_owner,
        "passes on an absent tag",
        _widen("PurchaseRole", "TagWhatIsBought", Condition=OWNER_ONLY_IN_FOR_ALL_VALUES),
    ),
    (
        access_rules.releases_need_the_owner,
        "any owner",
        _widen("ReleaseRole", "DeleteOwn", Condition={}),
    ),
    (
        access_rules.no_function_writes_its_bounds,
        "writes the switch",
        _widen("PublishRole", "Projection", Resource="arn:aws:ssm:::parameter/x/*"),
    ),
    (
        access_rules.no_function_writes_its_bounds,
        "issues consents",
        _widen("PurchaseRole", "UseConsents", Condition={}),
    ),
    (
        access_rules.functions_tell_their_own_only,
        "another bus",
        _widen("PublishRole", "Announce", Resource="arn:aws:events:::event-bus/default"),
    ),
    (
        access_rules.functions_tell_their_own_only,
        "another topic",
        _widen("PurchaseRole", "Tell", Resource="arn:aws:sns:eu-central-1:111111111111:x"),
    ),
    (
        access_rules.forbidden_actions,
        "an event rule",
        _widen("PublishRole", "Announce", Action="events:PutRule"),
    ),
    (
        access_rules.forbidden_actions,
        "a subscription",
        _widen("PublishRole", "Tell", Action="sns:Subscribe"),
    ),
    (running_rules.schedules_do_not_insist, "default", _drop("CapacitySchedule", RETRY)),
    (
        running_rules.schedules_do_not_insist,
        "attempts",
        _set("RoutingSchedule", f"{RETRY}/MaximumRetryAttempts", 5),
    ),
    (
        running_rules.schedules_do_not_insist,
        "age",
        _set("PurchaseSchedule", f"{RETRY}/MaximumEventAgeInSeconds", 600),
    ),
    (
        running_rules.schedules_do_not_insist,
        "no dead letters",
        _drop("PublishSchedule", "Properties/Target/DeadLetterConfig"),
    ),
    (
        running_rules.functions_are_not_retried,
        "lambda retries",
        _set("PurchaseFunctionEventInvokeConfig", "Properties/MaximumRetryAttempts", 2),
    ),
    (
        running_rules.functions_are_not_retried,
        "other qualifier",
        _drop("PurchaseFunctionEventInvokeConfig", "Properties/Qualifier"),
    ),
    (
        running_rules.dead_letters_can_be_sent,
        "scheduler cannot",
        _widen("SchedulerRole", "DeadLetters", Action="sqs:GetQueueUrl"),
    ),
    (
        running_rules.functions_end_before_the_next_tick,
        "a minute",
        _set("ReleaseFunction", "Properties/Timeout", 60),
    ),
    (
        running_rules.schedules_tick_the_live_version,
        "latest code",
        _set("ReleaseSchedule", "Properties/Target/Arn", "ReleaseFunction.Arn"),
    ),
    (
        running_rules.schedules_tick_the_live_version,
        "no time",
        _set("ReleaseSchedule", "Properties/Target/Input", "{}"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not retained",
        _drop("LedgerTable", "DeletionPolicy"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not protected",
        _drop("ConsentsTable", "Properties/DeletionProtectionEnabled"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not recoverable",
        _drop("RoutesTable", "Properties/PointInTimeRecoverySpecification"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not encrypted",
        _drop("LedgerTable", "Properties/SSESpecification"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "expires",
        _set("LedgerTable", "Properties/TimeToLiveSpecification", {}),
    ),
    (keeping_rules.settings_are_not_in_the_stack, "switch", _add("Switch", "AWS::SSM::Parameter")),
    (
        keeping_rules.throughputs_are_not_in_the_stack,
        "capacity",
        _add("Fleet", "AWS::Bedrock::ProvisionedModelThroughput"),
    ),
    (
        keeping_rules.messages_are_encrypted,
        "queue",
        _drop("DeadLetterQueue", "Properties/SqsManagedSseEnabled"),
    ),
    (
        keeping_rules.messages_are_encrypted,
        "topic",
        _drop("AlertTopic", "Properties/KmsMasterKeyId"),
    ),
    (
        keeping_rules.messages_are_encrypted,
        "plain HTTP",
        _set("AlertTopicPolicy", "Properties/PolicyDocument", {"Statement": []}),
    ),
    (keeping_rules.logs_end, "for ever", _drop("PublishLogGroup", "Properties/RetentionInDays")),
    (
        keeping_rules.logs_end,
        "group made by Lambda",
        _drop("PublishFunction", "Properties/LoggingConfig"),
    ),
    (
        alarm_rules.silence_is_an_alarm,
        "silence is well",
        _set("HeartbeatAlarm", "Properties/TreatMissingData", "notBreaching"),
    ),
    (
        alarm_rules.silence_is_an_alarm,
        "silence is no data point",
        _drop("HeartbeatAlarm", "Properties/Metrics"),
    ),
    (
        alarm_rules.silence_is_an_alarm,
        "ten periods",
        _set("HeartbeatAlarm", "Properties/EvaluationPeriods", 10),
    ),
    (
        alarm_rules.trouble_is_an_alarm,
        "unheard",
        _drop("DeadLetterAlarm", "Properties/AlarmActions"),
    ),
    *(
        (
            access_rules.endpoints_are_scaled_through_bedrock,
            defect,
            _widen("ScaleEndpointRole", sid, **changes),
        )
        for defect, sid, changes in (
            ("to any service", "KeepExecutionRole", {"Condition": {}}),
            ("any role", "KeepExecutionRole", {"Resource": "arn:aws:iam::111111111111:role/*"}),
            ("past Bedrock", "ScaleNamed", {"Condition": {}}),
        )
    ),
    (
        access_rules.endpoints_are_scaled_through_bedrock,
        "by another role",
        _widen("PublishRole", "Owners", Action="bedrock:UpdateMarketplaceModelEndpoint"),
    ),
    *(
        (access_rules.roles_are_assumed_by_name, defect, _widen("ReleaseRole", "Spokes", **changes))
        for defect, changes in (
            ("any role", {"Resource": "arn:aws:iam::*:role/*"}),
            ("the purchaser", {"Resource": "arn:aws:iam::*:role/prod-spoke-purchaser"}),
            ("in any account", {"Condition": {"StringEquals": {"sts:ExternalId": "a"}}}),
            ("by any hub", {"Condition": {"StringEquals": {"aws:ResourceAccount": "2"}}}),
        )
    ),
    *(
        (running_rules.poisoned_work_ends, defect, spoil)
        for defect, spoil in (
            ("for ever", _drop("WorkQueue", "Properties/RedrivePolicy")),
            ("unheard", _remove("WorkDeadLettersAlarm")),
        )
    ),
    *(
        (running_rules.work_is_done_once_at_a_time, defect, spoil)
        for defect, spoil in (
            ("no order", _set("WorkQueue", "Properties/FifoQueue", value=False)),
            ("two hands", _set("WorkQueue", "Properties/VisibilityTimeout", value=50)),
            ("all again", _drop("VisitSource", "Properties/FunctionResponseTypes")),
            ("by a worker", _widen("VisitRole", "TakeWork", Action="sqs:SendMessage")),
        )
    ),
    (
        alarm_rules.trouble_is_an_alarm,
        "one name only",
        _set(
            "AttentionAlarm",
            "Properties/Dimensions",
            [{"Name": "Deployment", "Value": "prod"}, {"Name": "Alarm", "Value": "pt_failed"}],
        ),
    ),
    *(
        (alarm_rules.silent_failures_are_alarms, f"nobody hears of {logical}", _remove(logical))
        for logical in NAMED_ALARMS
    ),
    (
        alarm_rules.silent_failures_are_alarms,
        "unheard",
        _drop("BreakerAlarm", "Properties/AlarmActions"),
    ),
    (
        alarm_rules.silent_failures_are_alarms,
        "switched off",
        _set("IdleUnitsAlarm", "Properties/ActionsEnabled", value=False),
    ),
    (
        alarm_rules.silent_failures_are_alarms,
        "at the second",
        _set("StuckAlarm", "Properties/Threshold", 1),
    ),
)


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [pytest.param(rule, spoil, id=f"{rule.__name__}: {defect}") for rule, defect, spoil in DEFECTS],
)
def test_rule_notices_the_defect(rule: Rule, spoil: Callable[[Stack], None]) -> None:
    of_work = (
        running_rules.work_is_done_once_at_a_time,
        running_rules.poisoned_work_ends,
        access_rules.roles_are_assumed_by_name,
    )
    fanned = VARIANTS["spokes"] if rule in of_work else {}
    spoiled = stack(**VARIANTS["buying"], **VARIANTS["scaling"], **fanned).copy()

    spoil(spoiled)

    assert list(rule(spoiled)) != []


def test_every_rule_has_a_planted_defect() -> None:
    assert {rule for rule, _, _ in DEFECTS} == set(rules.RULES)
