"""The alarms of the template and those that the code raises are the same ones."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bedrock_autoscaler
from tests.deployment.alarm_rules import SILENT_FAILURES
from tests.deployment.arithmetic import watched
from tests.deployment.template import stack

pytestmark = pytest.mark.xdist_group("template")

SOURCES = sorted(Path(bedrock_autoscaler.__file__).parent.rglob("*.py"))
NAMES = tuple(name for names in SILENT_FAILURES.values() for name in names)


def _texts(node: ast.AST) -> Iterator[str]:
    """Every string below a node that is no docstring."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def _raised() -> set[str]:
    """First words of calls of `alarm` or of a helper for it, and of findings that are reported."""
    found = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="alarm" | "_alarm" | "_unseen"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    found.add(name)
                case ast.Yield(value=ast.Tuple(elts=[first, _])):
                    found |= set(_texts(first))
                case ast.Assign(targets=[ast.Name(id="alarm")], value=value):
                    found |= set(_texts(value))
    return found


def test_every_demanded_alarm_is_raised_by_the_code() -> None:
    assert set(NAMES) - _raised() == set()


def test_no_alarm_of_the_template_waits_for_a_name_that_nobody_raises() -> None:
    waiting = {
        dimension["Value"]
        for alarm in stack().of("AWS::CloudWatch::Alarm").values()
        for dimension in watched(alarm)["Dimensions"]
        if dimension["Name"] == "Alarm"
    }

    assert waiting == set(NAMES)


def test_alarms_have_names_and_descriptions_of_their_own() -> None:
    alarms = stack().of("AWS::CloudWatch::Alarm").values()

    assert len({alarm["AlarmName"] for alarm in alarms}) == len(alarms)
    assert len({alarm["AlarmDescription"] for alarm in alarms}) >= len(alarms)
