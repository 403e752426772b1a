"""A person's hand on the lever, through the command line: pauses, overrides, the kill switch."""

import json
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import MODEL, NOW
from tests.deployment.template import ROOT
from tests.functions.account import PREFIX, SETTINGS
from tests.intents import build_purchase, reserve
from tests.operating.stage import DOCUMENT, Stage
from tests.unit.application.test_what_if import limited, ticks

ME = "arn:aws:sts::123456789012:user/moto"
DAY = timedelta(days=1)


def controls(stage: Stage) -> Controls:
    """What is in force for the target."""
    return stage.access.target("chat").controls


def switch(stage: Stage) -> str | None:
    return stage.access.switch


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


def test_a_pause_is_a_version_with_its_reason(stage: Stage) -> None:
    stage.told("pause", "chat", "--why", "incident 4711")

    newest = stage.json("settings", "history", "chat")[0]
    assert newest["why"] == "incident 4711"


def test_units_are_overridden_by_who_asks_for_them(stage: Stage) -> None:
    stage.told("override", "units", "chat", "3", "--until", "2026-11-22T08:00Z", "--yes")

    override = controls(stage).units
    assert override is not None
    assert (override.units, override.by) == (3, ME)
    assert override.until.isoformat() == "2026-11-22T08:00:00+00:00"
    stage.told("override", "clear", "chat", "--yes")
    assert controls(stage) == Controls()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("99", "99 units are out of bounds: guard_rails.max_units of chat, 4, binds, so 4 is"),
        ("4", "2 units held; to reach 4, more are bought"),
        ("2", "2 units held, as many as that"),
        ("0", "0 units are out of bounds: guard_rails.min_units of chat, 1, binds, so 1 is"),
        ("1", "2 units held; to reach 1, throughputs are released, each as a whole"),
    ],
)
def test_an_override_of_units_says_what_binds_and_what_changes(
    stage: Stage, number: str, said: str
) -> None:
    stage.put(
        "targets/chat", SETTINGS | {"guard_rails": SETTINGS["guard_rails"] | {"min_units": 1}}
    )
    reserve(stage.access.fleets, build_purchase(model_units=2))

    assert said in stage.told("override", "units", "chat", number, "--until", "2d", "--yes")


def test_a_number_of_units_below_none_is_refused_as_one(stage: Stage) -> None:
    said = stage.refused("override", "units", "chat", "-1", "--until", "2d")

    assert "Invalid value for 'number': Input should be greater than or equal to 0" in said


def test_a_route_is_put_first_if_the_target_has_it(stage: Stage) -> None:
    stage.told("override", "route", "chat", MODEL, "--until", "90m", "--yes")

    override = controls(stage).route
    assert override is not None
    assert (override.address, override.until) == (MODEL, NOW + 1.5 * HOUR)
    told = stage.refused("override", "route", "chat", "other", "--until", "90m", "--yes")
    assert "controls.route" in told


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


def test_the_switch_is_thrown_at_once_and_opened_after_a_question(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"{PREFIX}/switch: (not set) -> stop" in stage.told("stop", "--why", "incident")
    assert switch(stage) == "stop"

    def refuse(text: str, **_: Any) -> None:
        import typer  # noqa: PLC0415 - the answer of a person who says no

        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)
    stage.refused("start", status=130)
    assert switch(stage) == "stop"

    stage.told("start", "--yes")
    assert switch(stage) == "allow"
    described = stage.ssm.describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": [f"{PREFIX}/switch"]}]
    )["Parameters"][0]
    assert described["Description"] == f"by a command: {ME}"


def test_the_switch_has_a_history_with_who_and_why(stage: Stage) -> None:
    assert "was never set" in stage.refused("settings", "history", "switch")
    stage.told("start", "--yes")
    stage.told("stop", "--why", "incident 4711")

    told = stage.told("settings", "history", "switch")

    assert f"incident 4711: {ME}" in told
    assert 'switch: "allow" -> "stop"' in told
    assert 'switch = "stop"' in stage.told("settings", "show", "switch")


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


def test_a_pause_of_settings_that_are_broken_says_what_else_to_do(stage: Stage) -> None:
    """What cannot be read cannot be changed safely; the kill switch needs no document."""
    stage.put("targets/chat", json.dumps(DOCUMENT | {"mode": "dance"}))

    assert "mode" in stage.refused("pause", "chat")
    stage.told("stop")
    assert switch(stage) == "stop"
