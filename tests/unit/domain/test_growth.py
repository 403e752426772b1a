from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.growth import Growth, allow_growth
from bedrock_autoscaler.domain.fleet.holdings import Ownership, Spend, Status
from bedrock_autoscaler.domain.reason import ReasonCode
from tests.builders import (
    NOW,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_provisioned,
    build_pt,
    build_target,
    build_thresholds,
)

INFINITE = Decimal("Infinity")


def growth(
    wanted: int,
    *throughputs: Any,
    rails: dict[str, Any] | None = None,
    fleet: dict[str, Any] | None = None,
    observation: dict[str, Any] | None = None,
    **target: Any,
) -> Growth:
    return allow_growth(
        wanted,
        target=build_target(guard_rails=build_guard_rails(**(rails or {})), **target),
        fleet=build_fleet(*throughputs, **(fleet or {})),
        observation=build_observation(**(observation or {})),
        now=NOW,
    )


def codes(result: Growth) -> list[ReasonCode]:
    return [reason.code for reason in result.reasons]


def test_what_no_bound_trims_has_no_reason() -> None:
    assert growth(3) == Growth(units=3, reasons=())


@pytest.mark.parametrize(
    ("fleet", "code"),
    [
        ({"open_purchase_units": 1}, ReasonCode.PURCHASE_OPEN),
        ({"purchases_last_day": 6}, ReasonCode.PURCHASES_PER_DAY),
    ],
)
def test_pace_forbids_any_purchase(fleet: dict[str, Any], code: ReasonCode) -> None:
    assert growth(1, fleet=fleet).units == 0
    assert codes(growth(1, fleet=fleet)) == [code]


def test_a_failed_purchase_is_not_followed_by_the_next_at_once() -> None:
    result = growth(1, build_pt(1, status=Status.FAILED))

    assert result.units == 0
    assert codes(result) == [ReasonCode.PT_FAILED]


def test_no_more_throughputs_are_bought_than_callers_can_be_told_of() -> None:
    def grown(held: int) -> Growth:
        rails = {"max_units": 100, "max_usd_per_hour": INFINITE}
        return growth(1, *(build_pt(number) for number in range(held)), rails=rails)

    assert grown(44).units == 1
    assert grown(45).units == 0
    assert codes(grown(45)) == [ReasonCode.TABLE_FULL]


@pytest.mark.parametrize(("minutes", "units"), [(29, 0), (30, 1), (-5, 0)])
def test_growth_waits_for_its_cooldown(minutes: int, units: int) -> None:
    result = growth(
        1,
        fleet={"last_grow_at": NOW - timedelta(minutes=minutes)},
        thresholds=build_thresholds(gating={"grow_cooldown_minutes": 30}),
    )

    assert result.units == units
    assert codes(result) == ([] if units else [ReasonCode.GROW_COOLDOWN])


@pytest.mark.parametrize(("minutes", "units"), [(5, 1), (6, 0)])
def test_without_a_cooldown_a_purchase_noted_after_the_tick_holds_nothing(
    minutes: int, units: int
) -> None:
    """Other runs note by clocks that differ by up to five minutes; more is a clock gone wrong."""
    result = growth(1, fleet={"last_grow_at": NOW + timedelta(minutes=minutes)})

    assert result.units == units


@pytest.mark.parametrize(("cooldown", "minutes", "units"), [(30, 29, 0), (30, 30, 1), (0, -1, 1)])
def test_growth_after_a_release_waits_for_the_cooldown_too(
    cooldown: int, minutes: int, units: int
) -> None:
    result = growth(
        1,
        fleet={
            "last_grow_at": NOW - timedelta(hours=5),
            "last_release_at": NOW - timedelta(minutes=minutes),
        },
        thresholds=build_thresholds(gating={"grow_cooldown_minutes": cooldown}),
    )

    assert result.units == units
    assert codes(result) == ([] if units else [ReasonCode.GROW_COOLDOWN])


