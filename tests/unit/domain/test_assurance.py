from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.acting.grounds import Grounds
from bedrock_autoscaler.domain.acting.steps import act
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Classification,
    Label,
    Memory,
    Purchase,
    Situation,
    Verdict,
)
from bedrock_autoscaler.domain.economics.costs import Economics, Tier
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Status
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.assurance import NO_ASSURANCE, Assurance, steered
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.sizing.planning import Wish, make_plan, make_wish
from bedrock_autoscaler.domain.sizing.worth import SizePlan
from bedrock_autoscaler.domain.target import Slo
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Way, diagnose
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    build_fleet,
    build_pt,
    build_situation,
    build_target,
    build_traffic,
)
from tests.unit.domain.worlds import DAY, build_demand, units_in

NAN = float("nan")
PROMISE = 0.005
CLOSED = Economics(
    unit_usd=1.3,
    tiers=(Tier(address=MODEL, capacity_units=0.0, usd_per_unit_hour=1.0),),
    throttle_usd=1.0,
)
"""No overflow, and units that cost more than they could ever save."""
OPEN = replace(
    CLOSED, tiers=(Tier(address=MODEL, capacity_units=float("inf"), usd_per_unit_hour=1.0),)
)
STEADY = Classification(
    label=Label.STEADY, verdict=Verdict.STEADY, confidence=1.0, features=(), margins=()
)
CALM = diagnose(
    build_traffic(60), [Way(traffic=build_traffic(60), quota=None)], max_error_share=0.05
)


def situation(units: int = 0, promise: float | None = PROMISE, **overrides: object) -> Situation:
    slo = Slo(max_throttled_share=0.01, throttle_cost_factor=1.0, assure_throttled_share=promise)
    throughputs = [build_pt(number) for number in range(units)]
    return build_situation(
        target=build_target(slo=slo), fleet=build_fleet(*throughputs), **overrides
    )


def plan_of(
    demand: Demand,
    units: int = 0,
    *,
    promise: float | None = PROMISE,
    economics: Economics = CLOSED,
    memory: Memory = NO_MEMORY,
) -> SizePlan:
    plan = make_plan(situation(units, promise), demand, economics, memory)
    assert plan is not None
    return plan


def wish_of(plan: SizePlan, units: int) -> Wish:
    return make_wish(situation(units), plan, STEADY, CALM)


def after(demand: Demand, fleet: Fleet, *, minutes: int = 5) -> Assurance:
    return steered(
        NO_ASSURANCE,
        demand,
        fleet,
        economics=CLOSED,
        promised_share=PROMISE,
        minutes=minutes,
    )


# -- the plan ----------------------------------------------------------------------------------


def test_without_a_promise_units_that_do_not_pay_are_not_held() -> None:
    plan = plan_of(build_demand((2 * DAY, 2.5)), promise=None)

    assert (plan.grow_to, plan.keep, plan.promise) == (0, 0, None)


def test_a_promise_needs_units_for_all_of_an_even_demand() -> None:
    plan = plan_of(build_demand((2 * DAY, 2.5)))

    assert plan.grow_to == 3
    assert len(plan.alternatives) > plan.grow_to
    reasons = wish_of(plan, 0).reasons
    assert reasons[0].code is ReasonCode.UNITS_ASSURED
    assert dict(reasons[0].numbers) == {
        "promised_share": PROMISE,
        "least_use": 0.03,
        "units_needed": 3.0,
        "units_worth_their_price": 0.0,
    }


def test_what_a_quota_admits_needs_no_unit() -> None:
    assert plan_of(build_demand((2 * DAY, 2.5)), economics=OPEN).grow_to == 0
    admits_one = Tier(address=MODEL, capacity_units=1.0, usd_per_unit_hour=1.0)
    partly = replace(CLOSED, tiers=(admits_one,))
    assert plan_of(build_demand((2 * DAY, 2.5)), economics=partly).grow_to == 2


def test_a_promise_keeps_what_it_needs_and_no_more() -> None:
    demand = build_demand((2 * DAY, 1.5))
    wish = wish_of(plan_of(demand, 3), 3)

    assert wish.keep == 2
    assert not wish.keeps(3, 1)
    assert wish.keeps(3, 2)
    assert wish.keeps(2, 1)
    assert not wish_of(plan_of(demand, 3, promise=None), 3).keeps(3, 3)


def test_losses_do_not_stop_a_promise() -> None:
    broke = replace(NO_MEMORY, balance=Balance(traffic_usd=100.0, saved_usd=-1_000.0))

    plan = plan_of(build_demand((2 * DAY, 2.5)), memory=broke)

    assert plan.grow_to == 3
    assert ReasonCode.LOSS_BUDGET_USED in {reason.code for reason in plan.remarks}


