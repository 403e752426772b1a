from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.economics.costs import Economics, Tier
from bedrock_autoscaler.domain.forecasting.use import (
    MOST_UNITS,
    Curves,
    Sets,
    count_worth,
    curves_of,
    full_use,
    mean_use,
    one_set,
    units_needed,
)
from bedrock_autoscaler.domain.traffic.observation import Series
from tests.unit.domain.worlds import HALF, ON_DEMAND_USD

TIGHT = replace(
    HALF, tiers=(Tier(address="a", capacity_units=0.5, usd_per_unit_hour=ON_DEMAND_USD),)
)
"""Half a unit's worth of traffic fits the quota on demand, the rest is throttled."""


def minutes(*units: float) -> Series:
    return np.array(units)


def worth_of(demand: Series, economics: Economics, units: int) -> Series:
    worth: Series = curves_of(one_set(demand), economics, units).worth[0]
    return worth


# -- use ---------------------------------------------------------------------------------------


def test_each_unit_is_used_for_what_lies_above_those_before_it() -> None:
    # Of 0.5 and 1.5 units the first one serves 0.5 and 1, the second one 0 and 0.5.
    assert mean_use(one_set(minutes(0.5, 1.5)), 4)[0] == pytest.approx([0.75, 0.25, 0.0, 0.0])


def test_whole_units_of_demand_fill_as_many_units() -> None:
    assert mean_use(one_set(minutes(2.0)), 3)[0].tolist() == [1.0, 1.0, 0.0]


def test_no_more_units_are_looked_at_than_asked_for() -> None:
    assert mean_use(one_set(minutes(1e6)), 2)[0].tolist() == [1.0, 1.0]


def test_demand_may_be_looked_at_from_a_level_on() -> None:
    # Beyond 0.7 there are 0 of 0.5 and 0.8 of 1.5.
    used = mean_use(one_set(minutes(0.5, 1.5)), 2, beyond=0.7)

    assert used[0] == pytest.approx([0.4, 0.0])


