from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from bedrock_autoscaler.domain.economics.costs import (
    Economics,
    Mix,
    Tier,
    build_economics,
    capacity_units,
    is_stale,
    observed_mix,
    period_usd,
    unit_hour_usd,
    usd_per_unit_hour,
)
from bedrock_autoscaler.domain.target import OptionKind, Quota
from bedrock_autoscaler.domain.traffic.demand import estimate_demand
from tests.builders import (
    MODEL,
    PROFILE,
    TOKEN_PRICE,
    UNIT_RATE,
    build_option,
    build_provisioned,
    build_target,
    build_traffic,
)
from tests.unit.domain.worlds import ON_DEMAND_USD, units_traffic

FULL = Mix(input_tokens=1_000_000.0, output_tokens=300_000.0, requests=100.0)
INFINITE = float("inf")


def quota(
    tokens_per_minute: float | None = None,
    requests_per_minute: float | None = None,
    output_burndown: float = 1.0,
) -> Quota:
    return Quota(
        tokens_per_minute=tokens_per_minute,
        requests_per_minute=requests_per_minute,
        output_burndown=output_burndown,
        source="test",
    )


def test_a_full_unit_on_demand_costs_its_tokens() -> None:
    # 60 minutes x (1,000 x 0.00033 + 300 x 0.00275) USD = 60 x 1.155 = 69.30.
    assert usd_per_unit_hour(TOKEN_PRICE, FULL) == pytest.approx(69.30)


def test_the_mix_is_what_a_units_worth_of_the_traffic_consists_of() -> None:
    # 60 calls of 1,000 + 200 tokens load 0.06 units by input, the fuller limit.
    traffic = build_traffic(10)
    mix = observed_mix(traffic, estimate_demand(traffic, UNIT_RATE, 3.0), UNIT_RATE)

    assert mix.input_tokens == pytest.approx(60_000 / 0.06)
    assert mix.output_tokens == pytest.approx(12_000 / 0.06)
    assert mix.requests == pytest.approx(60 / 0.06)


def test_throttled_calls_do_not_change_what_a_unit_consists_of() -> None:
    calm, pressed = units_traffic((10, 0.5)), units_traffic((10, 0.5), throttles=30.0)

    mixes = [
        observed_mix(traffic, estimate_demand(traffic, UNIT_RATE, 3.0), UNIT_RATE)
        for traffic in (calm, pressed)
    ]

    assert mixes[1].input_tokens == pytest.approx(mixes[0].input_tokens)
    assert mixes[1].requests == pytest.approx(mixes[0].requests)


@pytest.mark.parametrize(("of_small", "of_large"), [(0.0, 0.0), (300.0, 0.0), (0.0, 3000.0)])
def test_it_does_not_matter_in_which_minutes_calls_are_refused(
    of_small: float, of_large: float
) -> None:
    # Calls of 1,000 and of 10,000 input tokens, a minute of each in turn.
    size = np.where(np.arange(60) % 2, 10_000.0, 1_000.0)
    traffic = build_traffic(
        60,
        invocations=100.0,
        input_tokens=100.0 * size,
        output_tokens=0.0,
        throttles=np.where(size > 1_000.0, of_large, of_small),
    )

    mix = observed_mix(traffic, estimate_demand(traffic, UNIT_RATE, 3.0), UNIT_RATE)

    # Input alone: a unit's worth is the rate's limit, whatever was refused.
    assert mix.input_tokens == pytest.approx(1_000_000.0)


def test_a_minute_that_served_nothing_does_not_change_what_a_unit_consists_of() -> None:
    served = np.where(np.arange(60) % 2, 0.0, 1.0)
    traffic = build_traffic(
        60,
        invocations=60.0 * served,
        input_tokens=60_000.0 * served,
        output_tokens=12_000.0 * served,
        throttles=90.0 * (1.0 - served),
    )

    mix = observed_mix(traffic, estimate_demand(traffic, UNIT_RATE, 3.0), UNIT_RATE)

    assert mix.input_tokens == pytest.approx(60_000 / 0.06)
    assert mix.requests == pytest.approx(60 / 0.06)


def test_no_call_is_refused_to_save_the_price_of_a_way_with_room() -> None:
    way = build_option(quota=quota(tokens_per_minute=1_300_000.0))
    slo = replace(build_target().slo, throttle_cost_factor=0.2)

    found = build_economics(build_target(options=(way,), slo=slo), units_traffic((60, 0.5)))

    assert found is not None
    assert found.throttle_usd == found.tiers[0].usd_per_unit_hour


def test_without_traffic_a_unit_is_full_of_input() -> None:
    traffic = build_traffic(10, invocations=0.0, input_tokens=0.0, output_tokens=0.0)
    mix = observed_mix(traffic, estimate_demand(traffic, UNIT_RATE, 3.0), UNIT_RATE)

    assert mix == Mix(input_tokens=1_000_000.0, output_tokens=0.0, requests=0.0)


def test_tokens_without_a_counted_call_are_all_there_is() -> None:
    traffic = build_traffic(10, invocations=0.0)
    mix = observed_mix(traffic, estimate_demand(traffic, UNIT_RATE, 3.0), UNIT_RATE)

    assert mix.input_tokens == pytest.approx(1_000_000)


