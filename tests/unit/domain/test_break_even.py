"""Cost against load: linear by the token, in steps by the unit, and where they meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.economics.break_even import (
    Way,
    best_mix,
    blended_usd_per_token,
    break_evens,
    cheapest,
    compare,
    tokens_of_mix,
)

# 0.8 x 0.00033 + 0.2 x 0.00275 USD per 1,000 are 0.814 USD for a million tokens.
ON_DEMAND = Way(name="on demand", usd_per_token=0.814e-6)
BATCH = Way(name="batch", usd_per_token=0.407e-6, is_deferrable=True)
UNIT = Way(name="unit", unit_usd_per_hour=60.5, unit_tokens_per_minute=2_000_000.0)
UNKNOWN = Way(name="unknown", unit_usd_per_hour=60.5)


def test_a_mix_is_priced_by_its_shares() -> None:
    assert blended_usd_per_token(0.00033, 0.00275, 0.8) == pytest.approx(0.814e-6)


def test_the_tighter_limit_binds_a_mix() -> None:
    # 1,000,000 input at 80% admit 1,250,000 tokens; 100,000 output at 20% only 500,000.
    assert tokens_of_mix(1_000_000, 100_000, 0.8) == pytest.approx(500_000)
    assert tokens_of_mix(1_000_000, None, 0.8) == pytest.approx(1_250_000)


def test_break_even_is_the_price_of_a_unit_over_that_of_a_token() -> None:
    # 60.50 / (60 x 0.814e-6) = 1,238,739 tokens a minute, the 1.24 M of docs/economics.md.
    (found,) = break_evens([ON_DEMAND, UNIT])

    assert found.tokens_per_minute == pytest.approx(1_238_739, abs=1)
    assert found.usd_per_hour == pytest.approx(60.5)
    assert found.utilization == pytest.approx(0.619, abs=0.001)
    assert found.is_reached is True


def test_a_unit_that_serves_less_never_pays() -> None:
    small = Way(name="small", unit_usd_per_hour=60.5, unit_tokens_per_minute=1_000_000.0)

    (found,) = break_evens([ON_DEMAND, small])

    assert found.is_reached is False


def test_without_a_rate_the_break_even_is_known_and_its_reach_is_not() -> None:
    (found,) = break_evens([ON_DEMAND, UNKNOWN])

    assert (found.utilization, found.is_reached) == (None, None)
    assert cheapest([UNKNOWN], 1.0) is None


@pytest.mark.parametrize(
    ("load", "units"), [(0.0, 1), (1.0, 1), (2_000_000.0, 1), (2_000_000.1, 2), (4e6, 2)]
)
def test_units_come_whole_and_one_is_held_at_least(load: float, units: int) -> None:
    assert UNIT.units_for(load) == units


def test_what_scales_to_none_is_free_when_idle_but_for_its_storage() -> None:
    copies = Way(
        name="copies",
        unit_usd_per_hour=27.45,
        unit_tokens_per_minute=100.0,
        is_idle_free=True,
        fixed_usd_per_hour=0.02,
    )

    assert copies.usd_per_hour(0.0) == pytest.approx(0.02)
    assert copies.usd_per_hour(101.0) == pytest.approx(2 * 27.45 + 0.02)


def test_deferrable_ways_are_compared_and_never_called_the_cheapest() -> None:
    best = cheapest([ON_DEMAND, BATCH, UNIT], 100_000.0)

    assert best is ON_DEMAND
    assert {one.by_token for one in break_evens([BATCH, UNIT])} == {"batch"}


def test_a_full_unit_and_the_rest_on_demand() -> None:
    mix = best_mix([ON_DEMAND, UNIT], 2_500_000.0)

    # One full unit for 60.50, and 500,000 tokens a minute for 24.42.
    assert mix is not None
    assert mix.units == 1
    assert mix.usd_per_hour == pytest.approx(60.5 + 24.42)
    assert best_mix([ON_DEMAND, UNKNOWN], 1.0) is None


def test_another_model_takes_no_overflow() -> None:
    other = Way(name="other", usd_per_token=1e-9, is_other_model=True)

    assert best_mix([other, UNIT], 1.0) is None


@given(load=st.floats(0, 2e7))
def test_a_mix_is_never_dearer_than_either_way_alone(load: float) -> None:
    mix = best_mix([ON_DEMAND, UNIT], load)

    assert mix is not None
    assert mix.usd_per_hour <= ON_DEMAND.usd_per_hour(load) + 1e-9
    assert mix.usd_per_hour <= UNIT.usd_per_hour(load) + 1e-9


def test_a_comparison_reaches_beyond_every_break_even() -> None:
    assert compare([ON_DEMAND, UNKNOWN]).highest == pytest.approx(2 * 1_238_739, abs=2)
    assert compare([ON_DEMAND, UNIT]).highest == 8_000_000.0
    assert compare([ON_DEMAND]).highest == 1e6
    assert compare([ON_DEMAND], 5.0).highest == 5.0
