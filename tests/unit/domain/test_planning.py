from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.decision import NO_MEMORY, Classification, Label, Situation, Verdict
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.sizing.planning import Wish, make_plan, make_wish
from bedrock_autoscaler.domain.sizing.worth import SizePlan
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis, Way, diagnose
from tests.builders import (
    build_fleet,
    build_provisioned,
    build_pt,
    build_situation,
    build_target,
    build_thresholds,
    build_traffic,
)
from tests.unit.domain.worlds import DAY, HALF, build_demand, half_price_target, trusting

NAN = float("nan")
STEADY = Classification(
    label=Label.STEADY, verdict=Verdict.STEADY, confidence=1.0, features=(), margins=()
)
BURSTY = replace(STEADY, label=Label.BURSTY, verdict=Verdict.BURSTY)


def holding(units: int) -> Situation:
    throughputs = (build_pt(1, model_units=units),) if units else ()
    return build_situation(target=half_price_target(), fleet=build_fleet(*throughputs))


EARNED = replace(NO_MEMORY, balance=Balance(saved_usd=70.0, day_saved_usd=70.0))
"""What is held has earned two unit-hours, so that a further one may be risked beside it."""


def plan_for(demand: Demand, units: int) -> SizePlan:
    plan = make_plan(holding(units), demand, HALF, EARNED)
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
    plan = plan_for(build_demand((2 * DAY, 2.0)), 0)

    assert plan.grow_to == 2
    assert plan.worth == pytest.approx([69.30, 69.30])


def test_minutes_that_were_not_read_are_no_demand_to_grow_on() -> None:
    # Of the last hour only the newest half is known. Known minutes alone speak for 2 units.
    plan = plan_for(build_demand((30, 2.0), (DAY, NAN), (30, 2.0)), 0)

    # As no demand: 5, 15 and 30 minutes say 2 with 0.4 of the trust, the last hour 2 in half of its
    # minutes with 0.2, three hours in a sixth with 0.1, the others hardly any: 0.52 of 69.30 is
    # less than 39.85.
    assert plan.grow_to == 0
    (caution,) = plan.remarks
    assert caution.code is ReasonCode.DATA_INCOMPLETE
    assert dict(caution.numbers) == {
        "unread_minutes": 1440.0,
        "units_without_gaps": 2.0,
        "units": 0.0,
    }


def test_minutes_that_were_not_read_are_full_use_to_shrink_on() -> None:
    # Four idle days, but 12:00 to 13:00 of yesterday was never read, and that is what is trusted.
    demand = build_demand((3 * DAY + 3, 0.0), (60, NAN), (DAY - 63, 0.0))

    plan = make_plan(holding(1), demand, HALF, trusting(this_hour_yesterday=1.0))

    # What was read says nothing of a unit; full use makes it worth all of its 69.30, and a second
    # one too.
    assert plan is not None
    assert plan.worth[0] == 0.0
    assert plan.keep == 2
    assert plan.is_worth_keeping(1, 1)
    (caution,) = plan.remarks
    assert caution.message == (
        "60 of the newest 5,760 minutes were not read and count as full use: keep 1 unit, not 0"
    )


def test_a_gap_that_might_ask_for_more_units_releases_none() -> None:
    # The last hour is trusted for an order and says nothing of a unit, but 40 minutes of it are
    # unknown; for a renewal the idle day is trusted.
    demand = build_demand((2 * DAY, 0.0), (40, NAN), (20, 0.0))
    learned = replace(
        trusting(last_hour=1.0).learned,
        keep_weights=trusting(this_hour_yesterday=1.0).learned.keep_weights,
    )

    plan = make_plan(holding(1), demand, HALF, replace(NO_MEMORY, learned=learned))

    # Full use of 40 minutes is worth 2/3 x 69.30 = 46.20: a second unit would be bought.
    assert plan is not None
    assert (plan.grow_to, plan.keep) == (0, 1)


def test_gaps_count_against_growing_and_against_shrinking_alike() -> None:
    # By the known third of the last hour 2 units are wanted; with the other minutes as no demand
    # 1/3 x 69.30 = 23.10 are left to each, for which none is bought. The unit that is held was idle
    # at this hour of yesterday, and that is trusted for renewals: ten unknown minutes of full use
    # are worth 11.55. But it stays while full use of the last hour would ask for a second one.
    demand = build_demand((DAY + 3, 0.0), (10, NAN), (1367, 0.0), (40, NAN), (20, 2.0))
    learned = replace(
        trusting(last_hour=1.0).learned,
        keep_weights=trusting(this_hour_yesterday=1.0).learned.keep_weights,
    )

    plan = make_plan(holding(1), demand, HALF, replace(EARNED, learned=learned))

    assert plan is not None
    assert plan.keep_worth[0] == pytest.approx(11.55)
    assert (plan.grow_to, plan.keep) == (1, 1)
    assert [dict(reason.numbers)["units"] for reason in plan.remarks] == [1.0]


