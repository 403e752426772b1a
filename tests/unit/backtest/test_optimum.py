import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.backtest.errors import SolverMissingError
from bedrock_autoscaler.backtest.marginal import OverflowCost
from bedrock_autoscaler.backtest.optimum import (
    _cuts,
    _Grid,
    _solve,
    _without_terms,
    optimum_plan,
    optimum_score,
)
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import Scenario, Term
from bedrock_autoscaler.backtest.timeline import Plan, PlannedPurchase
from tests.unit.backtest.worlds import PLAIN, trace_of

pytest.importorskip("ortools", reason="the solver comes with the extra `bench`")

# Slots of 5 minutes; an order is 1 slot from service and 2 slots are paid at a time.
QUICK = replace(PLAIN, creation_minutes=5, billing_minutes=10)
SLOTS = 7


def cheapest_by_enumeration(replay: Replay) -> float:
    """The least objective of all plans of up to two units that change on the 5-minute grid."""
    return min(
        replay.score(Plan(units=np.repeat(np.array(units), 5))).objective_usd
        for units in product(range(3), repeat=SLOTS)
    )


@settings(max_examples=12, deadline=None)
@given(
    load=st.lists(st.integers(0, 170), min_size=SLOTS, max_size=SLOTS),
    ripple=st.integers(0, 30),
    scenario=st.sampled_from(
        [
            QUICK,
            replace(QUICK, overflow=False, throttle_factor=2.0),
            replace(QUICK, on_demand_tpm=30, cross_region_factor=1, cross_region_price=1.1),
            replace(QUICK, on_demand_tpm=30, cross_region_factor=1, cross_region_price=0.7),
        ]
    ),
)
def test_nothing_on_the_grid_is_cheaper(load: list[int], ripple: int, scenario: Scenario) -> None:
    minutes = [float(value + ripple * (minute % 2)) for value in load for minute in range(5)]
    replay = Replay(trace_of(minutes), scenario)

    found = optimum_score(replay).objective_usd

    if scenario.cross_region_price < 1:
        # The plans enumerated spill on demand first, which is the dearer order here.
        assert found <= cheapest_by_enumeration(replay) + 1e-6
    else:
        assert found == pytest.approx(cheapest_by_enumeration(replay), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(st.sampled_from([0, 20, 90, 130, 260]), st.integers(1, 40)),
        min_size=1,
        max_size=12,
    ),
    scenario=st.sampled_from([PLAIN, replace(PLAIN, overflow=False, throttle_factor=2.0), QUICK]),
)
def test_pieces_cost_what_the_whole_does(pieces: list[tuple[int, int]], scenario: Scenario) -> None:
    # A ripple keeps the savings of neighbouring minutes apart.
    load = [float(level + 3 * (minute % 5)) for level, length in pieces for minute in range(length)]
    replay = Replay(trace_of(load), scenario)
    whole = _solve(OverflowCost.of(replay), scenario, _Grid.of(scenario, len(load)))

    found = optimum_score(replay).objective_usd

    assert found == pytest.approx(replay.score(Plan(units=whole)).objective_usd, abs=1e-6)


def test_trace_is_cut_where_no_unit_is_worth_an_hour() -> None:
    # A period is missed for 75 minutes at most and costs 60 USD. In the lull, slots 40 to 79, the
    # first unit saves 0.4 USD a minute, outside 1.8: 20 busy and 55 quiet minutes are 58 USD, 25
    # and 50 are 65. So periods from slot 36 to 69 on can go, and T needs all from T - 11 to T.
    load = [90.0] * 200 + [20.0] * 200 + [90.0] * 200
    cost = OverflowCost.of(Replay(trace_of(load), PLAIN))

    cuts = _cuts(cost, PLAIN, _Grid.of(PLAIN, len(load)))

    assert cuts.tolist() == list(range(36 + 11, 69 + 1))


def test_units_with_staggered_hours_hand_over_to_one_another() -> None:
    # Two units for minutes 20 to 35 and one around them: two lives of one period each, staggered,
    # serve all; a third would be a waste. 40 minutes are paid at 1 USD.
    load = [0.0] * 10 + [100.0] * 10 + [200.0] * 5 + [100.0] * 10 + [0.0] * 25
    scenario = replace(PLAIN, creation_minutes=5, billing_minutes=20)
    replay = Replay(trace_of(load), scenario)

    found = optimum_score(replay)

    assert found.total_usd == pytest.approx(40.0)
    assert found.peak_units == 2


def test_capacity_that_never_pays_is_not_bought() -> None:
    replay = Replay(trace_of([40.0] * 300), PLAIN)

    assert optimum_plan(replay).units.max() == 0


def test_no_traffic_needs_no_solver() -> None:
    assert optimum_score(Replay(trace_of([0.0] * 10), PLAIN)).total_usd == 0