def test_growth_under_a_promise_becomes_a_purchase() -> None:
    demand = build_demand((2 * DAY, 2.5))
    grounds = Grounds(
        demand=demand, economics=CLOSED, diagnosis=CALM, blockers=(), blocked_until=None
    )

    outcome = act(situation(), wish_of(plan_of(demand), 0), grounds)

    assert isinstance(outcome.action, Purchase)
    assert outcome.action.model_units == 3


def test_gaps_neither_grow_nor_shrink_under_a_promise() -> None:
    demand = build_demand((2 * DAY, 0.5), (DAY, NAN), (10, 0.5))
    wish = wish_of(plan_of(demand, 3), 3)

    assert wish.grow_to <= 3
    assert wish.keeps(3, 1)


def test_a_promise_that_is_served_by_units_that_pay_changes_nothing() -> None:
    dear = replace(CLOSED, throttle_usd=100.0)
    demand = build_demand((2 * DAY, 2.5))

    with_promise = plan_of(demand, economics=dear)
    without = plan_of(demand, economics=dear, promise=None)

    assert with_promise.promise is None
    assert (with_promise.grow_to, with_promise.keep) == (without.grow_to, without.keep)


@given(
    pieces=st.lists(st.tuples(st.sampled_from([5, 60, 600, DAY]), st.floats(0.0, 6.0)), min_size=1),
    extra=st.floats(0.0, 4.0),
    place=st.floats(0.0, 1.0),
    least_use=st.floats(0.001, 0.4),
)
def test_more_demand_anywhere_never_needs_fewer_units(
    pieces: list[tuple[int, float]], extra: float, place: float, least_use: float
) -> None:
    memory = replace(NO_MEMORY, assurance=Assurance(least_use=least_use))
    load = units_in(*pieces)
    more = load.copy()
    more[int(place * len(load)) :] += extra
    demand = build_demand(*pieces)

    less_plan = plan_of(demand, 2, memory=memory)
    more_plan = plan_of(replace(demand, load=more), 2, memory=memory)

    assert more_plan.grow_to >= less_plan.grow_to
    assert min(more_plan.keep, 2) >= min(less_plan.keep, 2)


# -- what is learned ---------------------------------------------------------------------------


def test_a_day_without_throttling_makes_the_promise_easier_by_e() -> None:
    fleet = build_fleet(build_pt(created_at=NOW - 3 * DAY * MINUTE, in_service_since=None))

    # An hour of the day's allowance was not used.
    assert after(build_demand((DAY, 0.5)), fleet, minutes=60).least_use == pytest.approx(
        0.03 * np.exp(1 / 24)
    )


def test_throttling_beyond_a_days_allowance_is_the_largest_step() -> None:
    demand = build_demand((DAY, 1.0))

    # The allowance of a day is 0.9 x 0.5% x 1,440 = 6.48 unit-minutes; 5 and 60 are throttled.
    assert after(demand, build_fleet()).least_use == pytest.approx(
        0.03 * np.exp((0.0225 - 5.0) / 6.48)
    )
    assert after(demand, build_fleet(), minutes=60).least_use == pytest.approx(0.03 * np.exp(-1))


def test_a_unit_serves_from_its_first_minute_in_service_on() -> None:
    demand = build_demand((DAY, 1.0))
    # The newest five minutes end three minutes ago: in two of them it served.
    fleet = build_fleet(build_pt(in_service_since=NOW - 5 * MINUTE))

    assert after(demand, fleet).least_use == pytest.approx(0.03 * np.exp((0.0225 - 3.0) / 6.48))


def test_nothing_is_learned_from_gaps_or_silence() -> None:
    assert after(build_demand((DAY, NAN)), build_fleet()) == NO_ASSURANCE
    assert after(build_demand((DAY, 1.0), (5, NAN)), build_fleet()) == NO_ASSURANCE
    assert after(build_demand((DAY, 0.0)), build_fleet()) == NO_ASSURANCE
    assert after(build_demand((DAY, 1.0)), build_fleet(), minutes=0) == NO_ASSURANCE


@given(load=st.floats(0.0, 1e6), units=st.integers(0, 9), least_use=st.floats(0.001, 0.4))
def test_what_is_learned_stays_in_its_bounds(load: float, units: int, least_use: float) -> None:
    fleet = build_fleet(build_pt(model_units=max(units, 1), status=Status.IN_SERVICE))

    found = steered(
        Assurance(least_use=least_use),
        build_demand((60, load)),
        fleet,
        economics=CLOSED,
        promised_share=PROMISE,
        minutes=60,
    )

    assert 0.001 <= found.least_use <= 0.4
