"""What the weights of windows come to: which lengths are trusted at which demand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS
from bedrock_autoscaler.domain.traffic.observation import Series
from tests.unit.domain.lessons import demand_of, long_stays, taught
from tests.unit.domain.worlds import DAY, build_demand

RECENT = WINDOWS[: WINDOWS.index("last_hour") + 1]
DAYS = ("this_hour_yesterday", "this_hour_of_7_days")


def trust(weights: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(WINDOWS, weights, strict=True))


# -- what the weights come to ------------------------------------------------------------------


def hours_of_a_day(random: np.random.Generator, days: int) -> Series:
    """Each day has the same hours, of 0 to 2 units without an order."""
    return np.tile(np.repeat(random.random(24) * 2, 60), days)


def moving_hours(random: np.random.Generator, days: int) -> Series:
    """Each day's hours are those of the day before, but three in ten are new."""
    hours, found = random.random(24) * 2, []
    for _ in range(days):
        hours = np.where(random.random(24) < 0.3, random.random(24) * 2, hours)
        found.append(np.repeat(hours, 60))
    return np.concatenate(found)


@pytest.mark.parametrize("seed", range(3))
def test_the_longer_days_are_alike_the_more_they_are_trusted(seed: int) -> None:
    load = hours_of_a_day(np.random.default_rng(seed), 56)
    trusted = []
    for days in (2, 7, 14, 56):
        weights = trust(taught(demand_of(load[: days * DAY])).order_weights)
        trusted.append(sum(weights[name] for name in DAYS))

    # 0.22 before anything is learned; in the end nothing but the days, which tell all.
    assert trusted == sorted(trusted)
    assert trusted[0] > 0.4
    assert trusted[-1] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_what_lasts_is_trusted_as_far_as_it_lasts(seed: int) -> None:
    load = long_stays(np.random.default_rng(seed), 56)

    learned = taught(demand_of(load))

    # A level ends within a minute once in 420. Of the hour ahead it holds 1 - 30 / 420 = 0.93 on
    # average, of the minutes 15 to 60 it holds 1 - 37.5 / 420 = 0.91; after it any level may come.
    # Eight weeks show about 190 levels.
    kept, ordered = trust(learned.keep_weights), trust(learned.order_weights)
    assert sum(kept[name] for name in RECENT) == pytest.approx(0.93, abs=0.05)
    assert sum(ordered[name] for name in RECENT) == pytest.approx(0.91, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_of_two_windows_of_days_the_one_that_predicts_is_trusted(seed: int) -> None:
    load = moving_hours(np.random.default_rng(seed), 56)

    weights = trust(taught(demand_of(load)).order_weights)

    # The mean of seven days follows a new hour slowly.
    assert weights["this_hour_yesterday"] > 3 * weights["this_hour_of_7_days"]


def test_what_is_learned_at_even_demand_is_that_it_stays() -> None:
    learned = taught(build_demand((14 * DAY, 1.5)))

    # All windows say the same: which of them is trusted does not matter.
    assert sum(learned.order_weights) == pytest.approx(1.0, abs=0.01)
    assert sum(learned.keep_weights) == pytest.approx(1.0, abs=0.01)


def test_traffic_that_never_lasts_teaches_to_expect_little() -> None:
    # Twenty minutes in ten hours, at no time of day twice: when a unit is in service they are over.
    load = np.zeros(14 * DAY)
    for begin in range(0, len(load) - 60, 601):
        load[begin : begin + 20] = 2.0

    learned = taught(demand_of(load))

    # 0.6 before anything is learned.
    weights = trust(learned.order_weights)
    assert sum(weights[name] for name in RECENT) < 0.15


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.sampled_from([0.1, 1.0, 5.0]), st.sampled_from([60, 700, 4000]))
def test_no_weight_is_ever_below_0(seed: int, wander: float, minutes: int) -> None:
    random = np.random.default_rng(seed)
    load = np.abs(np.cumsum(random.normal(0, wander, minutes)))

    learned = taught(demand_of(load))

    assert min(*learned.order_weights, *learned.keep_weights) >= 0
    assert np.isfinite([*learned.products, *learned.ordered, *learned.kept]).all()
