from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.backtest.scenario import Term
from bedrock_autoscaler.backtest.timeline import (
    CommitPurchase,
    Route,
    TimelineLine,
    plan_of,
)
from tests.unit.backtest.worlds import PLAIN, START, trace_of


def test_each_value_holds_until_the_next() -> None:
    trace = trace_of([1.0] * 6)
    lines = (
        TimelineLine(minute=START + timedelta(minutes=1), provisioned_units=2),
        TimelineLine(minute=START + timedelta(minutes=3), spill=(Route.ON_DEMAND,)),
        TimelineLine(
            minute=START + timedelta(minutes=4), provisioned_units=0, shares={Route.ON_DEMAND: 1.0}
        ),
    )

    plan = plan_of(lines, trace, PLAIN)

    assert plan.units.tolist() == [0, 2, 2, 2, 0, 0]
    assert plan.shares is not None
    assert plan.shares.tolist() == [[1, 0, 0]] * 4 + [[0, 1, 0]] * 2
    assert plan.spill_index is not None
    assert [plan.spills[number] for number in plan.spill_index] == [
        *[(Route.PT, Route.ON_DEMAND, Route.CROSS_REGION)] * 3,
        *[(Route.ON_DEMAND,)] * 3,
    ]


def test_lines_must_rise() -> None:
    lines = (TimelineLine(minute=START, provisioned_units=1),) * 2

    with pytest.raises(ValueError, match="not after the line before it"):
        plan_of(lines, trace_of([1.0]), PLAIN)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"minute": START - timedelta(minutes=1)}, "outside the trace"),
        ({"minute": START + timedelta(minutes=3)}, "outside the trace"),
        ({"provisioned_units": -1}, "provisioned_units is -1"),
        ({"shares": {Route.PT: 0.5}}, r"shares sum to 0\.500000"),
        ({"shares": {Route.PT: 1.5, Route.ON_DEMAND: -0.5}}, "must each lie between 0 and 1"),
        ({"spill": (Route.PT, Route.PT)}, "names a route twice"),
        ({"commit": (CommitPurchase(units=0, term=Term.ONE_MONTH),)}, "at least 1"),
        ({"commit": (CommitPurchase(units=1, term=Term.ONE_MONTH),)}, "term 1m is not sold"),
    ],
)
def test_refuses_a_line_that_no_timeline_allows(line: Mapping[str, Any], reason: str) -> None:
    made = TimelineLine(**{"minute": START, **line})

    with pytest.raises(ValueError, match=reason):
        plan_of((made,), trace_of([1.0] * 3), PLAIN)
