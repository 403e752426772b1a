"""A change of the model: bought first, then routed, then the old one leaves."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.steps import act
from bedrock_autoscaler.domain.acting.succession import size_to_remember
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import NO_MEMORY, Purchase, Release, Restore, Situation
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput, Status
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.choice import choose_routes
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.target import Commitment, Loop, OptionKind
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_thresholds,
    pt_arn,
)
from tests.unit.domain.worlds import HALF, build_demand, half_price_target, units_traffic

OLD = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-2-lite-v1:0:256k/aaaa"
NEW = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-2-lite-v1:0:256k/bbbb"
DAY = 1440
FULL = build_demand((2 * DAY, 2.0))
CALM = Diagnosis(
    reason=Reason(code=ReasonCode.NO_PRESSURE, message="calm"),
    allows_growth=True,
    throttled_share=0.0,
    server_error_share=0.0,
)
"""A demand of two units: what is held is in full use."""


def old(number: int, units: int = 1, left: int = 20, **changed: Any) -> ProvisionedThroughput:
    """A throughput of the old model, at the tick that decides whether it leaves."""
    pt = build_pt(number, model_id=OLD, model_units=units, created_at=NOW - (120 - left) * MINUTE)
    return replace(pt, **changed)


def new(number: int, units: int = 1, **changed: Any) -> ProvisionedThroughput:
    """One of the new model, in service for a while."""
    return replace(build_pt(number, model_id=NEW, model_units=units), **changed)


def situation(
    *throughputs: ProvisionedThroughput,
    routed: tuple[int, ...] = (),
    succession: int | None = None,
    fleet: dict[str, Any] | None = None,
    **target: Any,
) -> Situation:
    """A target whose document names NEW, with these throughputs and a table of some of them."""
    aim = half_price_target(**target)
    bought = replace(aim.provisioned or build_provisioned(), model_id=NEW)
    return build_situation(
        target=replace(aim, provisioned=bought),
        fleet=build_fleet(*throughputs, **(fleet or {})),
        observation=build_observation(
            traffic=units_traffic((2 * DAY, 2.0)),
            provisioned=tuple(build_pt_traffic(pt.arn) for pt in throughputs),
        ),
        routes=tuple(
            Route(kind=OptionKind.PROVISIONED, address=pt_arn(number), weight=0.5)
            for number in routed
        ),
        memory=replace(NO_MEMORY, succession=succession),
    )


def outcome(
    given: Situation,
    grow_to: int = 2,
    keep: int = 2,
    demand: Demand = FULL,
    *,
    economics: Economics = HALF,
) -> Outcome:
    grounds = Grounds(
        demand=demand, economics=economics, diagnosis=CALM, blockers=(), blocked_until=None
    )
    return act(given, Wish(grow_to=grow_to, keep=keep, plan=None, reasons=()), grounds)


def numbers(found: Outcome, code: ReasonCode) -> dict[str, float]:
    return dict(next(reason for reason in found.reasons if reason.code is code).numbers)


def codes(found: Outcome) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]


def test_as_many_units_of_the_new_model_are_bought_as_the_old_one_has() -> None:
    found = outcome(situation(old(1, units=2)))

    assert found.action == Purchase(model_id=NEW, model_units=2, usd_per_hour=Decimal("69.3"))
    assert codes(found) == [ReasonCode.MODEL_CHANGED, ReasonCode.PURCHASE]
    assert numbers(found, ReasonCode.MODEL_CHANGED) == {
        "old_units": 2.0,
        "committed_units": 0.0,
        "ready_units": 0.0,
        "size": 2.0,
    }


@pytest.mark.parametrize(("used", "bought"), [(0.5, 1), (1.8, 1), (1.9, 2)])
def test_only_what_is_worth_keeping_or_in_full_use_is_replaced(used: float, bought: int) -> None:
    # Of 1.8 units the second one serves 0.8; from 0.9 on it is in full use.
    demand = build_demand((2 * DAY, used))

    found = outcome(situation(old(1, units=2)), grow_to=2, keep=1, demand=demand)

    assert isinstance(found.action, Purchase)
    assert found.action.model_units == bought


def test_full_use_that_is_not_worth_its_price_is_not_replaced() -> None:
    """A unit costs 140.00 USD an hour, and what it serves costs 69.30 on demand."""
    dear = replace(HALF, unit_usd=140.0)
    given = situation(old(1, units=2, left=50))

    found = outcome(given, grow_to=0, keep=0, economics=dear)

    assert found.action is None
    assert ReasonCode.MODEL_CHANGE_HELD not in codes(found)


def test_the_old_one_stays_while_the_new_one_is_created() -> None:
    creating = new(2, units=2, status=Status.CREATING, in_service_since=None)

    found = outcome(situation(old(1, units=2), creating, routed=(1,), succession=2))

    assert found.action is None
    assert numbers(found, ReasonCode.MODEL_CHANGED)["ready_units"] == 0.0


def test_the_old_one_stays_until_the_table_in_force_names_the_new_one() -> None:
    found = outcome(situation(old(1, units=2), new(2, units=2), routed=(1,), succession=2))

    assert found.action is None


def test_then_it_drains_at_the_end_of_its_paid_period_however_busy() -> None:
    given = situation(old(1, units=2), new(2, units=2), routed=(1, 2), succession=2)

    found = outcome(given)

    assert found.action == Release(arn=pt_arn(1), model_units=2)


def test_a_far_larger_old_one_leaves_first_where_the_hour_has_no_room_for_both() -> None:
    """25 % of 12 units is three: each hour a small one would hold the five units for one more."""
    held = (old(1), old(2, units=5, left=50))

    found = outcome(situation(*held, new(3, units=6), routed=(1, 2, 3), succession=6))

    assert found.action is None
    assert ReasonCode.RELEASES_FOR_LARGER in codes(found)


def test_the_last_release_of_a_day_is_for_the_larger_old_one() -> None:
    held = (old(1), old(2, units=2, left=50))
    given = situation(
        *held,
        new(3, units=3),
        routed=(1, 2, 3),
        succession=3,
        fleet={"releases_last_day": 1},
        guard_rails=build_guard_rails(max_releases_per_day=2),
    )

    found = outcome(given)

    assert found.action is None
    assert ReasonCode.RELEASES_FOR_LARGER in codes(found)


def test_an_old_one_waits_for_no_larger_one_that_callers_still_need() -> None:
    """Six of the new model serve, but no table names them yet: of the six old ones five are."""
    held = (old(1), old(2, units=5, left=50), new(3, units=6))
    given = situation(*held, routed=(1, 2), succession=6)

    found = outcome(given, grow_to=5, keep=5, demand=build_demand((2 * DAY, 0.0)))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_a_replaced_one_waits_for_no_larger_one_that_unseen_traffic_holds() -> None:
    """The larger one is idle as far as is seen, but not replaced: it stays while mantle is used."""
    held = (old(1), old(2, units=5, left=50), new(3, units=3))
    given = situation(*held, routed=(1, 2, 3), succession=6, uses_mantle=True)

    found = outcome(given, grow_to=0, keep=0, demand=build_demand((2 * DAY, 0.0)))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_it_is_not_given_up_in_the_middle_of_its_paid_period() -> None:
    early = old(1, units=2, left=50)

    found = outcome(situation(early, new(2, units=2), routed=(1, 2), succession=2))

    assert found.action is None
    assert ReasonCode.PAID_PERIOD_RUNS in codes(found)


def test_the_new_one_never_leaves_before_the_old_one() -> None:
    due = new(2, units=2, created_at=NOW - 100 * MINUTE)
    early = old(1, units=2, left=50)

    found = outcome(situation(early, due, routed=(1, 2), succession=2), grow_to=0, keep=0)

    assert found.action is None
    assert "leave first" in found.reasons[-1].message


def test_without_room_for_both_the_old_one_goes_on_serving_and_the_number_is_told() -> None:
    given = situation(old(1, units=2), guard_rails=build_guard_rails(max_units=3))

    found = outcome(given)

    # One further unit would be allowed, and would be paid for beside both old ones for ever.
    assert found.action is None
    assert ReasonCode.MAX_UNITS in codes(found)
    assert numbers(found, ReasonCode.MODEL_CHANGE_HELD) == {
        "missing_units": 2.0,
        "least_units": 2.0,
        "room_units": 1.0,
    }


def test_where_a_part_fits_the_old_ones_leave_part_by_part() -> None:
    held = (old(1, units=2), old(2, units=1))
    tight = build_guard_rails(max_units=4)

    first = outcome(situation(*held, guard_rails=tight), grow_to=3, keep=3)
    bought = (*held, new(3, units=1))
    second = outcome(
        situation(*bought, routed=(1, 2, 3), succession=3, guard_rails=tight), grow_to=3, keep=3
    )

    assert isinstance(first.action, Purchase)
    assert first.action.model_units == 1
    # 1 of the new and 2 of the old remain, as many as ever; the larger one cannot leave yet.
    assert second.action == Release(arn=pt_arn(2), model_units=1)


def test_one_purchase_has_a_largest_size_here_too() -> None:
    found = outcome(situation(old(1, units=9)), grow_to=9, keep=9)

    # max_units 10 leaves room for one, and nine are needed for the one old purchase to leave.
    assert found.action is None
    wide = build_guard_rails(max_units=20)
    pieces = build_thresholds(sizing={"max_units_per_purchase": 8})
    one_old = situation(old(1, units=9), guard_rails=wide, thresholds=pieces)
    found = outcome(one_old, grow_to=9, keep=9)
    assert isinstance(found.action, Purchase)
    assert found.action.model_units == 8


@pytest.mark.parametrize("blind", [{"uses_mantle": True}])
def test_traffic_that_is_not_seen_holds_no_replaced_throughput(blind: dict[str, Any]) -> None:
    replaced = situation(old(1, units=2), new(2, units=2), routed=(1, 2), succession=2, **blind)
    plain = situation(new(1, created_at=NOW - 100 * MINUTE), routed=(1,), **blind)

    assert isinstance(outcome(replaced).action, Release)
    assert outcome(plain, grow_to=0, keep=0).action is None


def test_a_term_is_left_to_end_and_its_units_are_not_bought_twice() -> None:
    committed = old(1, units=2, commitment=Commitment.ONE_MONTH)

    found = outcome(situation(committed))

    assert found.action is None
    assert numbers(found, ReasonCode.MODEL_CHANGED)["committed_units"] == 2.0
    assert size_to_remember(situation(committed), 2) is None


def test_growth_in_between_is_of_the_new_model_and_raises_the_size() -> None:
    given = situation(old(1, units=2), succession=2)

    found = outcome(given, grow_to=4, keep=4)

    assert isinstance(found.action, Purchase)
    assert (found.action.model_id, found.action.model_units) == (NEW, 2)
    assert size_to_remember(given, 4) == 4


def test_what_is_held_twice_does_not_raise_the_size() -> None:
    given = situation(old(1, units=2), new(2, units=2), succession=2)

    assert size_to_remember(given, 4) == 2


def test_the_size_is_forgotten_once_nothing_old_stays() -> None:
    leaving = old(1, units=2, draining=True)

    assert size_to_remember(situation(leaving, new(2, units=2), succession=2), 2) is None


def test_a_draining_old_one_comes_back_when_the_new_one_is_lost() -> None:
    found = outcome(situation(old(1, units=2, draining=True)))

    assert found.action == Restore(arn=pt_arn(1), model_units=2)


def test_the_same_model_written_as_an_arn_is_no_new_one() -> None:
    plain = build_pt(1, model_id="amazon.nova-2-lite-v1:0:256k")
    target = half_price_target()
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-lite-v1:0:256k"
    bought = replace(target.provisioned or build_provisioned(), model_id=arn)
    given = build_situation(target=replace(target, provisioned=bought), fleet=build_fleet(plain))

    assert size_to_remember(given, 1) is None


def test_both_stand_in_the_table_with_the_new_one_first() -> None:
    given = situation(old(1, units=2), new(2, units=2))

    routes = choose_routes(replace(given, loop=Loop.ROUTING)).routes

    assert [(route.address, route.weight) for route in routes[:2]] == [
        (pt_arn(2), 0.5),
        (pt_arn(1), 0.5),
    ]


def test_the_whole_decision_keeps_the_size_in_its_memory() -> None:
    decision = decide(situation(old(1, units=2)))

    assert decision.memory.succession == 2
    assert [type(action) for action in decision.actions] == [Purchase]
