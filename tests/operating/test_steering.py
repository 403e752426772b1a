"""A person's hand on the lever, by command: pauses, their ends, and what else is set by hand."""

import json
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW
from tests.deployment.template import ROOT
from tests.functions.account import PREFIX
from tests.holds import limited, ticks
from tests.operating.sdk import SWITCHBOARD
from tests.operating.stage import DOCUMENT, Stage
from tests.operating.steering import answering, controls

DAY = timedelta(days=1)


def test_a_pause_stops_both_directions_until_it_is_resumed(stage: Stage) -> None:
    printed = stage.told("pause", "chat")

    assert "controls.pause_growth: (not set) -> true" in printed
    assert (controls(stage).pause_growth, controls(stage).pause_shrink) == (True, True)
    printed = stage.told("resume", "chat", "--yes")
    assert "controls.pause_growth: true -> (not set)" in printed
    assert "controls: " not in printed
    assert controls(stage) == Controls()
    assert stage.stored() == DOCUMENT
    assert "nothing of the kind is set" in stage.told("resume", "chat", "--yes")


def test_a_pause_of_one_direction_ends_by_itself(stage: Stage) -> None:
    stage.told("pause", "chat", "--direction", "grow", "--until", "4h")
    assert controls(stage) == Controls(pause_growth_until=NOW + 4 * HOUR)

    stage.told("pause", "chat", "--direction", "shrink", "--until", "2d")
    assert controls(stage).pause_shrink_until == NOW + 2 * DAY


def test_resuming_one_direction_leaves_the_other(stage: Stage) -> None:
    stage.told("pause", "chat")
    stage.told("pause", "chat", "--until", "2d")

    stage.told("resume", "chat", "--direction", "shrink", "--yes")

    assert controls(stage) == Controls(pause_growth=True, pause_growth_until=NOW + 2 * DAY)


def test_a_pause_is_made_to_end_earlier_only_after_a_question(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.told("pause", "chat", "--until", "4d")
    asked = answering(monkeypatch, says_yes=False)

    stage.refused("pause", "chat", "--direction", "grow", "--until", "5m", status=130)
    assert controls(stage).pause_growth_until == NOW + 4 * DAY

    asked = answering(monkeypatch, says_yes=True)
    told = stage.told("pause", "chat", "--direction", "grow", "--until", "5m")
    assert "purchases are paused until 2026-11-24 12:00 UTC; that would end earlier" in told
    assert len(asked) == 1
    stage.told("pause", "chat", "--direction", "grow", "--until", "5d")
    stage.told("pause", "chat", "--until", "6m", "--yes")
    assert len(asked) == 1
    assert controls(stage) == Controls(
        pause_growth_until=NOW + 6 * MINUTE, pause_shrink_until=NOW + 6 * MINUTE
    )


def test_a_pause_with_an_end_over_one_without_says_that_the_latter_stays(stage: Stage) -> None:
    stage.told("pause", "chat", "--direction", "grow")

    told = stage.told("pause", "chat", "--until", "4h")

    assert "purchases stay paused beyond that, since controls.pause_growth is set" in told
    assert "`bedrock-autoscaler resume chat --direction grow --stack test`" in told
    assert "releases stay" not in told


def test_a_pause_without_an_end_over_one_with_an_end_says_that_it_outlasts_that(
    stage: Stage,
) -> None:
    stage.told("pause", "chat", "--direction", "shrink", "--until", "4h")

    told = stage.told("pause", "chat")

    assert "releases were paused until 2026-11-20 16:00 UTC; now they stay paused beyond" in told
    assert "purchases were paused" not in told


def test_what_a_target_may_spend_is_said_with_the_pause_that_holds_it(stage: Stage) -> None:
    stage.told("mode", "chat", "act", "--yes")

    told = stage.told("pause", "chat")
    assert "chat buys nothing as long as controls.pause_growth is set; without that:" in told
    assert "as long as" not in stage.told("resume", "chat", "--yes")


def test_what_somebody_sets_while_a_pause_is_ended_stays(stage: Stage) -> None:
    """The command decides on what it read; a later version refuses it."""
    stage.told("pause", "chat")

    def meanwhile(body: Any) -> Any:
        del SWITCHBOARD.replies["ssm.GetParameterHistory"]
        name = json.loads(body)["Name"]
        before = stage.ssm.get_parameter_history(Name=name)["Parameters"]
        document = stage.stored()
        document["controls"]["approval_above_usd_per_hour"] = 0
        stage.put("targets/chat", document)
        return {"Parameters": before}

    for command in (["resume", "chat"], ["override", "clear", "chat"]):
        stage.told("override", "route", "chat", MODEL, "--until", "4h", "--yes")
        stage.answer("ssm.GetParameterHistory", meanwhile)

        told = stage.refused(*command, "--yes")

        assert "nothing was written" in told
        assert stage.stored()["controls"]["approval_above_usd_per_hour"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "not JSON: Expecting value at line 1"),
        (json.dumps(DOCUMENT | {"controls": 5}), "controls is no object but int"),
        (json.dumps(DOCUMENT | {"controls": ["units"]}), "controls is no object but list"),
    ],
    ids=["no JSON", "a number", "a list"],
)
def test_a_document_that_cannot_be_used_is_named_with_the_way_back(
    stage: Stage, text: str, said: str
) -> None:
    stage.accept()
    stage.put("targets/chat", text)

    for command in (["resume", "chat"], ["override", "clear", "chat"]):
        told = stage.refused(*command, "--yes")

        assert f"{PREFIX}/settings/targets/chat, version 2: {said}" in told
        assert "`bedrock-autoscaler settings rollback chat`" in told
        assert told.count("\n") == 1


def test_a_pause_is_a_version_with_its_reason(stage: Stage) -> None:
    stage.told("pause", "chat", "--why", "incident 4711")

    newest = stage.json("settings", "history", "chat")[0]
    assert newest["why"] == "incident 4711"


def test_an_end_that_is_none_changes_nothing(stage: Stage) -> None:
    for until, told in (
        ("soon", "'soon' is no moment"),
        ("2026-11-19", "which is over"),
        ("0m", "which is over"),
        ("9999w", "is no moment"),
    ):
        assert told in stage.refused("pause", "chat", "--until", until)

    assert controls(stage) == Controls()


def test_a_target_that_is_not_there_is_refused_by_name(stage: Stage) -> None:
    assert "target 'email' is not in force" in stage.refused("pause", "email")
    assert "target 'email' is not in force" in stage.refused("resume", "email", "--yes")


def test_status_says_what_is_set_before_the_next_decision(stage: Stage) -> None:
    stage.put("targets/chat", DOCUMENT | {"mode": "act"})
    stage.record(ticks(0, limited(1), start=NOW))
    before = stage.told("status", "chat")

    stage.told("mode", "chat", "advise", "--yes")
    stage.told("pause", "chat", "--direction", "grow", "--until", "4h")

    assert "mode act" in before
    assert "nothing is paused or overridden" in before
    now = stage.told("status", "chat")
    assert "mode advise" in now
    assert "purchases are paused: " in now
    stage.answer("ssm.GetParametersByPath", lambda _: "AccessDeniedException")
    assert "mode and what is set by hand are as last decided" in stage.told("status", "chat")


def test_the_window_of_the_page_on_operating_can_be_set_as_it_stands_there(stage: Stage) -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`bedrock-autoscaler (settings set chat '?controls[^`]*)`", page)

    stage.told(*shlex.split(command), "--yes")

    (window,) = controls(stage).shrink_windows
    assert window.minutes == 480
