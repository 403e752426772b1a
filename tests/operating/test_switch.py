"""The kill switch, through the command line: thrown whatever else fails, opened by a name."""

import json
from typing import Any

import pytest

from tests.functions.account import PREFIX
from tests.operating.sdk import SWITCHBOARD
from tests.operating.stage import DOCUMENT, STACK, Stage
from tests.operating.steering import ME, answering, open_switch

BY_HAND = f"aws ssm put-parameter --type String --overwrite --name {PREFIX}/switch --value stop"


def switch(stage: Stage) -> str | None:
    return stage.access.switch


def description(stage: Stage) -> str | None:
    """What stands beside the switch."""
    filters: Any = [{"Key": "Name", "Values": [f"{PREFIX}/switch"]}]
    return stage.ssm.describe_parameters(ParameterFilters=filters)["Parameters"][0]["Description"]


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


def test_a_pause_of_settings_that_are_broken_says_what_else_to_do(stage: Stage) -> None:
    """What cannot be read cannot be changed safely; the kill switch needs no document."""
    stage.put("targets/chat", json.dumps(DOCUMENT | {"mode": "dance"}))

    assert "mode" in stage.refused("pause", "chat")
    stage.told("stop")
    assert switch(stage) == "stop"
