"""A change of the model: bought first, then routed, then the old one leaves."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bedrock_autoscaler.domain.acting.succession import size_to_remember
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Purchase, Release, Restore
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.choice import choose_routes
from bedrock_autoscaler.domain.target import Commitment, Loop
from tests.builders import (
    build_fleet,
    build_guard_rails,
    build_provisioned,
    build_pt,
    build_situation,
    build_thresholds,
    pt_arn,
)
from tests.unit.domain.successions import NEW, codes, new, numbers, old, outcome, situation
from tests.unit.domain.worlds import DAY, HALF, build_demand, half_price_target


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
