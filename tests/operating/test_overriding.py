"""Overrides of units and of the first route, through the command line."""

import pytest

from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import MODEL, NOW
from tests.functions.account import SETTINGS
from tests.intents import build_purchase, reserve
from tests.operating.stage import Stage
from tests.operating.steering import ME, controls, open_switch

SSO = (
    "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_AdministratorAccess_0123456789abcdef/"
    "jane.doe@example.com"
)


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
