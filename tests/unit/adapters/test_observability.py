import ast
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import bedrock_autoscaler
from bedrock_autoscaler.adapters.observability import FIELDS, PowertoolsReporter, cleaned
from bedrock_autoscaler.domain.decision import Purchase, Release, Restore
from tests.builders import build_decision

MARKER = "MARKER\r\n\x1b[31m\u2028\u202ered"


class Output:
    """A reporter with what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], level: str = "INFO") -> None:
        self._capsys = capsys
        self._lines = io.StringIO()
        self.reporter = PowertoolsReporter("stack", level, stream=self._lines)

    @property
    def text(self) -> str:
        return self._lines.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def metrics(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Powertools keeps one logger, with its stream, per service and process."""
    name = str(request.node.name)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", name)
    return name


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    return Output(capsys)


def test_a_decision_is_one_line_whose_keys_are_its_fields(output: Output) -> None:
    decision = build_decision()

    output.reporter.decided(decision)

    (line,) = output.lines()
    assert line["message"] == "decision"
    assert line["decision_id"] == decision.id
    assert (line["target"], line["loop"], line["mode"]) == ("chat", "capacity", "act")
    assert line["desired_units"] == decision.desired_units
    assert line["reason_codes"] == [reason.code.value for reason in decision.reasons]
    assert line["reasons"] == [reason.message for reason in decision.reasons]
    assert "Traceback" not in output.text


def test_a_decision_is_counted_per_target(output: Output) -> None:
    output.reporter.decided(build_decision())

    (metrics,) = output.metrics()
    (declared,) = metrics["_aws"]["CloudWatchMetrics"]
    assert declared["Namespace"] == "BedrockAutoscaler"
    assert declared["Dimensions"] == [["Deployment", "Target"]]
    assert (metrics["Deployment"], metrics["Target"]) == ("stack", "chat")
    assert metrics["Decisions"] == [1.0]
    assert metrics["Holds"] == [1.0]


def test_actions_are_named_and_counted(output: Output) -> None:
    actions = (
        Purchase(model_id="model:24k", model_units=2, usd_per_hour=Decimal(40)),
        Release(arn="arn:1", model_units=1),
        Restore(arn="arn:2", model_units=1),
    )

    output.reporter.decided(build_decision(actions=actions))

    (line,), (metrics,) = output.lines(), output.metrics()
    assert line["actions"] == ["purchase 2 of model:24k", "release arn:1", "restore arn:2"]
    assert (metrics["Purchases"], metrics["Releases"], metrics["Holds"]) == ([1.0], [1.0], [0.0])


def test_an_event_carries_its_fields(output: Output) -> None:
    output.reporter.happened("purchase_refused", "chat", code="AccessDeniedException", units=2)

    (line,) = output.lines()
    assert line["message"] == "purchase_refused"
    assert (line["target"], line["code"], line["units"]) == ("chat", "AccessDeniedException", 2)


def test_a_field_that_is_not_on_the_list_is_left_out_by_name(output: Output) -> None:
    output.reporter.happened("seen", "chat", prompt="secret words", units=2)

    (line,) = output.lines()
    assert line["left_out"] == "prompt"
    assert "secret words" not in output.text


def test_an_alarm_is_a_warning_and_a_count_under_its_name(output: Output) -> None:
    output.reporter.alarm("intent_stuck", "chat", "open for 40 minutes")

    (line,), (metrics,) = output.lines(), output.metrics()
    assert (line["level"], line["message"]) == ("WARNING", "alarm")
    assert (line["alarm"], line["detail"]) == ("intent_stuck", "open for 40 minutes")
    (declared,) = metrics["_aws"]["CloudWatchMetrics"]
    assert declared["Dimensions"] == [["Deployment", "Alarm"], ["Deployment"]]
    assert (metrics["Alarm"], metrics["Alarms"]) == ("intent_stuck", [1.0])


def test_metrics_are_put_whatever_the_log_level(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(capsys, level="ERROR")

    output.reporter.alarm("intent_stuck", "chat", "open")

    assert output.text == ""
    assert len(output.metrics()) == 1


def test_the_function_s_name_is_in_its_lines_and_does_not_split_the_metrics(
    output: Output, service: str
) -> None:
    output.reporter.alarm("intent_stuck", "chat", "open")

    (metrics,), (line,) = output.metrics(), output.lines()
    (declared,) = metrics["_aws"]["CloudWatchMetrics"]
    assert declared["Dimensions"] == [["Deployment", "Alarm"], ["Deployment"]]
    assert line["service"] == service


def test_outside_text_stays_on_its_line_and_is_cut(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = MARKER + "x" * 10_000

    output.reporter.happened(outside, outside, detail=outside)
    output.reporter.alarm(outside, outside, outside)

    assert len(output.lines()) == 2
    written = output.text + capsys.readouterr().out
    assert written.count("MARKER") > 0
    assert max(len(line) for line in written.splitlines()) < 2_000
    assert all(character.isprintable() or character == "\n" for character in written)
    assert "\\\\r\\\\n" in written  # escaped twice: by us, and by JSON


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\\nlines"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\u202e", "\\u202e"),
        ("größe 模型", "größe 模型"),
        ("a" * 256, "a" * 256),
        ("a" * 257, "a" * 256),
        ("\n" * 200, "\\n" * 126 + "\\..."),
    ],
)
def test_cleaning_escapes_what_does_not_print(text: str, clean: str) -> None:
    assert cleaned(text) == clean


def reported_fields() -> Iterator[str]:
    """The names of all fields that the application hands to `happened`, if by a `_report`."""
    for path in Path(bedrock_autoscaler.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in {"happened", "_report"}:
                yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def test_every_field_that_the_package_reports_is_on_the_list() -> None:
    assert set(reported_fields()) - FIELDS == set()