@pytest.mark.parametrize(
    ("limits", "units"),
    [
        # A full unit uses up 1,000,000 + 5 x 300,000 = 2,500,000 quota tokens a minute.
        ({"tokens_per_minute": 5_000_000.0, "output_burndown": 5.0}, 2.0),
        ({"requests_per_minute": 150.0}, 1.5),
        ({"tokens_per_minute": 2_600_000.0, "requests_per_minute": 150.0}, 1.5),
        ({"tokens_per_minute": 0.0}, 0.0),
        ({}, INFINITE),
    ],
)
def test_a_quota_admits_what_its_tightest_limit_lets_through(
    limits: dict[str, float], units: float
) -> None:
    assert capacity_units(build_option(quota=quota(**limits)), FULL) == pytest.approx(units)


def test_an_unknown_quota_admits_nothing() -> None:
    assert capacity_units(build_option(quota=None), FULL) == 0


def test_overflow_takes_the_cheapest_way_first_and_is_throttled_last() -> None:
    economics = Economics(
        unit_usd=40.0,
        tiers=(
            Tier(address="a", capacity_units=1.0, usd_per_unit_hour=50.0),
            Tier(address="b", capacity_units=0.5, usd_per_unit_hour=60.0),
        ),
        throttle_usd=500.0,
    )

    served, throttled = economics.overflow_usd(np.array([0.0, 0.5, 1.2, 2.0]))

    # 2.0 units: 1 x 50 + 0.5 x 60, and 0.5 x 500 throttled.
    assert served == pytest.approx([0.0, 25.0, 62.0, 80.0])
    assert throttled == pytest.approx([0.0, 0.0, 0.0, 250.0])
    # Beyond one unit, a demand of 2 and 0 leaves 1 and 0: (50 + 0) / 2.
    assert economics.usd_without(1, np.array([2.0, 0.0])) == pytest.approx(25.0)
    assert economics.usd_without(0, np.array([2.0, 0.0])) == pytest.approx((80 + 250) / 2)
    assert economics.break_even == pytest.approx(0.8)


def test_break_even_is_measured_against_throttling_where_nothing_else_serves() -> None:
    closed = Tier(address="a", capacity_units=0.0, usd_per_unit_hour=50.0)

    assert Economics(unit_usd=40.0, tiers=(closed,), throttle_usd=500.0).break_even == 0.08
    assert Economics(unit_usd=40.0, tiers=(), throttle_usd=400.0).break_even == 0.1
    assert Economics(unit_usd=40.0, tiers=(), throttle_usd=0.0).break_even == INFINITE


def test_break_even_is_measured_against_the_cheapest_way_that_has_room() -> None:
    """A Region may have no quota of a model that a profile serves."""
    closed = Tier(address="a", capacity_units=0.0, usd_per_unit_hour=50.0)
    profile = Tier(address="b", capacity_units=2.0, usd_per_unit_hour=80.0)
    free = Tier(address="c", capacity_units=1.0, usd_per_unit_hour=0.0)

    open_ways = Economics(unit_usd=40.0, tiers=(closed, profile), throttle_usd=500.0)

    assert open_ways.break_even == 0.5
    assert replace(open_ways, tiers=(free, profile)).break_even == INFINITE


def test_prices_come_from_the_observed_mix_cheapest_first() -> None:
    cheaper = replace(TOKEN_PRICE, output_usd_per_1k=Decimal("0.00055"))
    profile = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE, price=cheaper)
    target = build_target(options=(build_option(), profile))

    economics = build_economics(target, units_traffic((60, 1.0)))

    # The profile: 60 x (1,000 x 0.00033 + 300 x 0.00055) = 29.70. Throttling: 10 times that.
    assert economics is not None
    assert [tier.address for tier in economics.tiers] == [PROFILE, MODEL]
    assert economics.tiers[0].usd_per_unit_hour == pytest.approx(29.70)
    assert economics.tiers[1].usd_per_unit_hour == pytest.approx(ON_DEMAND_USD)
    assert economics.throttle_usd == pytest.approx(297.0)
    assert economics.unit_usd == 60.5


def test_an_option_without_a_price_is_no_way_to_reckon_with() -> None:
    target = build_target(options=(build_option(price=None),))

    economics = build_economics(target, units_traffic((60, 1.0)))

    # Without any price to go by, throttling a unit's worth costs ten times the unit.
    assert economics is not None
    assert economics.tiers == ()
    assert economics.throttle_usd == 605.0


@pytest.mark.parametrize(
    "provisioned", [None, build_provisioned(price=None), build_provisioned(unit_rate=None)]
)
def test_without_unit_price_or_rate_there_is_no_arithmetic(provisioned: object) -> None:
    target = build_target(provisioned=provisioned)

    assert build_economics(target, units_traffic((60, 1.0))) is None


def test_a_period_is_charged_by_its_length() -> None:
    assert period_usd(Decimal("60.5"), 60) == Decimal("60.5")
    assert period_usd(Decimal("60.5"), 30) == Decimal("30.25")


def test_names_the_unit_price_for_messages() -> None:
    assert unit_hour_usd(build_target()) == 60.5
    assert unit_hour_usd(build_target(provisioned=None)) == 0.0
    assert unit_hour_usd(build_target(provisioned=build_provisioned(price=None))) == 0.0


@pytest.mark.parametrize(("day", "stale"), [(date(2026, 8, 22), False), (date(2026, 8, 21), True)])
def test_a_price_is_believed_for_ninety_days(*, day: date, stale: bool) -> None:
    # From 22 August to 20 November are 90 days.
    assert is_stale(day, date(2026, 11, 20), 90) is stale
