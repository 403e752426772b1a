from dataclasses import asdict
from math import isfinite

import numpy as np
import pytest

from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.features import measure
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.unit.domain.worlds import build_demand, units_in

DAY = 1440
NAN = float("nan")


def daily(levels: list[float]) -> Demand:
    """Days at these levels; they end at midnight, so that bins and days agree."""
    load = units_in(*((DAY, level) for level in levels))
    end = NOW.replace(hour=0)
    return Demand(start=end - len(load) * MINUTE, load=load, requests=load * 100)


def test_counts_the_history_that_was_read() -> None:
    # Two days, of which six hours are gaps.
    assert measure(build_demand((DAY, 1.0), (360, NAN), (1080, 1.0))).hours == pytest.approx(
        42.0, abs=0.2
    )


def test_counts_the_requests_of_the_newest_day() -> None:
    # 0.01 units are one call a minute here; the bins end at most 4 minutes early.
    assert measure(build_demand((DAY, 5.0), (DAY, 0.01))).requests_per_day == pytest.approx(
        1440, abs=5 * 500
    )
    assert measure(build_demand((2 * DAY, 0.01))).requests_per_day == pytest.approx(1440, abs=5)


@pytest.mark.parametrize("level", [0.0, NAN])
def test_silence_and_ignorance_have_no_features(level: float) -> None:
    features = measure(build_demand((DAY, level)))

    assert features.burstiness == features.seasonal_skill == features.interval == 0.0


def test_no_history_at_all_has_no_features() -> None:
    assert measure(build_demand((0, 0.0))).hours == 0.0


def test_the_interval_is_the_mean_distance_of_busy_bins() -> None:
    # One busy bin, then three silent ones.
    load = np.tile(units_in((5, 1.0), (15, 0.0)), 144)
    demand = Demand(start=NOW.replace(hour=0), load=load, requests=load * 100)

    assert measure(demand).interval == pytest.approx(4.0)


def test_a_week_of_silence_is_as_long_an_interval_as_can_be_seen() -> None:
    assert measure(build_demand((DAY, 1.0), (8 * DAY, 0.0))).interval == pytest.approx(
        7 * 288, abs=1
    )


def test_growth_by_a_tenth_a_day_is_a_trend() -> None:
    features = measure(daily([1.1**day for day in range(7)]))

    # 1.1^7 - 1 = 0.949 a week. Mann-Kendall: all 21 pairs rise; the variance is
    # 7 x 6 x 19 / 18 = 44.33, so z = (21 - 1) / 6.658 = 3.004.
    assert features.trend_per_week == pytest.approx(1.1**7 - 1)
    assert features.trend_z == pytest.approx(3.004, abs=0.001)


def test_a_day_without_data_does_not_make_growth_faster() -> None:
    features = measure(daily([1.0, 1.1, NAN, 1.1**3, 1.1**4, 1.1**5, 1.1**6]))

    assert features.trend_per_week == pytest.approx(1.1**7 - 1)


def test_a_single_step_is_no_trend() -> None:
    assert measure(daily([1.0] * 4 + [3.0] * 4)).trend_per_week == 0.0


def test_four_days_are_too_few_for_a_trend() -> None:
    assert measure(daily([1.0, 2.0, 4.0, 8.0])).trend_z == 0.0


def test_calls_of_very_different_size_do_not_look_bursty() -> None:
    # Three calls in each bin; in every second one they are nine times as large. As single calls
    # differ that much, chance explains what the level does.
    load = np.tile(units_in((5, 0.1), (5, 0.9)), 432)
    demand = Demand(start=NOW.replace(hour=0), load=load, requests=np.full(len(load), 0.6))
    steady_calls = Demand(start=NOW.replace(hour=0), load=load, requests=load * 100)

    assert measure(demand).burstiness < measure(steady_calls).burstiness / 2


@pytest.mark.parametrize(
    "pieces",
    [
        [(DAY, 1.0), (4 * DAY, NAN)],
        [(DAY, 1.0), (4 * DAY, 0.0)],
        [(7, 1.0)],
        [(2 * DAY, NAN), (6, 3.0)],
        [(3 * DAY, 1e-9), (DAY, 1e9)],
        [(14 * DAY, 1e-12)],
    ],
)
def test_every_feature_is_a_finite_number(pieces: list[tuple[int, float]]) -> None:
    features = measure(build_demand(*pieces))

    assert all(isfinite(value) for value in asdict(features).values())
