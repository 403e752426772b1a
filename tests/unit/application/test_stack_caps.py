"""The caps of the stack: all its targets together, and two stacks in one account."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import StaleDecisionError, UnknownOutcomeError
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import StackRails
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    UNIT_PRICE,
    build_guard_rails,
    build_provisioned,
    build_target,
)
from tests.fakes.memory_capacity import Call
from tests.intents import ONE_UNIT, TWO_UNITS, build_held, build_purchase, reserve
from tests.staging import Script, Stage
from tests.unit.application.scenes import buys, reasons

OTHER = "email"
WIDE = StackRails(
    max_units=100,
    max_usd_per_hour=Decimal(10_000),
    max_usd_per_day=Decimal(100_000),
    max_usd_per_month=Decimal(1_000_000),
)


def two_targets(**rails: Any) -> Stage:
    """Two targets that each ask for a unit at NOW, under caps of the stack."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(build_target(), build_target(name=OTHER, model_ids=("other",)), core=script)
    scene.stack = replace(WIDE, **rails)
    scene.decide()
    return scene


# -- the stack ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rails", "told"),
    [
        ({"max_units": 1}, "2 units, the stack's max_units is 1"),
        ({"max_usd_per_hour": Decimal("120.99")}, "121.000000 USD per hour"),
        ({"max_usd_per_day": Decimal("120.99")}, "60.500000 USD this day"),
        ({"max_usd_per_month": Decimal("120.99")}, "60.500000 USD this month"),
    ],
)
def test_all_targets_together_stay_within_each_cap_of_the_stack(
    rails: dict[str, Any], told: str
) -> None:
    scene = two_targets(**rails)

    scene.purchase()

    assert buys(scene) == 1
    assert len(reasons(scene, "purchase_held")) == 1
    assert told in reasons(scene, "purchase_held")[0]


def test_what_fits_under_the_caps_of_the_stack_is_bought() -> None:
    scene = two_targets(max_units=2, max_usd_per_hour=Decimal(121), max_usd_per_day=Decimal(121))

    scene.purchase()

    assert buys(scene) == 2


def test_what_is_held_counts_against_the_stack_at_its_present_price() -> None:
    """Units without a term have no fixed price; what the ledger reserved is that of then."""
    script = Script()
    email = build_target(name=OTHER, model_ids=("other",))
    scene = Stage(email, core=script)
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(2)
    risen = build_provisioned(price=replace(UNIT_PRICE, usd_per_hour=Decimal(100)))
    scene.targets = (replace(email, provisioned=risen), build_target())
    scene.stack = replace(WIDE, max_usd_per_hour=Decimal(130))
    script.actions = {NOW + 15 * MINUTE: (ONE_UNIT,)}

    scene.run(15)

    assert buys(scene) == 1
    assert any(
        "would cost 160.500000 USD per hour" in reason for reason in reasons(scene, "purchase_held")
    )


def test_without_a_document_the_caps_of_the_targets_add_up() -> None:
    scene = two_targets()
    scene.stack = None

    scene.purchase()

    assert buys(scene) == 2


def test_what_others_hold_anywhere_in_the_account_counts_against_the_stack() -> None:
    scene = two_targets(max_units=3)
    scene.capacity.add(name="by-hand", model_id="amazon.nova-pro-v1:0:24k", model_units=2)

    scene.purchase()

    assert buys(scene) == 1


def test_others_units_of_an_unknown_price_count_as_the_dearest_known() -> None:
    scene = two_targets(max_usd_per_hour=Decimal("181.5"))
    scene.capacity.add(name="by-hand", model_id="amazon.nova-pro-v1:0:24k", model_units=2)

    scene.purchase()

    # 2 x 60.50 USD of others and 60.50 for one purchase are 181.50 USD; a second one is too much.
    assert buys(scene) == 1


def test_a_target_that_is_no_longer_in_force_still_counts_for_the_stack() -> None:
    scene = two_targets(max_units=1)
    scene.purchase()
    scene.targets = scene.targets[1:]
    scene.clock.advance(15 * MINUTE)
    assert isinstance(scene.core, Script)
    scene.core.actions[scene.now] = (ONE_UNIT,)
    scene.decide()

    scene.purchase()

    assert buys(scene) == 1


def test_a_purchase_of_another_target_in_between_ends_the_pass_quietly() -> None:
    scene = two_targets()
    scene.fleets.fail_next(StaleDecisionError("the sums moved"), method="begin_purchase")

    scene.purchase()

    assert buys(scene) == 1
    assert ("superseded", "chat") in scene.events


