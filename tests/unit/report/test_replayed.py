"""The plotted minutes add up to what the accounting says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bedrock_autoscaler.backtest.baselines import all_on_demand
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import Scenario, Term
from bedrock_autoscaler.backtest.timeline import CommitPurchase, Route, TimelineLine, plan_of
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.report.replayed import replayed_series
from bedrock_autoscaler.report.series import MarkKind

START = datetime(2025, 3, 17, tzinfo=UTC)
MINUTES = 600
SCENARIO = Scenario(
    tokens_per_unit=1000.0,
    unit_hour=40.0,
    input_1k=0.003,
    output_1k=0.015,
    output_weight=5.0,
    unit_hour_1m=36.0,
    on_demand_tpm=2000.0,
    cross_region_factor=0.5,
    cross_region_price=1.1,
)


def line(minute: int, **values: object) -> TimelineLine:
    return TimelineLine(minute=START + timedelta(minutes=minute), **values)  # type: ignore[arg-type] # test values


LINES = (
    line(0, provisioned_units=1),
    line(100, provisioned_units=4, spill=(Route.PT, Route.CROSS_REGION, Route.ON_DEMAND)),
    line(200, provisioned_units=2, commit=(CommitPurchase(units=1, term=Term.ONE_MONTH),)),
    line(333, provisioned_units=0, spill=(Route.PT, Route.ON_DEMAND, Route.CROSS_REGION)),
)


def replay_from(first: int) -> Replay:
    load = np.abs(np.sin(np.arange(MINUTES) / 50)) * 4000
    trace = Trace.of("t", START, (load / 100, load * 0.6, load * 0.08))
    return Replay(trace, SCENARIO, first)


@pytest.mark.parametrize("first", [0, 150, 340])
def test_adds_up_to_the_score(first: int) -> None:
    replay = replay_from(first)
    score = replay.score(plan_of(LINES, replay.trace, SCENARIO))

    run = replayed_series(replay, LINES)

    assert len(run.moments) == MINUTES - first
    shares = run.throttled.sum() / run.demand.sum()
    assert shares == pytest.approx(score.throttled_tokens, abs=1e-9)
    total = sum(series.sum() for series in run.served.values()) + run.throttled.sum()
    assert total == pytest.approx(run.demand.sum())
    used = run.served["provisioned"].sum() / run.in_service.sum()
    assert used == pytest.approx(score.pt_utilisation)
    elsewhere = replay.score(all_on_demand(replay))
    assert run.spent_usd["all on demand"][-1] == pytest.approx(elsewhere.total_usd)


@pytest.mark.parametrize("first", [0, 137, 340])
@pytest.mark.parametrize("kept", [len(LINES), len(LINES) - 1])
def test_money_so_far_ends_at_the_score(first: int, kept: int) -> None:
    # Periods run across the first scored minute, and without the last line past the trace's end.
    replay, lines = replay_from(first), LINES[:kept]
    score = replay.score(plan_of(lines, replay.trace, SCENARIO))

    run = replayed_series(replay, lines)

    assert run.spent_usd["bedrock-autoscaler"][-1] == pytest.approx(score.total_usd)
    assert run.spent_usd["of it units"][-1] == pytest.approx(score.pt_usd + score.commitment_usd)


def test_marks_changes_of_the_scored_minutes() -> None:
    run = replayed_series(replay_from(150), LINES)

    assert [(mark.kind, mark.text) for mark in run.marks] == [
        (MarkKind.RELEASE, "2 units"),
        (MarkKind.RELEASE, "0 units"),
        (MarkKind.ROUTES, "pt > on_demand > cross_region"),
    ]
