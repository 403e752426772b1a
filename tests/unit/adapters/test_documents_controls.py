"""The section `controls` and the document `stack`."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.acting.controls import (
    ChangeWindow,
    Controls,
    RouteOverride,
    UnitsOverride,
)
from bedrock_autoscaler.domain.target import AccountRails, StackRails
from tests.builders import MODEL, PT_MODEL
from tests.documents import BASE, RATE, ListedPrices, accepted, refused

UNTIL = "2026-11-21T00:00:00Z"
CAPS = {"account": "000011112222", "max_units": 2, "max_usd_per_hour": 121.0}
STACK = {
    "max_units": 4,
    "max_usd_per_hour": 250.5,
    "max_usd_per_day": 2_000,
    "max_usd_per_month": 20_000,
}


def stack_of(document: object) -> StackRails | SettingsProblem:
    return TargetDocuments(ListedPrices()).parse_stack(json.dumps(document))


def test_nothing_is_set_by_hand_by_default() -> None:
    assert accepted(BASE).controls == Controls()


def test_controls_become_a_domain_value() -> None:
    controls = {
        "pause_growth": True,
        "pause_shrink": True,
        "shrink_windows": [{"cron": "0 9 * * 1-5", "minutes": 480, "zone": "Europe/Berlin"}],
        "units": {"units": 2, "until": UNTIL, "by": "jane"},
        "route": {"address": MODEL, "until": UNTIL, "by": "jane"},
        "pause_growth_until": UNTIL,
        "pause_shrink_until": "2026-11-21T01:00:00+01:00",
        "approval_above_usd_per_hour": 120.5,
    }
    until = datetime(2026, 11, 21, tzinfo=UTC)

    assert accepted(BASE | {"controls": controls}).controls == Controls(
        pause_growth=True,
        pause_shrink=True,
        shrink_windows=(ChangeWindow(cron="0 9 * * 1-5", minutes=480, zone="Europe/Berlin"),),
        units=UnitsOverride(units=2, until=until, by="jane"),
        route=RouteOverride(address=MODEL, until=until, by="jane"),
        pause_growth_until=until,
        pause_shrink_until=until,
        approval_above_usd_per_hour=Decimal("120.5"),
    )


@pytest.mark.parametrize(
    ("controls", "field", "told"),
    [
        ({"pause_growth": "no"}, "controls.pause_growth", "give true or false"),
        (
            {"shrink_windows": [{"cron": "0 9 * * 8", "minutes": 60}]},
            "controls.shrink_windows.0.cron",
            "'8' is no value of day of week, which goes from 0 to 7",
        ),
        (
            {"shrink_windows": [{"cron": "0 9 * * *", "minutes": 60, "zone": "Mars/Base"}]},
            "controls.shrink_windows.0.zone",
            "'Mars/Base' is no time zone that is known here",
        ),
        (
            {"shrink_windows": [{"cron": "0 9 * * *", "minutes": 60, "zone": "../etc/passwd"}]},
            "controls.shrink_windows.0.zone",
            "is no time zone",
        ),
        (
            {"shrink_windows": [{"cron": "0 9 * * *", "minutes": 0}]},
            "controls.shrink_windows.0.minutes",
            "from 1 to 10080",
        ),
        (
            {"units": {"units": 2, "by": "jane"}},
            "controls.units.until",
            "missing; give a moment such as",
        ),
        (
            {"units": {"units": 2, "until": "2026-11-21T00:00:00", "by": "jane"}},
            "controls.units.until",
            "is not allowed",
        ),
        (
            {"pause_growth_until": "9999-12-31T23:59:59-05:00"},
            "controls.pause_growth_until",
            '"9999-12-31T23:59:59-05:00" is not allowed; give a moment such as',
        ),
        (
            {"route": {"address": MODEL, "until": "0001-01-01T00:00:00+05:00", "by": "jane"}},
            "controls.route.until",
            "is not allowed; give a moment such as",
        ),
        (
            {"route": {"address": "other", "until": UNTIL, "by": "jane"}},
            "controls.route.address",
            f"'other' is none of the options that serve calls: {MODEL}",
        ),
        (
            {"units": {"units": 2, "until": UNTIL, "by": "j" * 2_049}},
            "controls.units.by",
            "give a text of 1 to 2048 characters",
        ),
    ],
)
def test_a_faulty_control_is_named(controls: dict[str, Any], field: str, told: str) -> None:
    place, message = refused(BASE | {"controls": controls})

    assert place == field
    assert told in message


def test_who_set_an_override_may_be_the_longest_name_that_aws_knows() -> None:
    by = "arn:aws:sts::111122223333:assumed-role/".ljust(2_048, "x")
    controls = {
        "units": {"units": 2, "until": UNTIL, "by": by},
        "route": {"address": MODEL, "until": UNTIL, "by": by},
    }

    found = accepted(BASE | {"controls": controls}).controls

    assert found.units is not None
    assert found.route is not None
    assert (found.units.by, found.route.by) == (by, by)


@pytest.mark.parametrize("waiting", [{"kind": "batch"}, {"kind": "on_demand", "tier": "flex"}])
def test_calls_are_not_put_on_a_way_for_work_that_may_wait(waiting: dict[str, Any]) -> None:
    option = BASE["options"][0] | {"quota": "unlimited"} | waiting
    controls = {"route": {"address": option["address"], "until": UNTIL, "by": "jane"}}
    alone = BASE | {"options": [option], "controls": controls}

    assert refused(alone)[0] == "controls.route.address"
    assert "none of the options that serve calls: none" in refused(alone)[1]
    # The same address may serve calls as well.
    accepted(alone | {"options": [BASE["options"][0], option]})


def test_an_override_of_another_zone_is_told_in_utc() -> None:
    document = {"units": {"units": 2, "until": "2026-11-21T01:00:00+01:00", "by": "jane"}}

    override = accepted(BASE | {"controls": document}).controls.units

    assert override is not None
    assert f"{override.until:%Y-%m-%d %H:%M}" == "2026-11-21 00:00"


def test_others_throughputs_serve_only_when_told_so() -> None:
    told = {"provisioned": {"model_id": PT_MODEL, "unit_rate": RATE, "use_unmanaged": True}}
    silent = {"provisioned": {"model_id": PT_MODEL, "unit_rate": RATE}}

    assert [bool(accepted(BASE | document).provisioned) for document in (told, silent)] == [
        True,
        True,
    ]
    found = [accepted(BASE | document).provisioned for document in (told, silent)]
    assert [bought.use_unmanaged for bought in found if bought] == [True, False]


def test_the_caps_of_the_stack_are_exact() -> None:
    assert stack_of(STACK) == StackRails(
        max_units=4,
        max_usd_per_hour=Decimal("250.5"),
        max_usd_per_day=Decimal(2_000),
        max_usd_per_month=Decimal(20_000),
    )


def test_an_account_may_have_caps_of_its_own() -> None:
    rails = stack_of(STACK | {"accounts": [CAPS]})

    assert isinstance(rails, StackRails)
    assert rails.accounts == (
        AccountRails(account="000011112222", max_units=2, max_usd_per_hour=Decimal(121)),
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"accounts": [CAPS | {"account": "12"}]}, "accounts.0.account"),
        ({"accounts": [CAPS, CAPS]}, "accounts.1.account"),
        ({"max_units": "ten"}, "max_units"),
        ({"max_units": None}, "max_units"),
        ({"max_usd_per_hour": 0}, "max_usd_per_hour"),
        ({"max_usd_per_day": 1e12}, "max_usd_per_day"),
        ({"min_units": 1}, "min_units"),
    ],
)
def test_a_faulty_cap_of_the_stack_is_named(changed: dict[str, Any], field: str) -> None:
    problem = stack_of(STACK | changed)

    assert isinstance(problem, SettingsProblem)
    assert (problem.document, problem.field) == ("stack", field)


def test_no_cap_of_the_stack_may_be_left_out() -> None:
    for name in STACK:
        problem = stack_of({key: value for key, value in STACK.items() if key != name})

        assert isinstance(problem, SettingsProblem)
        assert problem.field == name


def test_a_stack_document_that_is_no_object_is_refused() -> None:
    assert isinstance(stack_of([STACK]), SettingsProblem)
