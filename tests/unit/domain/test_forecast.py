from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.forecast import futures
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.unit.domain.worlds import END, build_demand

NAN = float("nan")
DAY = 1440
NAMES = [
    "same_days",
    "same_weekdays",
    "last_hour",
    "last_3_hours",
    "last_3_days",
    "blend",
    "zero",
]


def samples(demand: Demand, gaps_as: float | None = None) -> dict[str, NDArray[np.float64]]:
    """The samples by expert for the window of the hour from 12:15 on."""
    return {
        future.name: future.samples
        for future in futures(demand, NOW, lead=15, horizon=60, gaps_as=gaps_as)
    }


def test_with_two_days_of_history_all_experts_speak() -> None:
    assert list(samples(build_demand((2 * DAY, 1.0)))) == NAMES


def test_with_an_hour_of_history_only_the_recent_ones_do() -> None:
    assert list(samples(build_demand((60, 1.0)))) == [
        "last_hour",
        "last_3_hours",
        "last_3_days",
        "zero",
    ]


def test_without_history_nothing_is_what_is_left() -> None:
    assert list(samples(build_demand((0, 1.0)))) == ["zero"]


def test_the_same_window_of_earlier_days_is_the_one_that_a_unit_would_serve() -> None:
    # Two days of silence but for yesterday's 12:15 to 13:15: END is 11:57, 1,362 minutes later.
    demand = build_demand((1458, 0.0), (60, 3.0), (1362, 0.0))

    assert samples(demand)["same_days"].tolist() == [3.0] * 60 + [0.0] * 60


def test_a_window_that_the_history_holds_in_part_is_left_out() -> None:
    # 12:15 of yesterday is minute 1 of the shorter history, and lies before the shortest one.
    assert "same_days" in samples(build_demand((1423, 1.0)))
    assert "same_days" not in samples(build_demand((1421, 1.0)))


def test_weekdays_and_weekends_are_told_apart() -> None:
    # NOW is a Friday; going back: Thursday, Wednesday, ... with 1 unit, Sunday and Saturday with 5.
    load = np.concatenate(
        [
            np.full(DAY, 5.0 if (NOW - timedelta(days=age)).weekday() >= 5 else 1.0)
            for age in range(8, 0, -1)
        ]
    )
    demand = Demand(start=NOW - 8 * DAY * MINUTE, load=load, requests=load)

    # Days start at 12:00 here, so that the window lies wholly in its day.
    assert sorted(set(samples(demand)["same_weekdays"].tolist())) == [1.0]
    assert sorted(set(np.unique(samples(demand)["same_days"]).tolist())) == [1.0, 5.0]


def test_the_recent_experts_look_back_by_their_names() -> None:
    demand = build_demand((4 * DAY - 180, 8.0), (120, 4.0), (60, 2.0))
    found = samples(demand)

    assert found["last_hour"].tolist() == [2.0] * 60
    assert found["last_3_hours"].tolist() == [4.0] * 120 + [2.0] * 60
    # Every fifth minute of three days.
    assert found["last_3_days"].size == 3 * DAY / 5
    assert found["zero"].tolist() == [0.0]


def test_earlier_days_are_brought_to_the_level_of_today() -> None:
    # The last hour has 2 units, the same hour yesterday had 1: ((2 + 0.25) / (1 + 0.25)) ^ 0.7
    # = 1.8 ^ 0.7 = 1.509.
    demand = build_demand((2 * DAY - 60, 1.0), (60, 2.0))

    assert samples(demand)["same_days"] == pytest.approx(np.full(120, 1.509), abs=0.001)


def test_the_level_is_bounded() -> None:
    # 100.25 / 1.25 is cut to 4, and 4 ^ 0.7 = 2.639.
    demand = build_demand((2 * DAY - 60, 1.0), (60, 100.0))

    assert samples(demand)["same_days"].max() == pytest.approx(2.639, abs=0.001)


def test_the_blend_weighs_days_and_the_last_hour_alike() -> None:
    # Two earlier days of 1 unit at ratio 1.509 give 120 samples; the hour of 2 is repeated twice.
    blend = samples(build_demand((2 * DAY - 60, 1.0), (60, 2.0)))["blend"]

    assert blend.size == 240
    assert np.count_nonzero(blend == 2.0) == 120


def test_gaps_are_left_out_of_the_samples() -> None:
    demand = build_demand((2 * DAY - 60, 1.0), (30, NAN), (30, 1.0))
    found = samples(demand)

    assert found["last_hour"].size == 30
    assert found["same_days"] == pytest.approx(np.ones(120))


def test_an_expert_whose_minutes_are_all_gaps_has_no_samples() -> None:
    found = samples(build_demand((2 * DAY - 60, 1.0), (60, NAN)))

    assert found["last_hour"].size == 0
    # Nothing is known of today's level.
    assert found["same_days"] == pytest.approx(np.ones(120))


def test_a_level_without_any_known_hour_before_is_taken_as_it_was() -> None:
    # The hour before END of yesterday is a gap.
    demand = build_demand((1380, 1.0), (60, NAN), (1380, 1.0), (60, 2.0))

    assert samples(demand)["same_days"] == pytest.approx(np.ones(120))


def test_gaps_may_stand_for_no_demand() -> None:
    demand = build_demand((2 * DAY - 60, 1.0), (30, NAN), (30, 1.0))
    found = samples(demand, gaps_as=0.0)

    assert found["last_hour"].tolist() == [0.0] * 30 + [1.0] * 30
    # The last hour's mean of 0.5 against 1 then: (0.75 / 1.25) ^ 0.7 = 0.699.
    assert found["same_days"] == pytest.approx(np.full(120, 0.699), abs=0.001)


def test_gaps_may_stand_for_full_use() -> None:
    demand = build_demand((2 * DAY - 60, 1.0), (30, NAN), (30, 1.0))
    found = samples(demand, gaps_as=7.0)

    assert found["last_hour"].tolist() == [7.0] * 30 + [1.0] * 30
    # Nobody knows how high the last hour was: the highest ratio counts.
    assert found["same_days"] == pytest.approx(np.full(120, 2.639), abs=0.001)


def test_at_full_use_a_gap_of_earlier_days_makes_today_no_lower() -> None:
    demand = build_demand((1380, 1.0), (30, NAN), (1410, 1.0), (60, 1.0))
    load = demand.load
    load[1380:1410] = NAN
    found = samples(replace(demand, load=load), gaps_as=7.0)

    # Half of that hour counts as nothing: (1.25 / 0.75) ^ 0.7 = 1.430.
    assert found["same_days"] == pytest.approx(np.full(120, 1.430), abs=0.001)


def test_a_series_that_ended_long_ago_still_aligns_by_the_clock() -> None:
    # Settled minutes end a day early: yesterday's window is not known, those of the three days
    # before are.
    demand = build_demand((3 * DAY, 1.0))
    late = replace(demand, start=demand.start - DAY * MINUTE)

    assert late.end == END - DAY * MINUTE
    assert samples(late)["same_days"].size == 3 * 60
