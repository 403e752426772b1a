"""Each alarm has a section that says what to run, and each command of the page can be run."""

import re

import pytest

from bedrock_autoscaler.application.telling.remedies import REMEDIES
from tests.deployment.arithmetic import watched
from tests.deployment.template import ROOT, stack
from tests.operating.test_remedies import runs

pytestmark = pytest.mark.xdist_group("template")

PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
)
COMMANDS = sorted(set(re.findall(r"^(bedrock-autoscaler .+)$", PAGE, flags=re.MULTILINE)))


def alarms() -> set[str]:
    """Names of the alarms, without the stack's."""
    deployed = stack(FanOut="on")
    named = deployed.of("AWS::CloudWatch::Alarm") | deployed.of("AWS::CloudWatch::CompositeAlarm")
    return {alarm["AlarmName"].removeprefix("prod-") for alarm in named.values()}


def test_each_alarm_has_a_section_and_each_section_an_alarm() -> None:
    assert SECTIONS.keys() == alarms()


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_section_says_what_happens_and_what_to_run(name: str) -> None:
    said, _, commands = SECTIONS[name].partition("```sh\n")

    assert len(said.split()) >= 10
    assert "bedrock-autoscaler " in commands


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_can_be_run(line: str) -> None:
    assert runs(line)


def test_every_name_without_an_alarm_of_its_own_is_under_attention() -> None:
    own = {
        dimension["Value"]
        for alarm in stack().of("AWS::CloudWatch::Alarm").values()
        for dimension in watched(alarm)["Dimensions"]
        if dimension["Name"] == "Alarm"
    }
    rows = re.findall(r"^\| (`[^|]+`) \|", SECTIONS["attention"], flags=re.MULTILINE)
    listed = set(re.findall(r"`(\w+)`", " ".join(rows)))

    assert listed == REMEDIES.keys() - own
