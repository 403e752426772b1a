from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.forecasting.distribution import (
    NOT_CALIBRATED,
    QUANTILES,
    Calibration,
    Distribution,
    calibrate,
    mixture,
    quantiles,
)
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED
from bedrock_autoscaler.domain.forecasting.use import Sets
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, THRESHOLDS
from tests.unit.domain.worlds import DAY, build_demand, trusting

NAN = float("nan")
SIZING = THRESHOLDS.sizing


def two_sets(newest: list[float], older: list[float]) -> Sets:
    """The newest minutes; and the newest with the older ones."""
    return Sets.of(
        pieces=(np.array(newest), np.array(older)),
        members=np.array([[1.0, 0.0], [1.0, 1.0]]),
        instead=(1, 1),
    )


def share_at(distribution: Distribution, value: float) -> float:
    """The weight on this very value."""
    below, reached = distribution.below(np.array([value]))
    return float(reached[0] - below[0])


def counted(**bins: float) -> Calibration:
    """A calibration with these counts, by the number of the fortieth."""
    counts = [0.0] * len(NOT_CALIBRATED.counts)
    for name, count in bins.items():
        counts[int(name.removeprefix("bin_"))] = count
    return replace(NOT_CALIBRATED, counts=tuple(counts))


# -- the mixture -------------------------------------------------------------------------------


def test_each_minute_counts_by_the_trust_in_the_windows_that_hold_it() -> None:
    mixed = mixture(two_sets([4.0], [1.0, 1.0, 1.0]), np.array([0.6, 0.4]))

    # The newest minute has 0.6 and a quarter of 0.4; 2 % are added on either side, beyond it all.
    assert share_at(mixed, 4.0) == pytest.approx(0.7 / 1.04)
    assert share_at(mixed, 1.0) == pytest.approx(0.3 / 1.04)
    assert share_at(mixed, 1.0 / 1.5) == pytest.approx(0.02 / 1.04)
    assert share_at(mixed, 4.0 * 1.5) == pytest.approx(0.02 / 1.04)


def test_trust_in_a_window_without_a_minute_goes_to_the_one_that_stands_in() -> None:
    mixed = mixture(two_sets([], [1.0, 2.0]), np.array([0.6, 0.4]))

    assert share_at(mixed, 1.0) == pytest.approx(0.5 / 1.04)


def test_long_pieces_are_thinned_and_keep_their_weight() -> None:
    mixed = mixture(two_sets([4.0], [1.0] * 1000), np.array([0.6, 0.4]))

    # 1000 of 1001 minutes have 0.4.
    assert share_at(mixed, 1.0) == pytest.approx(0.4 * 1000 / 1001 / 1.04)
    assert len(mixed.values) < 130


def test_where_nothing_is_trusted_all_minutes_count_alike() -> None:
    mixed = mixture(two_sets([4.0], [1.0, 1.0, 1.0]), np.array([0.0, 0.0]))

    assert share_at(mixed, 1.0) == pytest.approx(0.75 / 1.04)


def test_quantiles_are_read_off_the_mixture() -> None:
    values = np.arange(1.0, 101.0)
    even = Distribution(values=values, reached=np.arange(1, 101) / 100)

    found = dict(quantiles(even, NOT_CALIBRATED))

    assert list(found) == list(QUANTILES)
    assert found[0.5] == pytest.approx(50.0)
    assert found[0.1] == pytest.approx(10.0)
    assert found[0.975] == pytest.approx(98.0)


# -- calibration -------------------------------------------------------------------------------


def test_before_anything_fell_the_mixture_is_believed() -> None:
    assert NOT_CALIBRATED.levels_of([0.3]) == pytest.approx(0.3)
    assert NOT_CALIBRATED.probability_of(np.array([0.0, 0.3, 1.0])) == pytest.approx([0, 0.3, 1])


def test_quantiles_move_to_where_demand_fell() -> None:
    # 120 outcomes in the highest fortieth, beside one for each: it has 121 of 160.
    high = counted(bin_39=120.0)

    # 39 of 160 below it; the median is (80 - 39) / 121 of the way through it.
    assert high.levels_of([0.5]) == pytest.approx(0.975 + 0.025 * 41 / 121)
    assert high.probability_of(np.array([0.975])) == pytest.approx([39 / 160])


