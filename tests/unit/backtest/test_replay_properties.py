"""Any plan on any trace costs what a replay of one unit and minute at a time says."""

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import Scenario, Term
from bedrock_autoscaler.backtest.timeline import CommitPurchase, Route, TimelineLine, plan_of
from bedrock_autoscaler.backtest.trace import Trace
from tests.unit.backtest.worlds import START, score, slow_score

amounts = st.one_of(st.just(0.0), st.floats(0, 500).map(lambda value: round(value, 2)))
limits = st.one_of(st.none(), st.floats(0, 300).map(lambda value: round(value, 1)))


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    rows = draw(st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=90))
    invocations, inputs, outputs = zip(*rows, strict=True)
    return Trace.of("drawn", START, (invocations, inputs, outputs))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    return Scenario(
        tokens_per_unit=draw(st.sampled_from([30.0, 100.0, 250.0])),
        unit_hour=40.0,
        input_1k=3.0,
        output_1k=draw(st.sampled_from([0.0, 3.0, 15.0])),
        output_weight=draw(st.sampled_from([0.0, 0.5, 1.0, 5.0])),
        unit_hour_1m=30.0,
        unit_hour_6m=20.0,
        on_demand_tpm=draw(limits),
        on_demand_rpm=draw(limits),
        cross_region_factor=draw(st.sampled_from([0.0, 0.5, 2.0])),
        cross_region_price=1.1,
        creation_minutes=draw(st.integers(0, 20)),
        billing_minutes=draw(st.integers(1, 25)),
        overflow=draw(st.booleans()),
    )


@st.composite
def timelines(draw: st.DrawFn, minutes: int) -> tuple[TimelineLine, ...]:
    rows = draw(st.lists(st.integers(0, minutes - 1), max_size=25, unique=True).map(sorted))
    purchases = st.builds(CommitPurchase, units=st.integers(1, 2), term=st.sampled_from(list(Term)))
    splits = st.tuples(*[st.integers(0, 4)] * 3).filter(any)
    orders = st.lists(st.sampled_from(list(Route)), unique=True).map(tuple)
    lines = []
    for row in rows:
        parts = draw(st.none() | splits)
        shares = None
        if parts is not None:
            shares = {route: part / sum(parts) for route, part in zip(Route, parts, strict=True)}
        lines.append(
            TimelineLine(
                minute=START + timedelta(minutes=row),
                provisioned_units=draw(st.none() | st.integers(0, 5)),
                commit=tuple(draw(st.lists(purchases, max_size=1))),
                shares=shares,
                spill=draw(st.none() | orders),
            )
        )
    return tuple(lines)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), trace=traces(), scenario=scenarios())
def test_agrees_with_a_replay_of_one_unit_and_minute_at_a_time(
    data: st.DataObject, trace: Trace, scenario: Scenario
) -> None:
    lines = data.draw(timelines(len(trace)))
    score_from = data.draw(st.integers(0, len(trace) - 1))

    fast = asdict(score(trace, scenario, lines, score_from))

    assert fast == pytest.approx(
        asdict(slow_score(trace, scenario, lines, score_from)), rel=1e-9, abs=1e-9
    )


@given(data=st.data(), trace=traces(), scenario=scenarios())
def test_what_the_minutes_cost_adds_up_to_the_bill(
    data: st.DataObject, trace: Trace, scenario: Scenario
) -> None:
    replay = Replay(trace, scenario)
    plan = replace(plan_of(data.draw(timelines(len(trace))), trace, scenario), commitments=())

    usd = replay.usd_by_minute(plan)

    assert usd.shape == (len(trace),)
    assert usd.sum() == pytest.approx(replay.score(plan).total_usd, rel=1e-9, abs=1e-9)