@pytest.mark.parametrize(
    ("rails", "code"),
    [
        # Two units are held and five are wanted; each bound leaves room for three.
        ({"max_units": 5}, ReasonCode.MAX_UNITS),
        # 2 x 60.50 = 121.00; 302.50 pays for five.
        ({"max_usd_per_hour": Decimal("302.50")}, ReasonCode.MAX_USD_PER_HOUR),
        # 100 are booked, the next hour of two units adds 121.00, three more are 181.50: 402.50.
        ({"max_usd_per_day": Decimal("402.50")}, ReasonCode.MAX_USD_PER_DAY),
        ({"max_usd_per_month": Decimal("1302.50")}, ReasonCode.MAX_USD_PER_MONTH),
    ],
)
def test_a_guard_rail_trims_and_says_so(rails: dict[str, Any], code: ReasonCode) -> None:
    spend = Spend(day_usd=Decimal(100), month_usd=Decimal(1000))

    result = growth(5, build_pt(1), build_pt(2), rails=rails, fleet={"spend": spend})

    assert result.units == 3
    assert codes(result) == [code]
    assert dict(result.reasons[0].numbers) == {"wanted_units": 5.0, "room_units": 3.0}


@pytest.mark.parametrize(
    ("rails", "units"),
    [
        ({"max_usd_per_hour": Decimal("302.49")}, 2),
        ({"max_usd_per_day": Decimal("402.49")}, 2),
        ({"max_usd_per_day": Decimal(0)}, 0),
        ({"max_units": 1}, 0),
    ],
)
def test_a_cap_is_kept_to_the_cent(rails: dict[str, Any], units: int) -> None:
    spend = Spend(day_usd=Decimal(100), month_usd=Decimal(100))

    assert growth(5, build_pt(1), build_pt(2), rails=rails, fleet={"spend": spend}).units == units


def test_units_of_others_count_against_the_caps() -> None:
    foreign = build_pt(1, model_units=4, ownership=Ownership.UNMANAGED, decision_id=None)

    assert growth(5, foreign, rails={"max_units": 6}).units == 2


def test_periods_shorter_than_an_hour_cost_less_each() -> None:
    # Half-hour periods cost 30.25: one is booked by the unit held, 90.75 pay for two more.
    result = growth(
        5,
        build_pt(1),
        rails={"max_usd_per_day": Decimal("90.75")},
        thresholds=build_thresholds(sizing={"billing_minutes": 30}),
    )

    assert result.units == 2


def test_the_account_quota_is_a_bound_like_the_others() -> None:
    result = growth(5, observation={"model_unit_quota": 10, "model_units_used": 8})

    assert result.units == 2
    assert codes(result) == [ReasonCode.MODEL_UNIT_QUOTA]


def test_an_overdrawn_quota_leaves_no_room() -> None:
    assert growth(5, observation={"model_unit_quota": 0, "model_units_used": 3}).units == 0


def test_an_unknown_quota_is_asked_for_elsewhere() -> None:
    assert growth(5, observation={"model_unit_quota": None}).units == 5


def test_every_bound_that_trims_is_named() -> None:
    result = growth(5, rails={"max_units": 2}, observation={"model_unit_quota": 3})

    assert result.units == 2
    assert codes(result) == [ReasonCode.MAX_UNITS, ReasonCode.MODEL_UNIT_QUOTA]


def test_without_a_cap_money_is_no_bound() -> None:
    rails = {
        "max_usd_per_hour": INFINITE,
        "max_usd_per_day": INFINITE,
        "max_usd_per_month": INFINITE,
    }

    assert growth(5, build_pt(1), rails=rails) == Growth(units=5, reasons=())


def test_a_unit_without_a_price_is_never_bought() -> None:
    result = growth(1, provisioned=build_provisioned(price=None))

    assert result.units == 0
    assert codes(result) == [ReasonCode.PRICE_UNKNOWN]