def taught(demand: Demand, before: Calibration = NOT_CALIBRATED, *, ago: int = 0) -> Calibration:
    """Where demand fell in what was forecast for it, as seen so many minutes ago."""
    then = replace(
        demand,
        load=demand.load[: len(demand) - ago],
        requests=demand.requests[: len(demand) - ago],
    )
    now = NOW - ago * MINUTE
    return calibrate(before, then, trusting(last_hour=1.0).learned, now=now, sizing=SIZING)


def demand_of(load: Series) -> Demand:
    return replace(build_demand((len(load), 0.0)), load=load)


def test_outcomes_are_counted_when_they_are_seen_whole() -> None:
    found = taught(build_demand((2 * DAY, 1.0)))

    # The minutes 15 to 60 after 10:45 are the last that end by 11:57; 6 or 7 of them are counted.
    assert found.until == NOW - 75 * MINUTE
    assert sum(found.counts) == pytest.approx(found.judged)
    assert 6 <= found.judged <= 7


def test_the_same_outcomes_are_counted_once() -> None:
    demand = build_demand((2 * DAY, 1.0))
    found = taught(demand)

    assert taught(demand, found) is found
    # The next quarter of an hour has not passed.
    assert taught(demand, taught(demand, ago=5)).until == found.until


def test_nothing_is_counted_of_what_was_hardly_read_or_never_foreseen() -> None:
    assert taught(build_demand((2 * DAY, NAN), (60, 1.0))) is NOT_CALIBRATED
    assert taught(build_demand((2 * DAY, 1.0), (60, NAN))) is NOT_CALIBRATED
    assert taught(build_demand((100, 1.0))) is NOT_CALIBRATED


def test_older_outcomes_fade() -> None:
    demand = build_demand((5 * DAY, 1.0))
    before = taught(demand, ago=3 * DAY)

    after = taught(demand, before)

    # Halved after three days.
    assert after.judged == pytest.approx(1.5 * before.judged)


@pytest.mark.parametrize("seed", range(3))
def test_independent_demand_falls_into_the_intervals_as_often_as_they_say(seed: int) -> None:
    load = np.random.default_rng(seed).gamma(4.0, 0.5, 6 * DAY)
    demand = demand_of(load)
    found = NOT_CALIBRATED
    for ago in range(5 * DAY, -1, -15):
        found = taught(demand, found, ago=ago)

    # 3 days' worth of quarter hours of 6 or 7 outcomes, faded.
    assert found.judged > 1000
    assert found.within_80 == pytest.approx(0.80, abs=0.04)
    assert found.within_95 == pytest.approx(0.95, abs=0.025)


def test_a_rising_demand_is_recalibrated_for() -> None:
    # Each hour is a fifth higher than the last one, all week: the last hour is always too low.
    load = np.repeat(1.02 ** np.arange(6 * 24), 60) * np.random.default_rng(1).gamma(
        50.0, 0.02, 6 * DAY
    )
    demand = demand_of(load)
    found = NOT_CALIBRATED
    for ago in range(5 * DAY, -1, -15):
        found = taught(demand, found, ago=ago)

    # Demand of the mixture's median was exceeded more often than not, and the median moved up.
    assert found.levels_of([0.5]) > 0.52
    assert found.within_80 == pytest.approx(0.80, abs=0.05)


def test_what_is_learned_of_windows_is_what_is_calibrated() -> None:
    demand = build_demand((2 * DAY - 60, 0.0), (60, 1.0))

    learned = trusting(last_hour=1.0).learned
    shallow = calibrate(NOT_CALIBRATED, demand, learned, now=NOW, sizing=SIZING)
    prior = calibrate(NOT_CALIBRATED, demand, NOTHING_LEARNED, now=NOW, sizing=SIZING)

    # The hour before 10:45 was idle, and 1 came: above all that was seen.
    assert shallow.counts[-1] > 1
    assert prior.until == shallow.until
