from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bedrock_autoscaler.domain.forecasting.lookback import PRIOR_WEIGHTS, WINDOWS, Moment, moment_at
from bedrock_autoscaler.domain.forecasting.use import mean_use
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.unit.domain.worlds import DAY, END, build_demand

NAN = float("nan")


def counted(demand: Demand) -> Demand:
    """The demand with each minute's age in its place: 1 is the newest one that was seen."""
    return replace(demand, load=np.arange(len(demand), 0.0, -1.0))


def minutes_of(moment: Moment) -> dict[str, Series]:
    """The known minutes of each window."""
    sets = moment.windows()
    assert sets is not None
    pieces = np.split(sets.values, np.cumsum(sets.sizes)[:-1])
    return {
        name: np.concatenate([piece for piece, is_in in zip(pieces, row, strict=True) if is_in])
        for name, row in zip(WINDOWS, sets.members, strict=True)
    }


def level_of(demand: Demand, gaps_as: float | None = None) -> dict[str, float]:
    """How far each window would use one unit, with the one that speaks for it where it is empty."""
    sets = moment_at(demand, NOW, NOW, gaps_as).windows()
    assert sets is not None
    return dict(zip(WINDOWS, mean_use(sets, 1)[:, 0].tolist(), strict=True))


def test_recent_windows_are_the_newest_minutes_that_their_names_say() -> None:
    found = minutes_of(moment_at(counted(build_demand((2 * DAY, 0.0))), NOW, NOW))

    for name, minutes in (
        ("last_5_minutes", 5),
        ("last_15_minutes", 15),
        ("last_30_minutes", 30),
        ("last_hour", 60),
        ("last_3_hours", 180),
        ("last_6_hours", 360),
        ("last_day", DAY),
    ):
        assert sorted(found[name].tolist()) == list(range(1, minutes + 1)), name


def test_windows_of_earlier_days_are_the_hour_that_begins_at_this_time_of_day() -> None:
    found = minutes_of(moment_at(counted(build_demand((9 * DAY, 0.0))), NOW, NOW))

    # The newest minute that was seen, 11:56, is one minute old by this count: 12:00 of yesterday is
    # 1440 - 3 minutes before, and its hour ends 59 minutes later.
    yesterday = set(range(1437 - 59, 1437 + 1))
    assert set(found["this_hour_yesterday"].tolist()) == yesterday
    week = {age + DAY * days for age in yesterday for days in range(7)}
    assert set(found["this_hour_of_7_days"].tolist()) == week


def test_the_history_is_every_fifth_minute() -> None:
    found = minutes_of(moment_at(counted(build_demand((2 * DAY, 0.0))), NOW, NOW))

    assert found["history"].tolist() == list(range(2 * DAY, 0, -5))


def test_a_shorter_history_gives_what_it_has() -> None:
    found = minutes_of(moment_at(build_demand((90, 1.0)), NOW, NOW))

    assert found["last_hour"].size == 60
    assert found["last_3_hours"].size == 90
    assert found["this_hour_yesterday"].size == 0


def test_gaps_are_left_out() -> None:
    demand = build_demand((DAY, 1.0), (20, NAN), (10, 0.4))

    found = minutes_of(moment_at(demand, NOW, NOW))

    assert found["last_30_minutes"].tolist() == [0.4] * 10
    # 10 minutes at 0.4 and the newest 30 of those at 1 are known.
    assert level_of(demand)["last_hour"] == pytest.approx((10 * 0.4 + 30 * 1.0) / 40)


def test_gaps_may_stand_for_a_demand() -> None:
    demand = build_demand((DAY, 1.0), (15, NAN), (15, 0.0))

    assert level_of(demand, gaps_as=0.0)["last_30_minutes"] == 0.0
    assert level_of(demand, gaps_as=9.0)["last_30_minutes"] == 0.5


def test_a_window_without_a_known_minute_borrows_from_the_next_longer_one() -> None:
    found = level_of(build_demand((2 * DAY - 60, 0.8), (30, 0.4), (30, NAN)))

    assert found["last_5_minutes"] == found["last_30_minutes"] == found["last_hour"]
    assert found["last_hour"] == pytest.approx(0.4)


def test_days_that_were_not_seen_are_as_the_last_day_was() -> None:
    # Half a day of history: no hour of an earlier day.
    found = level_of(build_demand((DAY // 4, 0.0), (DAY // 4, 1.0)))

    assert found["this_hour_yesterday"] == found["this_hour_of_7_days"] == 0.5
    assert found["last_day"] == 0.5


def test_a_last_day_that_was_not_seen_is_as_the_history_was() -> None:
    found = level_of(build_demand((DAY, 0.6), (DAY, NAN)))

    assert found["last_day"] == pytest.approx(0.6)
    assert found["this_hour_yesterday"] == pytest.approx(0.6)
    assert found["last_5_minutes"] == pytest.approx(0.6)


def test_a_history_without_a_known_fifth_minute_is_looked_at_whole() -> None:
    load = np.full(2 * DAY, NAN)
    load[1::5] = 0.7
    demand = build_demand((2 * DAY, 0.0))

    assert level_of(replace(demand, load=load))["history"] == pytest.approx(0.7)


@pytest.mark.parametrize("pieces", [(0, 1.0), (DAY, NAN)])
def test_without_a_known_minute_there_is_nothing_to_look_back_on(
    pieces: tuple[int, float],
) -> None:
    assert moment_at(build_demand(pieces), NOW, NOW).windows() is None


def test_an_earlier_moment_saw_no_more_than_a_decision_would_have_seen_then() -> None:
    demand = counted(build_demand((2 * DAY, 0.0)))

    then = moment_at(demand, NOW - timedelta(hours=2), NOW)

    # Three minutes were not settled then either.
    assert minutes_of(then)["last_5_minutes"].tolist() == [125.0, 124.0, 123.0, 122.0, 121.0]
    assert max(minutes_of(then)["history"]) == 2 * DAY
    assert min(minutes_of(then)["history"]) > 120


def test_a_series_that_ends_late_gives_later_decisions_no_more() -> None:
    demand = build_demand((2 * DAY, 1.0))
    late = replace(demand, start=demand.start - 30 * MINUTE)

    moment = moment_at(late, NOW, NOW)

    assert late.end == END - 30 * MINUTE
    assert (moment.position, moment.seen) == (2 * DAY + 33, 2 * DAY)


def test_what_came_after_a_moment_is_counted_from_it() -> None:
    demand = counted(build_demand((2 * DAY, 0.0)))
    moment = moment_at(demand, NOW - timedelta(hours=2), NOW)

    came = moment.outcome(15, 60, 0.9)

    # 10:15 to 11:00: the minute of 10:15 began 102 minutes before the end of the series, 11:57.
    assert came is not None
    assert came.tolist() == list(range(102, 57, -1))


def test_an_outcome_with_too_few_known_minutes_is_none() -> None:
    demand = build_demand((2 * DAY - 90, 1.0), (7, NAN), (83, 1.0))
    moment = moment_at(demand, NOW - 93 * MINUTE, NOW)

    # Of the 60 minutes from 10:27 on 53 are known.
    assert moment.outcome(0, 60, 0.88) is not None
    assert moment.outcome(0, 60, 0.9) is None
    assert moment.outcome(0, 7, 0.0) is None


def test_the_trust_of_a_new_target_is_shared_among_the_windows() -> None:
    assert len(PRIOR_WEIGHTS) == len(WINDOWS)
    assert sum(PRIOR_WEIGHTS) == pytest.approx(1.0)
    assert min(PRIOR_WEIGHTS) >= 0
