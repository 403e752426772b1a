from dataclasses import asdict, replace
from math import isfinite

import numpy as np
import pytest

from bedrock_autoscaler.domain.classes.features import measure
from bedrock_autoscaler.domain.traffic.demand import Demand
from tests.builders import NOW
from tests.unit.domain.worlds import DAY, build_demand, units_in

NAN = float("nan")


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


def test_the_newest_day_is_the_newest_that_was_read() -> None:
    # Ten hours without data are not ten hours without calls.
    demand = build_demand((2 * DAY, 0.01), (600, NAN))

    assert measure(demand).requests_per_day == pytest.approx(1440, abs=10)
    assert measure(demand).recent_hours == pytest.approx(48, abs=0.2)


def test_a_trace_at_a_hundred_times_its_volume_has_the_same_features() -> None:
    random = np.random.default_rng(7)
    requests = random.poisson(0.8, 9 * DAY).astype(np.float64)
    load = requests * random.gamma(2.0, 1.0, len(requests))
    whole = measure(Demand(start=NOW, load=load, requests=requests))
    scaled = measure(Demand(start=NOW, load=load * 100, requests=requests * 100))

    # Calls in lots of 100 are as many lots as there were calls, so chance explains as much.
    assert scaled.lot == 100.0
    assert asdict(replace(scaled, lot=1.0)) == pytest.approx(asdict(whole))
    assert whole.lot == 1.0


def test_calls_that_have_no_lot_are_single() -> None:
    load = units_in((DAY, 1.0), (DAY, 1.5))
    demand = Demand(start=NOW, load=load, requests=load * 100)

    # 100 and 150 a minute: the least is no divisor of the rest.
    assert measure(demand).lot == 1.0


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
