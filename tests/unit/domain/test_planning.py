from dataclasses import replace

import pytest

from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Classification,
    ExpertRecord,
    Label,
    ReasonCode,
    Situation,
    Verdict,
)
from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.diagnosis import Diagnosis, Way, diagnose
from bedrock_autoscaler.domain.planning import Wish, make_plan, make_wish
from bedrock_autoscaler.domain.sizing import SizePlan
from tests.builders import (
    build_fleet,
    build_provisioned,
    build_pt,
    build_situation,
    build_target,
    build_thresholds,
    build_traffic,
)
from tests.unit.domain.worlds import HALF, build_demand, half_price_target

DAY = 1440
NAN = float("nan")
STEADY = Classification(
    label=Label.STEADY, verdict=Verdict.STEADY, confidence=1.0, features=(), margins=()
)
BURSTY = replace(STEADY, label=Label.BURSTY, verdict=Verdict.BURSTY)


def holding(units: int) -> Situation:
    throughputs = (build_pt(1, model_units=units),) if units else ()
    return build_situation(target=half_price_target(), fleet=build_fleet(*throughputs))


def plan_for(demand: Demand, units: int) -> SizePlan:
    plan = make_plan(holding(units), demand, HALF, NO_MEMORY)
    assert plan is not None
    return plan


def diagnosis() -> Diagnosis:
    traffic = build_traffic(60)
    return diagnose(traffic, [Way(traffic=traffic, quota=None)], max_error_share=0.05)


HOT = replace(diagnosis(), allows_growth=False)


def test_nothing_is_sized_without_prices_or_minutes() -> None:
    assert make_plan(holding(0), build_demand((DAY, 1.0)), None, NO_MEMORY) is None
    assert make_plan(holding(0), build_demand((DAY, NAN)), HALF, NO_MEMORY) is None
    assert make_plan(holding(0), build_demand((0, 1.0)), HALF, NO_MEMORY) is None


def test_an_even_demand_of_two_units_is_met_by_two() -> None:
    # Six of the seven forecasts say 2: each unit is worth 6/7 x 69.30 = 59.40.
    plan = plan_for(build_demand((2 * DAY, 2.0)), 0)

    assert plan.grow_to == 2
    assert plan.worth == pytest.approx([59.40, 59.40])


def test_minutes_that_were_not_read_are_no_demand_to_grow_on() -> None:
    # Of the last hour only the newest half is known. Known minutes alone speak for 2 units.
    plan = plan_for(build_demand((30, 2.0), (DAY, NAN), (30, 2.0)), 0)

    # As no demand: last_hour has 2 in half of its minutes, last_3_hours in a sixth, last_3_days in
    # 12 of 300; same_days and blend hardly any. None comes near half use of seven experts.
    assert plan.grow_to == 0
    assert plan.caution is not None
    assert plan.caution.code is ReasonCode.DATA_INCOMPLETE
    assert dict(plan.caution.numbers) == {"units_without_gaps": 2.0, "units": 0.0}


def test_minutes_that_were_not_read_are_full_use_to_shrink_on() -> None:
    # Four idle days, but the window of 12:15 to 13:15 was never read, and the forecast from
    # earlier days is the one that is trusted.
    demand = build_demand((4 * DAY, 0.0))
    for age in range(1, 5):
        begin = max(len(demand) + 18 - age * DAY, 0)
        demand.load[begin : begin + 60] = NAN
    trusted = ExpertRecord(name="same_days", loss_usd=100.0, proposals=())
    others = ("same_weekdays", "last_hour", "last_3_hours", "last_3_days", "blend", "zero")
    doubted = (ExpertRecord(name=name, loss_usd=300.0, proposals=()) for name in others)
    memory = replace(NO_MEMORY, experts=(trusted, *doubted))

    plan = make_plan(holding(1), demand, HALF, memory)

    # What was read says nothing of a unit; full use makes it worth all of its 69.30.
    assert plan is not None
    assert plan.worth[0] == 0.0
    assert plan.keep == 1
    assert plan.caution is not None
    assert "count as full use: keep 1 units, not 0" in plan.caution.message


def test_gaps_that_change_nothing_are_not_mentioned() -> None:
    demand = build_demand((DAY, 2.0), (1, NAN), (DAY, 2.0))

    assert plan_for(demand, 0).caution is None
    assert plan_for(demand, 2).caution is None


def test_a_unit_that_pays_is_wished_for() -> None:
    plan = plan_for(build_demand((2 * DAY, 2.0)), 1)

    wish = make_wish(holding(1), plan, STEADY, diagnosis())

    assert (wish.grow_to, wish.keep) == (2, 2)
    assert wish.reasons[0].code is ReasonCode.UNITS_PAY_OFF
    assert wish.reasons[0].message == (
        "units 2 to 2 each avoid at least 59.40 USD per hour and cost 34.65"
    )


def test_a_unit_that_does_not_pay_is_named() -> None:
    plan = plan_for(build_demand((2 * DAY, 0.0)), 2)

    wish = make_wish(holding(2), plan, STEADY, diagnosis())

    assert wish.keep == 0
    assert wish.reasons[0].message == (
        "unit 1 avoids 0.00 USD per hour and costs 34.65: 0 of 2 units are worth keeping"
    )


def test_the_right_size_is_argued_too() -> None:
    wish = make_wish(holding(2), plan_for(build_demand((2 * DAY, 2.0)), 2), STEADY, diagnosis())

    assert wish.reasons[0].code is ReasonCode.AT_DESIRED_SIZE
    assert "2 units are right: a further one avoids 0.00" in wish.reasons[0].message


def test_what_more_capacity_would_not_mend_is_no_reason_to_buy() -> None:
    plan = plan_for(build_demand((2 * DAY, 2.0)), 1)

    wish = make_wish(holding(1), plan, STEADY, HOT)

    assert wish.units(1) == 1
    assert wish.keep == 2


def test_bursty_targets_may_be_kept_from_holding_units() -> None:
    thresholds = build_thresholds(sizing={"bursty_may_hold_units": False})
    situation = replace(holding(1), target=half_price_target(thresholds=thresholds))
    plan = plan_for(build_demand((2 * DAY, 2.0)), 1)

    assert make_wish(situation, plan, BURSTY, diagnosis()).units(1) == 0
    assert make_wish(situation, plan, STEADY, diagnosis()).units(1) == 2
    # As shipped they may hold them where they pay.
    assert make_wish(holding(1), plan, BURSTY, diagnosis()).units(1) == 2


def test_without_a_minute_of_demand_the_reason_is_the_history() -> None:
    wish = make_wish(holding(1), None, STEADY, diagnosis())

    assert wish.units(1) == 1
    assert [reason.code for reason in wish.reasons] == [ReasonCode.HISTORY_SHORT]


@pytest.mark.parametrize(
    "provisioned", [None, build_provisioned(price=None), build_provisioned(unit_rate=None)]
)
def test_where_a_fact_is_missing_the_fact_is_the_reason(provisioned: object) -> None:
    situation = build_situation(target=build_target(provisioned=provisioned))

    assert make_wish(situation, None, STEADY, diagnosis()).reasons == ()


@pytest.mark.parametrize(("held", "units"), [(1, 3), (3, 3), (4, 4), (6, 5)])
def test_between_growing_and_keeping_the_size_stays(held: int, units: int) -> None:
    assert Wish(grow_to=3, keep=5, reasons=()).units(held) == units