def test_a_history_known_between_its_gaps_alone_is_planned_for_too() -> None:
    # Every fifth minute from the oldest on is a gap, and those are the ones that the history is
    # thinned to: looked at whole it had 5 units once, filled it had none of them.
    load = np.full(2 * DAY, 0.2)
    load[:100] = 5.0
    load[::5] = NAN
    demand = replace(build_demand((2 * DAY, 0.0)), load=load)

    plan = make_plan(holding(1), demand, HALF, trusting(history=1.0))

    assert plan is not None
    assert plan.keep >= 1


def test_gaps_that_change_nothing_are_not_mentioned() -> None:
    demand = build_demand((DAY, 2.0), (1, NAN), (DAY, 2.0))

    assert plan_for(demand, 0).remarks == ()
    assert plan_for(demand, 2).remarks == ()


def test_what_raised_the_margins_goes_into_the_plan() -> None:
    losing = replace(NO_MEMORY, balance=Balance(traffic_usd=0.0, saved_usd=-100.0))

    plan = make_plan(holding(0), build_demand((2 * DAY, 0.6)), HALF, losing)

    # 0.6 x 69.30 = 41.58 would do as a rule: 1.15 x 34.65 = 39.85. With losses it takes 49.81.
    assert plan is not None
    assert plan.grow_to == 0
    assert plan.first_usd == pytest.approx(1.25 * 1.15 * 34.65)
    assert [reason.code for reason in plan.remarks] == [ReasonCode.LOSS_BUDGET_USED]


def test_a_unit_that_pays_is_wished_for() -> None:
    plan = plan_for(build_demand((2 * DAY, 2.0)), 1)

    wish = make_wish(holding(1), plan, STEADY, diagnosis())

    assert (wish.grow_to, wish.keep) == (2, 2)
    assert wish.reasons[0].code is ReasonCode.UNITS_PAY_OFF
    assert wish.reasons[0].message == ("unit 2 avoids at least 69.30 USD per hour and costs 34.65")


def test_a_unit_that_does_not_pay_is_named() -> None:
    plan = plan_for(build_demand((2 * DAY, 0.0)), 2)

    wish = make_wish(holding(2), plan, STEADY, diagnosis())

    assert wish.keep == 0
    assert wish.reasons[0].message == (
        "unit 1 avoids 0.00 USD per hour, costs 34.65 and is kept from 32.92; worth keeping of 2 "
        "units: 0"
    )


def test_the_right_size_is_argued_too() -> None:
    wish = make_wish(holding(2), plan_for(build_demand((2 * DAY, 2.0)), 2), STEADY, diagnosis())

    assert wish.reasons[0].code is ReasonCode.AT_DESIRED_SIZE
    assert wish.reasons[0].message == (
        "2 units held, which is right: a further one avoids 0.00 USD per hour, costs 34.65 and is "
        "bought from 39.85"
    )


def test_a_size_that_only_gaps_keep_is_not_called_right() -> None:
    demand = build_demand((3 * DAY + 3, 0.0), (60, NAN), (DAY - 63, 0.0))
    plan = make_plan(holding(1), demand, HALF, trusting(this_hour_yesterday=1.0))

    wish = make_wish(holding(1), plan, STEADY, diagnosis())

    assert wish.reasons[0].message == (
        "1 unit held, for now: a further one avoids 0.00 USD per hour, costs 34.65 and is bought "
        "from 39.85"
    )


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
    assert Wish(grow_to=3, keep=5, plan=None, reasons=()).units(held) == units


def test_a_wish_without_a_plan_keeps_by_number() -> None:
    wish = Wish(grow_to=2, keep=2, plan=None, reasons=())

    assert wish.keeps(4, 3)
    assert not wish.keeps(4, 2)


def test_a_wish_with_a_plan_keeps_what_is_worth_it_as_a_whole() -> None:
    # 3 of 4 units used: the last 2 together are worth 69.30 of 65.84, the last one nothing.
    plan = plan_for(build_demand((2 * DAY, 3.0)), 4)
    wish = make_wish(holding(4), plan, STEADY, diagnosis())

    assert wish.keeps(4, 2)
    assert not wish.keeps(4, 1)


def test_what_may_hold_no_units_keeps_none() -> None:
    thresholds = build_thresholds(sizing={"bursty_may_hold_units": False})
    situation = replace(holding(2), target=half_price_target(thresholds=thresholds))
    plan = plan_for(build_demand((2 * DAY, 2.0)), 2)

    assert not make_wish(situation, plan, BURSTY, diagnosis()).keeps(2, 2)