def test_a_decision_knows_the_caps_of_the_stack() -> None:
    scene = two_targets(max_units=1)
    scene.purchase()
    scene.clock.advance(15 * MINUTE)

    scene.decide()

    assert isinstance(scene.core, Script)
    for situation in scene.core.capacity_situations()[-2:]:
        stack = situation.fleet.stack
        assert stack is not None
        assert (stack.held_units, stack.usd_per_hour) == (1, Decimal("60.5"))
        assert stack.spend.day_usd == Decimal("60.5")
        assert stack.rails.max_units == 1


def test_two_units_are_one_purchase() -> None:
    script = Script()
    script.actions[NOW] = (TWO_UNITS,)
    scene = Stage(core=script)

    scene.run(1)

    assert [type(call) for call in scene.capacity.calls] == [Call]
    assert scene.fleets.account().reserved_units == 2


def test_a_purchase_without_an_answer_counts_once_for_the_stack() -> None:
    """Its throughput is listed already, and its reservation stands in the sums."""
    scene = two_targets(max_units=2)
    scene.capacity.fail_next(UnknownOutcomeError("time-out"), method="buy", after_effect=True)

    scene.purchase()

    assert buys(scene) == 2
    assert scene.fleets.account().reserved_units == 2


def test_what_one_target_lost_and_another_adopted_counts_once_for_the_stack() -> None:
    """The sums hold it under the target that has it now, whoever had it before."""
    scene = Stage(build_target(), build_target(name=OTHER, model_ids=("other",)), core=Script())
    scene.stack = WIDE
    arn = scene.capacity.add(
        name="moved", model_id=PT_MODEL, deployment="test", target=OTHER, decision_id="d"
    )
    had = build_held(1, arn=arn, state=PurchaseState.LOST, ended_at=NOW)
    scene.fleets.put(had)
    held = build_purchase(decision_id="d", target=OTHER, state=PurchaseState.BOUGHT, arn=arn)
    reserve(scene.fleets, held)

    scene.decide()

    assert isinstance(scene.core, Script)
    for situation in scene.core.capacity_situations():
        stack = situation.fleet.stack
        assert stack is not None
        assert (stack.held_units, stack.usd_per_hour) == (1, Decimal("60.5"))


def next_door(*, is_deleted: bool) -> Stage:
    """Two targets of one model that each may hold a unit; the second one's shows without tags."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    rails = build_guard_rails(max_units=1)
    other = build_target(name=OTHER, model_ids=("other",), guard_rails=rails)
    scene = Stage(build_target(guard_rails=rails), other, core=script)
    arn = scene.capacity.add(name="next door", model_id=PT_MODEL)
    held = build_held(target=OTHER, arn=arn)
    reserve(scene.fleets, held)
    if is_deleted:
        gone = replace(held, state=PurchaseState.RELEASED, ended_at=NOW, version=held.version + 1)
        scene.fleets.update_purchase(held, gone)
    scene.decide()
    return scene


@pytest.mark.parametrize("is_deleted", [False, True])
def test_what_a_neighbour_bought_or_deleted_just_now_is_no_strangers(*, is_deleted: bool) -> None:
    scene = next_door(is_deleted=is_deleted)

    assert isinstance(scene.core, Script)
    situation = scene.core.capacity_situations()[0]
    assert (situation.target.name, situation.fleet.throughputs) == ("chat", ())
    assert ("unmanaged_pt", "chat") not in scene.reporter.alarm_names


@pytest.mark.parametrize("is_deleted", [False, True])
def test_what_a_neighbour_bought_or_deleted_just_now_holds_no_purchase(*, is_deleted: bool) -> None:
    scene = next_door(is_deleted=is_deleted)

    assert ("chat", "bought 1") in scene.purchase().outcomes


# -- two stacks in one account -----------------------------------------------------------------


def test_two_stacks_in_one_account_count_each_others_units_and_delete_none() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    mine = Stage(build_target(guard_rails=build_guard_rails(max_units=1)), core=script)
    theirs = Stage(build_target(guard_rails=build_guard_rails(max_units=1)), core=script)
    theirs.capacity = mine.capacity
    theirs.clock = mine.clock
    theirs.wire()
    mine.capacity.deployment = "another-stack"
    theirs.decide()
    theirs.purchase()
    mine.capacity.deployment = "test"
    (arn,) = [pt.arn for pt in mine.capacity.inventory().throughputs] or [""]

    mine.decide()
    mine.purchase()

    assert buys(mine) == buys(theirs) == 1
    assert "max_units is 1" in reasons(mine, "purchase_held")[0]
    assert ("unmanaged_pt", "chat") in mine.reporter.alarm_names
    mine.clock.advance(15 * MINUTE)
    script.actions[mine.now] = (Release(arn=arn, model_units=1),)
    mine.decide()
    mine.release()
    assert mine.fleets.releases("chat") == ()