@pytest.mark.parametrize("demand", [[], [0.0], [0.0, 0.0]])
def test_without_demand_no_unit_is_used(demand: list[float]) -> None:
    assert mean_use(one_set(np.array(demand)), 3)[0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("beyond", [0.0, 0.7])
@pytest.mark.parametrize("units", [1, 4, 5, 8])
def test_use_agrees_with_the_definition_for_few_and_many_units(units: int, beyond: float) -> None:
    pieces = np.split(np.random.default_rng(1).gamma(0.5, 3.0, 500), [20, 20, 300, 500])
    levels = np.arange(units)[:, np.newaxis]

    used = mean_use(Sets.of(pieces, np.eye(5), (0, 0, 2, 3, 3)), units, beyond=beyond)

    means = [
        np.clip(pieces[index] - beyond - levels, 0, 1).mean(axis=1) for index in (0, 0, 2, 3, 3)
    ]
    assert used == pytest.approx(np.array(means))


# -- overlapping sets --------------------------------------------------------------------------


def overlapping(newest: Series, before: Series) -> Sets:
    """The newest minutes; and the newest with those before them."""
    return Sets.of((newest, before), members=np.array([[1.0, 0.0], [1.0, 1.0]]), instead=(1, 1))


OVERLAP = overlapping(minutes(1.0), minutes(0.0, 0.0, 0.0))
"""The newest minute; and the newest minute with the three before it."""


def test_sets_share_their_pieces() -> None:
    assert mean_use(OVERLAP, 1)[:, 0].tolist() == [1.0, 0.25]


def test_a_set_without_a_minute_is_spoken_for_by_another_one() -> None:
    sets = overlapping(minutes(), minutes(0.5, 0.5, 0.5))

    assert mean_use(sets, 1)[:, 0].tolist() == [0.5, 0.5]


def test_it_is_looked_for_along_the_line() -> None:
    line = Sets.of((minutes(), minutes(), minutes(0.4)), np.eye(3), (1, 2, 2))

    assert mean_use(line, 1)[:, 0] == pytest.approx([0.4, 0.4, 0.4])


def test_a_line_without_any_minute_says_nothing() -> None:
    line = Sets.of((minutes(), minutes()), np.eye(2), (1, 0))

    assert mean_use(line, 1)[:, 0].tolist() == [0.0, 0.0]


# -- worth -------------------------------------------------------------------------------------


def test_a_unit_is_worth_the_overflow_that_it_avoids() -> None:
    assert worth_of(minutes(0.5, 1.5), HALF, 3) == pytest.approx([0.75 * 69.30, 0.25 * 69.30, 0.0])


def test_a_unit_is_worth_the_throttling_that_it_avoids() -> None:
    # Without a unit 0.5 go on demand and 1.0 is throttled at 693; with one 0.5 go on demand; with
    # two nothing.
    assert worth_of(minutes(1.5), TIGHT, 2) == pytest.approx([693.0, 34.65])


def test_the_part_that_is_throttling_is_told_apart() -> None:
    curves = curves_of(one_set(minutes(1.5)), TIGHT, 2)

    # The first unit saves 1.0 throttled at 693 and the second one 0.5 on demand.
    assert curves.throttle[0] == pytest.approx([693.0, 0.0])
    assert curves.used[0] == pytest.approx([1.0, 0.5])


def test_worth_is_the_difference_of_what_two_sizes_leave_to_overflow() -> None:
    dear = Tier(address="b", capacity_units=2.0, usd_per_unit_hour=100.0)
    economics = replace(TIGHT, tiers=(*TIGHT.tiers, dear))
    demand = np.random.default_rng(2).gamma(1.0, 2.0, 500)

    left = [economics.usd_without(units, demand) for units in range(6)]

    assert worth_of(demand, economics, 5) == pytest.approx(-np.diff(left))


def test_a_way_without_capacity_avoids_nothing() -> None:
    closed = Tier(address="b", capacity_units=0.0, usd_per_unit_hour=1.0)
    economics = replace(HALF, tiers=(closed,))

    # All that overflows is throttled.
    assert worth_of(minutes(0.5), economics, 1) == pytest.approx([0.5 * 693.0])


def test_a_mixture_is_weighted_and_never_rises_with_the_unit() -> None:
    curves = Curves(
        used=np.array([[1.0, 0.0], [0.5, 0.5]]),
        worth=np.array([[10.0, 0.0], [2.0, 8.0]]),
        throttle=np.array([[4.0, 0.0], [0.0, 4.0]]),
    )

    mixed = curves.mixed(np.array([0.25, 0.75]))

    assert mixed.used == pytest.approx([0.625, 0.375])
    # 0.25 x 10 + 0.75 x 2 = 4 and 0.75 x 8 = 6, held down to 4.
    assert mixed.worth == pytest.approx([4.0, 4.0])
    assert mixed.throttle == pytest.approx([1.0, 3.0])


# -- counting ----------------------------------------------------------------------------------


def test_counts_the_units_that_the_highest_minute_would_use() -> None:
    assert units_needed(OVERLAP) == 1
    assert units_needed(one_set(minutes(1.2, 2.4))) == 3
    assert units_needed(one_set(minutes())) == 0
    assert units_needed(one_set(minutes(1e9))) == MOST_UNITS


def test_counts_the_units_in_a_row_that_are_worth_their_price() -> None:
    assert count_worth(minutes(5.0, 3.0, 1.0, 4.0), 3.0) == 2
    assert count_worth(minutes(5.0, 3.0), 1.0) == 2
    assert count_worth(minutes(5.0), 6.0) == 0


def test_full_use_fills_units_and_every_quota() -> None:
    assert full_use(HALF, 2) == 3.0
    assert full_use(TIGHT, 2) == 3.5
