from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.backtest.timeline import (
    Plan,
    Route,
    TimelineLine,
    lines_of,
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


@given(units=st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_plan_of_units_survives_as_lines(units: list[int]) -> None:
    trace = trace_of([1.0] * len(units))

    lines = lines_of(Plan(units=np.array(units)), trace)

    assert plan_of(lines, trace, PLAIN).units.tolist() == units
    changes = sum(now != before for before, now in zip([0, *units], units, strict=False))
    assert len(lines) == changes


def test_plan_with_another_spill_order_survives_as_lines() -> None:
    trace = trace_of([1.0] * 4)
    spills = ((Route.PT, Route.ON_DEMAND), (Route.PT,))
    plan = Plan(units=np.ones(4, np.int64), spills=spills, spill_index=np.array([0, 0, 1, 1]))

    lines = lines_of(plan, trace)

    assert [line.spill for line in lines] == list(spills)
    assert lines[1].minute == START + timedelta(minutes=2)


def test_lines_must_rise() -> None:
    lines = (TimelineLine(minute=START, provisioned_units=1),) * 2

    with pytest.raises(ValueError, match="not after the line before it"):
        plan_of(lines, trace_of([1.0]), PLAIN)
