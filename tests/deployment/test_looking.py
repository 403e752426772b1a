"""The dashboard and the canned queries name what there is."""

import inspect
import json
import re
from typing import Any

import pytest

from bedrock_autoscaler.adapters.observability import FIELDS, PowertoolsReporter
from bedrock_autoscaler.application.telling.events import CHANGES
from bedrock_autoscaler.domain.economics.own_cost import (
    ALARMS,
    COMPOSITE_ALARMS,
    MINUTELY_SCHEDULES,
)
from tests.deployment.template import OWN, stack

pytestmark = pytest.mark.xdist_group("template")

OF_LAMBDA = {"@timestamp", "@duration", "@maxMemoryUsed", "@log", "@type"}


def dashboard(**parameters: str) -> list[dict[str, Any]]:
    """The widgets."""
    deployed = stack(**parameters)
    body = json.loads(deployed.of("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"])
    widgets: list[dict[str, Any]] = body["widgets"]
    return widgets


@pytest.mark.parametrize("fan_out", ["off", "on"])
def test_the_dashboard_shows_every_alarm(fan_out: str) -> None:
    (widget,) = (one for one in dashboard(FanOut=fan_out) if one["type"] == "alarm")

    shown = {name.removesuffix(".Arn") for name in widget["properties"]["alarms"]}

    assert shown == stack(FanOut=fan_out).of("AWS::CloudWatch::Alarm").keys()


@pytest.mark.parametrize(("fan_out", "function"), [("off", "observe-decide"), ("on", "visit")])
def test_the_dashboard_shows_the_decisions_of_who_decides(fan_out: str, function: str) -> None:
    (widget,) = (one for one in dashboard(FanOut=fan_out) if one["type"] == "log")

    assert widget["properties"]["query"].startswith(f"SOURCE '/aws/lambda/{OWN}-{function}'")


def test_no_two_widgets_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for one in dashboard():
        cells = {
            (x, y)
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        }
        assert not cells & taken, one["properties"].get("title")
        assert one["x"] + one["width"] <= 24
        taken |= cells


def test_the_dashboard_s_own_metrics_are_put_by_the_code() -> None:
    source = inspect.getsource(PowertoolsReporter)
    own = [
        metric["expression"]
        for one in dashboard()
        for (metric, *_) in one["properties"].get("metrics", ())
        if isinstance(metric, dict) and "{BedrockAutoscaler," in metric["expression"]
    ]

    names = [name for text in own for name in re.findall(r'MetricName="(\w+)"', text)]
    assert len(names) == len(own) > 0
    assert all(f'"{name}"' in source for name in names)
    assert all(f'Deployment="{OWN}"' in text for text in own)


@pytest.mark.parametrize("name", sorted(stack().of("AWS::Logs::QueryDefinition")))
def test_a_query_asks_for_fields_that_are_logged(name: str) -> None:
    query = stack().of("AWS::Logs::QueryDefinition")[name]["QueryString"]
    source = inspect.getsource(PowertoolsReporter)
    made = set(re.findall(r"as (\w+)", query))
    fields = set[str]()
    for line in query.splitlines():
        command = line.removeprefix("| ").split(maxsplit=1)
        if command[0] in {"fields", "sort"}:
            fields |= {re.split(r"[ .]", part.strip())[0] for part in command[1].split(",")}

    known = OF_LAMBDA | FIELDS | made | {"message", "level"} | set(re.findall(r'"(\w+)"', source))
    assert {field for field in fields if not field.startswith("bin(")} - known == set()


def test_the_query_for_changes_names_all_of_them() -> None:
    query = stack().of("AWS::Logs::QueryDefinition")["ChangesQuery"]["QueryString"]

    (listed,) = re.findall(r"message in \[([^\]]+)\]", query)
    assert set(re.findall(r'"(\w+)"', listed)) == CHANGES


@pytest.mark.parametrize("fan_out", ["off", "on"])
def test_queries_read_the_logs_of_all_functions(fan_out: str) -> None:
    groups = set(stack(FanOut=fan_out).of("AWS::Logs::LogGroup"))

    for query in stack(FanOut=fan_out).of("AWS::Logs::QueryDefinition").values():
        assert set(query["LogGroupNames"]) == groups


def test_an_emulator_gets_neither_queries_nor_the_composite_alarm() -> None:
    basic = stack(AlarmSet="basic")

    assert not basic.of("AWS::Logs::QueryDefinition")
    assert not basic.of("AWS::CloudWatch::CompositeAlarm")
    assert basic.of("AWS::CloudWatch::Dashboard")


def test_what_is_paid_for_without_any_target_is_what_the_bill_has() -> None:
    deployed = stack(FanOut="on")
    minutely = [
        name
        for name, schedule in deployed.of("AWS::Scheduler::Schedule").items()
        if schedule["ScheduleExpression"] == "cron(* * * * ? *)"
    ]

    assert len(deployed.of("AWS::CloudWatch::Alarm")) == ALARMS
    assert len(deployed.of("AWS::CloudWatch::CompositeAlarm")) == COMPOSITE_ALARMS
    assert len(deployed.of("AWS::CloudWatch::Dashboard")) == 1
    assert len(deployed.of("AWS::KMS::Key")) == 1
    assert len(minutely) == MINUTELY_SCHEDULES
