"""Which refusals a decision takes for pressure, and by whose quota it explains them."""

from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.traffic.joining import combine
from bedrock_autoscaler.domain.traffic.observation import Traffic
from tests.builders import (
    MODEL,
    PROFILE,
    UNLIMITED,
    build_fleet,
    build_observation,
    build_option,
    build_pt,
    build_situation,
    build_target,
    build_traffic,
)
from tests.unit.domain.worlds import DAY, half_price_target, situation


def pressed(throttles: float) -> Traffic:
    return build_traffic(30, throttles=throttles)


def test_while_no_unit_serves_all_refusals_are_pressure() -> None:
    throttles = np.concatenate([np.zeros(2 * DAY - 30), np.full(30, 50.0)])
    calm = ((MODEL, pressed(0.0)),)
    tick = situation((2 * DAY, 1.0), series={"throttles": throttles})

    decision = decide(replace(tick, observation=replace(tick.observation, by_option=calm)))

    # 50 of 150 attempts.
    assert dict(decision.numbers)["throttled_share"] == pytest.approx(1 / 3)


def test_refusals_of_a_full_unit_are_none_where_on_demand_takes_the_calls() -> None:
    throttles = np.concatenate([np.zeros(2 * DAY - 30), np.full(30, 50.0)])
    tick = situation(
        (2 * DAY, 1.0), series={"throttles": throttles}, fleet=build_fleet(build_pt(1))
    )
    calm = replace(tick.observation, by_option=((MODEL, pressed(0.0)),))
    tight = replace(tick.observation, by_option=((MODEL, pressed(6.0)),))

    assert dict(decide(replace(tick, observation=calm)).numbers)["throttled_share"] == 0.0
    # 6 of 66 attempts on demand.
    assert dict(decide(replace(tick, observation=tight)).numbers)["throttled_share"] == (
        pytest.approx(1 / 11)
    )


def test_the_quota_that_explains_refusals_is_that_of_their_way() -> None:
    # 72,000 tokens a minute on demand are 36 % of its quota and are refused all the same.
    quota = replace(UNLIMITED, tokens_per_minute=200_000.0)
    target = replace(half_price_target(), options=(build_option(quota=quota),))
    tick = situation((2 * DAY, 1.0), target=target, fleet=build_fleet(build_pt(1)))
    tight = replace(tick.observation, by_option=((MODEL, pressed(6.0)),))

    decision = decide(replace(tick, observation=tight))

    assert decision.reasons[0].code is ReasonCode.OUTPUT_RESERVATION


def refused_at_a_third_of_its_quota(*, elsewhere: float = 0.0, aside: float = 0.0) -> Situation:
    """Two ways and no unit: the first refuses at 36 % of 200,000 tokens, the second as told.

    Args:
        elsewhere: throttles a minute of the second way, at as much of as large a quota.
        aside: throttles a minute that no way shows.
    """
    quota = replace(UNLIMITED, tokens_per_minute=200_000.0)
    options = (build_option(quota=quota), build_option(address=PROFILE, quota=quota))
    ways = (pressed(6.0), pressed(elsewhere))
    whole = combine(ways)
    observation = build_observation(
        traffic=replace(whole, throttles=whole.throttles + aside),
        by_option=tuple(zip((MODEL, PROFILE), ways, strict=True)),
    )
    return build_situation(target=build_target(options=options), observation=observation)


def test_without_units_too_each_way_is_held_against_its_own_quota() -> None:
    # Both ways together use 72 % of a quota that is the first one's alone.
    reason = decide(refused_at_a_third_of_its_quota()).reasons[0]

    assert reason.code is ReasonCode.OUTPUT_RESERVATION
    assert dict(reason.numbers)["quota_use"] == pytest.approx(0.36)


@pytest.mark.parametrize(("elsewhere", "aside"), [(0.0, 0.0), (3.0, 0.0), (0.0, 4.0), (3.0, 4.0)])
def test_no_refusal_is_lost_between_the_ways(elsewhere: float, aside: float) -> None:
    tick = refused_at_a_third_of_its_quota(elsewhere=elsewhere, aside=aside)

    reason = decide(tick).reasons[0]

    numbers, refused = dict(reason.numbers), 6.0 + elsewhere + aside
    # A quota that nobody knows may be full.
    short = ReasonCode.CAPACITY_SHORT if aside else ReasonCode.OUTPUT_RESERVATION
    assert reason.code is short
    assert numbers["throttles"] == 30 * refused
    assert numbers["throttled_share"] == pytest.approx(refused / (120 + refused))
