"""A person's hand on the lever, through the command line: pauses, overrides, the kill switch."""

import json
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest
import typer

from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW
from tests.deployment.template import ROOT
from tests.functions.account import PREFIX, SETTINGS
from tests.intents import build_purchase, reserve
from tests.operating.sdk import SWITCHBOARD
from tests.operating.stage import DOCUMENT, STACK, Stage
from tests.unit.application.test_what_if import limited, ticks

ME = "arn:aws:sts::123456789012:user/moto"
SSO = (
    "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_AdministratorAccess_0123456789abcdef/"
    "jane.doe@example.com"
)
BY_HAND = f"aws ssm put-parameter --type String --overwrite --name {PREFIX}/switch --value stop"
DAY = timedelta(days=1)


def controls(stage: Stage) -> Controls:
    """What is in force for the target."""
    return stage.access.target("chat").controls


def switch(stage: Stage) -> str | None:
    return stage.access.switch


def open_switch(stage: Stage) -> None:
    stage.ssm.put_parameter(Name=f"{PREFIX}/switch", Value="allow", Type="String")


def description(stage: Stage) -> str | None:
    """What stands beside the switch."""
    filters: Any = [{"Key": "Name", "Values": [f"{PREFIX}/switch"]}]
    return stage.ssm.describe_parameters(ParameterFilters=filters)["Parameters"][0]["Description"]


def answering(monkeypatch: pytest.MonkeyPatch, *, says_yes: bool) -> list[str]:
    """The questions that a person answers, always in this way."""
    asked: list[str] = []

    def answer(text: str, **_: Any) -> bool:
        asked.append(text)
        if not says_yes:
            raise typer.Abort
        return True

    monkeypatch.setattr("typer.confirm", answer)
    return asked


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


def test_credentials_of_a_long_name_may_override(stage: Stage) -> None:
    stage.answer("sts.GetCallerIdentity", lambda _: {"Arn": SSO})

    stage.told("override", "units", "chat", "3", "--until", "2d", "--yes")
    stage.told("override", "route", "chat", MODEL, "--until", "2d", "--yes")

    units, route = controls(stage).units, controls(stage).route
    assert len(SSO) > 100
    assert units is not None
    assert route is not None
    assert (units.by, route.by) == (SSO, SSO)


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
    open_switch(stage)

    assert said in stage.told("override", "units", "chat", number, "--until", "2d", "--yes")


def test_an_override_of_units_says_what_keeps_it_from_buying(stage: Stage) -> None:
    stage.put("targets/chat", SETTINGS)
    stage.told("pause", "chat", "--direction", "grow")
    stage.told("stop")

    told = stage.told("override", "units", "chat", "4", "--until", "2d", "--yes")

    assert "0 units held; to reach 4, more are needed" in told
    assert "nothing is bought as long as the switch is stop (`bedrock-autoscaler start`)" in told
    assert "nothing is bought as long as controls.pause_growth is set" in told
    assert "more are bought" not in told


def test_an_override_of_units_says_what_keeps_it_from_releasing(stage: Stage) -> None:
    stage.put("targets/chat", SETTINGS)
    reserve(stage.access.fleets, build_purchase(model_units=2))
    open_switch(stage)
    stage.told("pause", "chat")

    told = stage.told("override", "units", "chat", "0", "--until", "2d", "--yes")

    assert "2 units held; to reach 0, fewer are needed" in told
    assert "nothing is released as long as controls.pause_shrink is set" in told
    assert "the switch" not in told


def test_an_override_of_units_needs_no_right_to_the_switch(stage: Stage) -> None:
    stage.put("targets/chat", SETTINGS)
    stage.answer("ssm.GetParameter", lambda _: "AccessDeniedException")

    told = stage.told("override", "units", "chat", "4", "--until", "2d", "--yes")

    assert "to reach 4, more are bought" in told


def test_an_override_of_units_says_that_there_is_no_model_to_buy(stage: Stage) -> None:
    stage.put("targets/chat", {k: v for k, v in SETTINGS.items() if k != "provisioned"})
    open_switch(stage)

    told = stage.told("override", "units", "chat", "4", "--until", "2d", "--yes")

    assert "nothing is bought as long as chat has no `provisioned`" in told


def test_a_number_of_units_below_none_is_refused_as_one(stage: Stage) -> None:
    said = stage.refused("override", "units", "chat", "-1", "--until", "2d")

    assert "Invalid value for 'NUMBER': Input should be greater than or equal to 0" in said


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

    answering(monkeypatch, says_yes=False)
    told = stage.refused("start", status=130)
    assert told.strip() == "bedrock-autoscaler: nothing was done, since nobody said yes"
    assert switch(stage) == "stop"

    stage.told("start", "--yes")
    assert switch(stage) == "allow"
    assert description(stage) == f"by a command: {ME}"


def test_the_switch_is_thrown_though_nobody_knows_by_whom(stage: Stage) -> None:
    open_switch(stage)
    stage.answer("sts.GetCallerIdentity", lambda _: "ServiceUnavailable")

    assert f"{PREFIX}/switch: allow -> stop" in stage.told("stop", "--why", "incident")

    assert switch(stage) == "stop"
    assert description(stage) == "incident: unknown identity"
    # What lets money move has a name.
    assert "AWS does not say who you are" in stage.refused("start", "--yes")
    assert switch(stage) == "stop"


def test_the_switch_is_thrown_though_it_cannot_be_read(stage: Stage) -> None:
    open_switch(stage)
    stage.answer("ssm.GetParameter", lambda _: "AccessDeniedException")

    told = stage.told("stop")

    assert f"{PREFIX}/switch: stop was written; it cannot be read back" in told
    SWITCHBOARD.replies.clear()
    assert switch(stage) == "stop"


def test_a_switch_that_is_not_written_is_told_with_the_command_by_hand(stage: Stage) -> None:
    stage.answer("ssm.PutParameter", lambda _: "AccessDeniedException")

    assert f"; by hand: {BY_HAND}" in stage.refused("stop")
    stage.stacks.forget(STACK)
    told = stage.refused("stop")
    assert f"; by hand, if its SettingsPrefix is the default: {BY_HAND}" in told


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