def test_throttling_is_preferred_where_it_is_cheaper_than_any_route() -> None:
    replay = Replay(trace_of([40.0] * 300), replace(PLAIN, throttle_factor=0.5))

    found = optimum_score(replay)

    # 40 tokens a minute at half of 20 USD for 1,000.
    assert found.objective_usd == pytest.approx(300 * 0.4)
    assert found.throttled_tokens == pytest.approx(1.0)


def test_warm_up_is_neither_paid_nor_used() -> None:
    load = [100.0] * 240
    whole = Replay(trace_of(load), PLAIN, 120)
    scored = Replay(trace_of(load[120:]), PLAIN)

    assert optimum_score(whole).objective_usd == pytest.approx(optimum_score(scored).objective_usd)
    assert not optimum_plan(whole).units[:120].any()


def test_a_warm_optimum_serves_from_the_first_scored_minute_and_pays_from_then_on() -> None:
    replay = Replay(trace_of([100.0] * 240), PLAIN, 120)

    found = optimum_score(replay, is_warm=True)

    # 120 minutes of a unit at 1 USD; cold, the minutes of its creation go elsewhere.
    assert found.objective_usd == pytest.approx(120.0)
    assert found.throttled_tokens == 0
    assert optimum_score(replay).objective_usd > 120.0


@settings(max_examples=12, deadline=None)
@given(
    load=st.lists(st.integers(0, 170), min_size=SLOTS, max_size=SLOTS),
    unscored=st.integers(1, SLOTS - 1),
)
def test_with_a_warm_up_too_nothing_on_the_grid_is_cheaper(load: list[int], unscored: int) -> None:
    minutes = [float(value) for value in load for _ in range(5)]
    replay = Replay(trace_of(minutes), QUICK, 5 * unscored)

    found = optimum_score(replay, is_warm=True).objective_usd

    assert found == pytest.approx(cheapest_by_enumeration(replay), abs=1e-6)
    assert found <= optimum_score(replay).objective_usd + 1e-6


@pytest.mark.parametrize("first", [1, 4, 7, 23, 43])
def test_a_warm_optimum_orders_where_a_policy_may(first: int) -> None:
    # A unit held from the trace's first minute on serves from minute 5; so late a first scored
    # minute is not on the grid of its orders.
    replay = Replay(trace_of([100.0] * 60), QUICK, first)

    found = optimum_score(replay, is_warm=True)

    held = replay.score(Plan(units=np.ones(60, dtype=np.int64)))
    assert found.objective_usd <= held.objective_usd + 1e-9


def test_no_commitment_costs_less_than_the_bound_that_allows_them() -> None:
    scenario = replace(QUICK, unit_hour_1m=20.0, unit_hour_6m=15.0)
    replay = Replay(trace_of([100.0] * 60), scenario)
    bought = PlannedPurchase(row=0, units=1, term=Term.SIX_MONTHS)
    plan = Plan(units=np.zeros(60, dtype=np.int64), commitments=(bought,))

    found = optimum_score(replay, may_commit=True)

    # An hour at 15 USD, and 5 minutes of creation at 2 USD a minute.
    assert found.objective_usd == pytest.approx(25.0)
    assert replay.score(plan).objective_usd == pytest.approx(25.0)
    assert optimum_score(replay).objective_usd == pytest.approx(70.0)


@pytest.mark.parametrize(
    ("month", "half_year", "unit_hour", "billing"),
    [
        (None, None, 60.0, 7),
        # 30 days are no whole number of 7 minutes, so that the last period would outlast them.
        (36.0, None, 36.0, 1),
        (80.0, None, 60.0, 1),
        (36.0, 20.0, 20.0, 1),
    ],
)
def test_the_bound_takes_the_lowest_price_and_periods_that_end_with_a_term(
    month: float | None, half_year: float | None, unit_hour: float, billing: int
) -> None:
    scenario = replace(PLAIN, billing_minutes=7, unit_hour_1m=month, unit_hour_6m=half_year)

    found = _without_terms(scenario)

    assert (found.unit_hour, found.billing_minutes) == (unit_hour, billing)


@pytest.mark.parametrize(("creation", "billing"), [(0, 60), (7, 60), (15, 25), (90, 60)])
def test_other_delays_are_kept_exactly(creation: int, billing: int) -> None:
    scenario = Scenario(
        tokens_per_unit=100,
        unit_hour=60,
        input_1k=20,
        output_1k=20,
        creation_minutes=creation,
        billing_minutes=billing,
    )
    replay = Replay(trace_of([0.0] * 30 + [100.0] * 153), scenario)

    found = optimum_score(replay)

    # One unit, in service from the first busy minute on or as early as can be. It is paid from
    # its order to the end, and the last started period is cut where the trace ends.
    ordered = max(0, 30 - creation)
    waiting = max(0, creation - 30)
    assert found.total_usd == pytest.approx(183 - ordered + 2.0 * waiting)


def test_missing_solver_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.graph.python", None)

    with pytest.raises(SolverMissingError, match=r"install bedrock-autoscaler\[bench\]"):
        optimum_plan(Replay(trace_of([100.0] * 60), PLAIN))
