"""Parameters are bounded: what would be dangerous or useless is refused before anything changes."""

import json
import re
from io import StringIO

import pytest

from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from tests.deployment.arithmetic import watched
from tests.deployment.template import ROOT, stack, translated

pytestmark = pytest.mark.xdist_group("template")


def _accepts(parameter: str, value: str) -> bool:
    """As CloudFormation does: the whole value, each element of a list by itself."""
    declared = translated()["Parameters"][parameter]
    values = value.split(",") if declared["Type"] == "CommaDelimitedList" else [value]
    return all(re.fullmatch(declared["AllowedPattern"], each) for each in values)


@pytest.mark.parametrize(
    "value", ["", "http://127.0.0.1:4700", "http://localhost:80/clock", "http://[::1]:9"]
)
def test_clock_endpoint_takes_loopback(value: str) -> None:
    assert _accepts("ClockEndpoint", value)


@pytest.mark.parametrize(
    "value",
    [
        "http://10.0.0.1:80",
        "http://169.254.169.254:80",
        "http://clock.example:80",
        "http://localhost.example:80",
        "http://127.0.0.1:80@clock.example",
        "http://127.0.0.1.example:80",
        "http://127.0.0.1",
        "https://127.0.0.1:443",
        "http://127.0.0.1:80/?to=http://clock.example",
        " ",
    ],
)
def test_clock_endpoint_refuses_everything_else(value: str) -> None:
    assert not _accepts("ClockEndpoint", value)


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "arn:aws:bedrock:us-east-1::foundation-model/*",
        "arn:aws:bedrock:us-east-1:111111111111:provisioned-model/abc",
        "arn:aws:s3:::bucket",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0,*",
    ],
)
def test_purchasable_models_are_named(value: str) -> None:
    assert not _accepts("PurchasableModelArns", value)


@pytest.mark.parametrize("value", ["*", "us-west", "US-WEST-2", "us-west-2,*", "us-west-2 "])
def test_source_regions_are_named(value: str) -> None:
    assert not _accepts("SourceRegions", value)
    assert _accepts("SourceRegions", "us-west-2,ap-southeast-4")


@pytest.mark.parametrize("value", ["/", "bedrock-autoscaler", "/a/", "/a//b", "/a*", "/a b"])
def test_settings_prefix_is_a_path(value: str) -> None:
    assert not _accepts("SettingsPrefix", value)


@pytest.mark.parametrize("minutes", ["1", "2", "5"])
def test_routing_ticks_at_its_period_and_the_heartbeat_alarm_knows_it(minutes: str) -> None:
    deployed = stack(RoutingMinutes=minutes)

    expression = deployed.of("AWS::Scheduler::Schedule")["RoutingSchedule"]["ScheduleExpression"]
    assert expression == {"1": "cron(* * * * ? *)"}.get(minutes, f"cron(0/{minutes} * * * ? *)")
    alarm = deployed.of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
    assert watched(alarm)["Period"] == 60 * int(minutes)


@pytest.mark.parametrize("minutes", ["2", "5"])
def test_where_routing_ticks_less_often_every_minute_still_has_a_heartbeat(minutes: str) -> None:
    schedules = stack(RoutingMinutes=minutes).of("AWS::Scheduler::Schedule")

    beat = schedules["HeartbeatSchedule"]
    assert beat["ScheduleExpression"] == "cron(* * * * ? *)"
    sample = json.loads(
        (ROOT / "events" / "observe_decide_heartbeat.json").read_text(encoding="utf-8")
    )
    assert json.loads(beat["Target"]["Input"])["loop"] == sample["loop"] == "heartbeat"
    assert "HeartbeatSchedule" not in stack().of("AWS::Scheduler::Schedule")


@pytest.mark.parametrize("alarms", ["full", "basic"])
def test_where_a_dispatcher_ticks_nobody_beats_in_its_place(alarms: str) -> None:
    """It ticks each minute; a beat of anybody else would hide that it stopped."""
    deployed = stack(RoutingMinutes="5", FanOut="on", AlarmSet=alarms)

    assert "HeartbeatSchedule" not in deployed.of("AWS::Scheduler::Schedule")
    alarm = deployed.of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
    assert watched(alarm)["Period"] == 60


def test_capacity_ticks_every_five_minutes_from_the_full_hour_on() -> None:
    schedule = stack().of("AWS::Scheduler::Schedule")["CapacitySchedule"]

    assert schedule["ScheduleExpression"] == "cron(0/5 * * * ? *)"


def test_every_period_offered_has_a_schedule() -> None:
    template = translated()

    for parameter, mapping in (("RoutingMinutes", "Routing"), ("CapacityMinutes", "Capacity")):
        offered = template["Parameters"][parameter]["AllowedValues"]
        assert list(template["Mappings"][mapping]) == offered


@pytest.mark.parametrize("level", translated()["Parameters"]["LogLevel"]["AllowedValues"])
def test_at_every_level_the_lines_that_alarms_refer_to_are_logged(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Powertools keeps one logger, with its stream, per service and process.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"at-{level}")
    stream = StringIO()

    PowertoolsReporter("prod", level, stream).alarm("price_stale", "chat", "40 days old")

    assert "40 days old" in stream.getvalue()


def test_reserved_concurrency_is_off_by_default() -> None:
    assert all(
        "ReservedConcurrentExecutions" not in function
        for function in stack().of("AWS::Lambda::Function").values()
    )
    assert {
        function["ReservedConcurrentExecutions"]
        for function in stack(ReservedConcurrency="1").of("AWS::Lambda::Function").values()
    } == {"1"}


