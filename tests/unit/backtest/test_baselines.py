from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.backtest.baselines import (
    BASELINES,
    all_on_demand,
    best_static,
    hour_of_week,
    hpa,
    newsvendor,
    static_peak,
    target_tracking,
)
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.timeline import Plan
from tests.unit.backtest.worlds import PLAIN, trace_of

DAY = 1440


def replay_of(*pieces: tuple[float, int], score_from: int = 0) -> Replay:
    """A replay whose demand is given in model units, as (units, minutes)."""
    load = [units * PLAIN.tokens_per_unit for units, minutes in pieces for _ in range(minutes)]
    return Replay(trace_of(load), PLAIN, score_from)


def changes(plan: Plan) -> list[tuple[int, int]]:
    """(row, units) wherever the units change."""
    rows = np.flatnonzero(np.diff(plan.units, prepend=0))
    return [(row, int(plan.units[row])) for row in rows.tolist()]


def test_all_on_demand_holds_nothing() -> None:
    assert changes(all_on_demand(replay_of((2, 10)))) == []


def test_static_peak_covers_the_highest_scored_minute() -> None:
    replay = replay_of((9, 5), (2.2, 1), (1, 20), score_from=5)

    assert changes(static_peak(replay)) == [(0, 3)]


def test_best_static_is_the_cheapest_of_all_sizes() -> None:
    # The third unit is used 30% of the time, at a break-even of 50%.
    replay = replay_of((2, 700), (3, 300))

    plan = best_static(replay)

    assert changes(plan) == [(0, 2)]
    objectives = [
        replay.score(Plan(units=np.full(1000, units))).objective_usd for units in range(5)
    ]
    assert replay.score(plan).objective_usd == min(objectives)


def test_target_tracking_rises_after_three_high_minutes_to_their_mean() -> None:
    # One unit at first. Rows 1 to 3 show demand 1.5, 1.8, 2.1: mean 1.8 / 0.7 = 2.57, so 3 at 4.
    replay = replay_of((0.65, 1), (1.5, 1), (1.8, 1), (2.1, 6))

    # At 3 units 2.1 is used at exactly 70%, which is not above it.
    assert changes(target_tracking(replay)) == [(0, 1), (4, 3)]


def test_target_tracking_rises_at_most_every_five_minutes() -> None:
    replay = replay_of((1, 3), (30, 20))

    # Rows 0 to 2 at 1.0 / 1 unit: 2 units at row 3. Rows 3 to 5 justify more at 6, but not before
    # row 8: mean 30 / 0.7 = 42.9.
    assert changes(target_tracking(replay)) == [(0, 1), (3, 2), (8, 43)]


def test_target_tracking_falls_after_fifteen_low_minutes_to_their_peak() -> None:
    replay = replay_of((7, 10), (0.65, 1), (1.3, 2), (0.65, 40))

    # Rows 0-2 at 7 demand 10 units at row 3. Rows 10 to 24 are low, highest 1.3: 2 units at 25.
    # Counted anew, rows 25 to 39 at 0.65 / 2 are low: 1 unit at row 40.
    assert changes(target_tracking(replay)) == [(0, 1), (3, 10), (25, 2), (40, 1)]


def test_hpa_follows_up_at_once_and_down_to_the_highest_of_five_minutes() -> None:
    replay = replay_of((1.4, 2), (3.5, 1), (1.4, 8))

    # 1.4 / 0.7 = 2 at row 1; 3.5 / 0.7 = 5 at row 3; the 5 leaves the window at row 8.
    assert changes(hpa(replay)) == [(0, 1), (1, 2), (3, 5), (8, 2)]


def test_hpa_leaves_a_small_deviation_alone() -> None:
    replay = replay_of((1.4, 2), (1.5, 5))

    # 1.5 / 2 / 0.7 = 1.07 is within the tolerance of 0.1.
    assert changes(hpa(replay)) == [(0, 1), (1, 2)]


def test_hour_of_week_orders_ahead_of_the_hour_that_was_busy_before() -> None:
    busy_at_ten = [(0.0, 600), (3.0, 60), (0.0, 780)]
    replay = replay_of(*busy_at_ten, *busy_at_ten)

    # Nothing is known on the first day.
    assert changes(hour_of_week(replay)) == [(DAY + 585, 3), (DAY + 660, 0)]


def test_hour_of_week_prefers_the_same_hour_of_the_week_before() -> None:
    week = [(0.0, 6 * DAY), (2.0, DAY)]
    replay = replay_of(*week, (0.0, 6 * DAY), (2.0, 600))

    plan = hour_of_week(replay)

    assert plan.units[13 * DAY + 30] == 2
    assert plan.units[7 * DAY + 30] == 0


def test_newsvendor_holds_the_critical_fractile_of_the_days_before() -> None:
    # Demand 1 for 60% of the day and 4 for 40%: a unit must be used half of the time.
    replay = replay_of((1, 864), (4, 576), (0, DAY))

    assert changes(newsvendor(replay)) == [(DAY, 1)]


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_work_on_one_minute_and_on_no_traffic(name: str) -> None:
    for replay in (replay_of((1, 1)), replay_of((0, 200))):
        plan = BASELINES[name](replay)

        assert len(plan.units) == len(replay.trace)
        assert plan.units.min() >= 0


@pytest.mark.parametrize("name", ["target_tracking", "hpa", "hour_of_week", "newsvendor"])
def test_causal_baselines_do_not_look_ahead(name: str) -> None:
    rng = np.random.default_rng(5)
    load = (rng.gamma(2.0, 80.0, 3 * DAY) * (1 + np.sin(np.arange(3 * DAY) / 229))).tolist()
    whole = BASELINES[name](Replay(trace_of(load), PLAIN))
    cut = 2 * DAY + 377

    part = BASELINES[name](Replay(trace_of(load[:cut]), PLAIN))

    # An hour-of-week order is placed ahead of its hour, which the cut trace no longer has.
    known = cut - PLAIN.creation_minutes
    np.testing.assert_array_equal(part.units[:known], whole.units[:known])


def test_baseline_without_overflow_plans_with_the_penalty() -> None:
    # Used 30% of the time, a unit is not worth 60 USD an hour against 2 USD a minute on demand,
    # but it is against 20 USD for a throttled minute.
    pieces = trace_of([100.0] * 30 + [0.0] * 70)

    assert best_static(Replay(pieces, PLAIN)).units[0] == 0
    assert best_static(Replay(pieces, replace(PLAIN, overflow=False))).units[0] == 1