def test_the_queue_calls_no_more_workers_than_are_reserved() -> None:
    deployed = stack(ReservedConcurrency="1", FanOut="on", MostWorkers="7")
    functions = deployed.of("AWS::Lambda::Function")
    (source,) = deployed.of("AWS::Lambda::EventSourceMapping").values()

    assert source["ScalingConfig"]["MaximumConcurrency"] == "7"
    assert functions.pop("VisitFunction")["ReservedConcurrentExecutions"] == "7"
    assert {each["ReservedConcurrentExecutions"] for each in functions.values()} == {"1"}


def test_schedules_can_be_stopped_and_then_no_heartbeat_is_expected() -> None:
    stopped = stack(SchedulesState="DISABLED")

    states = {each["State"] for each in stopped.of("AWS::Scheduler::Schedule").values()}
    assert states == {"DISABLED"}
    alarm = stopped.of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
    assert alarm["ActionsEnabled"] is False
    assert stack().of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]["ActionsEnabled"] is True


def test_basic_alarms_leave_out_the_composite_and_the_queries_only() -> None:
    left_out = stack().resources.keys() - stack(AlarmSet="basic").resources.keys()

    assert left_out == {"UnhealthyAlarm", *stack().of("AWS::Logs::QueryDefinition")}


@pytest.mark.parametrize("fan_out", ["off", "on"])
def test_composite_alarm_names_every_alarm(fan_out: str) -> None:
    deployed = stack(FanOut=fan_out)

    rule = deployed.of("AWS::CloudWatch::CompositeAlarm")["UnhealthyAlarm"]["AlarmRule"]

    assert (
        set(re.findall(r'ALARM\("(\w+)"\)', rule)) == deployed.of("AWS::CloudWatch::Alarm").keys()
    )


def test_an_address_is_subscribed_only_when_given() -> None:
    assert stack().of("AWS::SNS::Subscription") == {}
    (subscription,) = stack(AlertEmail="a@example.org").of("AWS::SNS::Subscription").values()
    assert (subscription["TopicArn"], subscription["Endpoint"]) == ("AlertTopic", "a@example.org")


def test_customer_key_encrypts_tables_logs_and_queue() -> None:
    key = "arn:aws:kms:eu-central-1:111111111111:key/0a1b2c3d"

    deployed = stack(KmsKeyArn=key)

    tables = deployed.of("AWS::DynamoDB::Table").values()
    assert {table["SSESpecification"]["KMSMasterKeyId"] for table in tables} == {key}
    assert {group["KmsKeyId"] for group in deployed.of("AWS::Logs::LogGroup").values()} == {key}
    assert deployed.of("AWS::SQS::Queue")["DeadLetterQueue"]["KmsMasterKeyId"] == key


def test_functions_get_the_names_they_read() -> None:
    functions = stack(ClockEndpoint="http://127.0.0.1:1").of("AWS::Lambda::Function")

    shared = {
        "LEDGER_TABLE": "LedgerTable",
        "ROUTES_TABLE": "RoutesTable",
        "CONSENTS_TABLE": "ConsentsTable",
        "CAPACITY_MINUTES": "5",
        "SETTINGS_PREFIX": "/bedrock-autoscaler",
        "DEPLOYMENT": "prod",
        "CLOCK_ENDPOINT": "http://127.0.0.1:1",
        "ALERT_TOPIC_ARN": "AlertTopic",
        "EVENT_BUS": "EventBus",
        "POWERTOOLS_METRICS_NAMESPACE": "BedrockAutoscaler",
        "OPENBLAS_NUM_THREADS": "1",
        "LOG_LEVEL": "INFO",
        "SOURCE_REGIONS": "",
        "FAN_OUT": "off",
        "SPOKE_ACCOUNTS": "",
        "SPOKE_REGIONS": "",
        "SPOKE_EXTERNAL_ID": "",
    }
    roles = {
        name: {"SPOKE_ROLE": f"prod-spoke-{role}"}
        for name, role in (
            ("purchase", "purchaser"), ("release", "releaser"), ("publish", "publisher")
        )
    }  # fmt: skip
    services = (
        "observe_decide",
        "purchase",
        "release",
        "publish",
        "refresh_prices",
        "scale_endpoint",
    )
    mute = {"refresh_prices": {"ALERT_TOPIC_ARN": "", "EVENT_BUS": ""}}
    assert [function["Environment"]["Variables"] for function in functions.values()] == [
        shared
        | {"POWERTOOLS_SERVICE_NAME": service}
        | mute.get(service, {})
        | roles.get(service, {})
        for service in services
    ]


@pytest.mark.parametrize(
    ("schedule", "event"),
    [
        ("RoutingSchedule", "observe_decide_routing"),
        ("CapacitySchedule", "observe_decide_capacity"),
        ("PurchaseSchedule", "purchase"),
        ("ReleaseSchedule", "release"),
        ("PublishSchedule", "publish"),
    ],
)
def test_sample_events_are_what_the_schedules_send(schedule: str, event: str) -> None:
    sent = json.loads(stack().of("AWS::Scheduler::Schedule")[schedule]["Target"]["Input"])
    sample = json.loads((ROOT / "events" / f"{event}.json").read_text(encoding="utf-8"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z", sample.pop("scheduled_time"))
    assert sent.pop("scheduled_time") == "<aws.scheduler.scheduled-time>"
    assert sample == sent
