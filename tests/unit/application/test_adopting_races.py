"""A throughput that others hold, lost or adopt meanwhile is adopted once at most."""

from dataclasses import replace

import pytest

from bedrock_autoscaler.application.errors import ConfigurationError, StaleDecisionError
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.fleet.lifecycle import stepped
from tests.builders import NOW, build_target, pt_arn
from tests.intents import build_held, build_purchase, reserve
from tests.unit.application.adoptions import adopt, adoption, lost
from tests.unit.application.scenes import interrupt


def test_what_another_target_holds_is_not_adopted() -> None:
    scene = lost()
    adopt(scene)
    scene.capacity.change(pt_arn(1), target="email")
    email = build_target(name="email", model_ids=("other",))

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adoption(scene).plan(pt_arn(1), email, "jane")


def test_what_another_target_took_back_meanwhile_is_not_adopted() -> None:
    """A person may think for minutes over what was planned."""
    scene = lost(target="email", decision_id=None)
    held = build_held(1, decision_id="d", model_units=2, state=PurchaseState.LOST)
    scene.fleets.put(held)
    adopting = adoption(scene)
    email = build_target(name="email", model_ids=("other",))
    planned = adopting.plan(pt_arn(1), email, "jane")
    scene.fleets.update_purchase(held, stepped(held, PurchaseState.BOUGHT, ended_at=None))

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adopting.record(planned)

    assert scene.fleets.purchases("email") == ()


def test_what_an_open_purchase_of_another_target_brought_is_not_adopted() -> None:
    """Its answer was lost: the target that bought it will find it by its decision's tag."""
    scene = lost(target="email")
    bought = build_purchase(decision_id="chat-capacity-20261120T120000Z", model_units=2)
    scene.fleets.put(bought)
    email = build_target(name="email", model_ids=("other",))

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adoption(scene).plan(pt_arn(1), email, "jane")


def test_what_another_person_adopted_under_its_decision_meanwhile_is_not_adopted_again() -> None:
    scene = lost(decision_id=None)
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), scene.targets[0], "jane")
    held = build_held(1, decision_id="d", model_units=2, state=PurchaseState.BOUGHT)
    scene.fleets.put(held)

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adopting.record(planned)

    assert scene.fleets.purchases("chat") == (held,)


def test_of_two_purchases_the_one_that_had_it_is_taken_up_again() -> None:
    """Its decision's tag was taken away once, and it was adopted under an id of its own."""
    scene = lost()
    abandoned, had = (
        build_held(decision_id=name, model_units=2, state=state, arn=arn, ended_at=scene.now)
        for name, state, arn in (
            ("chat-capacity-20261120T120000Z", PurchaseState.ABANDONED, None),
            ("chat-own", PurchaseState.LOST, pt_arn(1)),
        )
    )
    for intent in (abandoned, had):
        scene.fleets.put(intent)

    planned = adopt(scene)

    assert planned.decision_id == "chat-own"
    assert abandoned in scene.fleets.purchases("chat")


def test_of_two_persons_who_adopt_it_for_two_targets_at_once_one_does() -> None:
    """Neither saw the other's purchase when it looked."""
    scene = lost(target="email", decision_id=None)
    adopting = adoption(scene)
    email = build_target(name="email", model_ids=("other",))
    planned = adopting.plan(pt_arn(1), email, "jane")
    held = build_purchase(arn=pt_arn(1), state=PurchaseState.BOUGHT)
    interrupt(scene.fleets, "record_of", lambda: reserve(scene.fleets, held), after=False)

    with pytest.raises(StaleDecisionError):
        adopting.record(planned)

    assert scene.fleets.purchases("email") == ()


def test_of_two_persons_one_does_also_where_its_target_lost_it_once() -> None:
    scene = lost(target="email", decision_id=None)
    had = build_held(
        1, target="email", decision_id="d", model_units=2, state=PurchaseState.LOST, ended_at=NOW
    )
    scene.fleets.put(had)
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), build_target(name="email", model_ids=("other",)), "jane")
    held = build_purchase(arn=pt_arn(1), state=PurchaseState.BOUGHT)
    interrupt(scene.fleets, "update_purchase", lambda: reserve(scene.fleets, held), after=False)

    with pytest.raises(StaleDecisionError, match="sums over all targets"):
        adopting.record(planned)

    assert scene.fleets.purchases("email") == (had,)


def test_two_that_were_made_in_one_second_are_both_adopted() -> None:
    scene = lost(decision_id=None)
    known = scene.capacity.throughputs[pt_arn(1)]
    scene.capacity.throughputs[pt_arn(2)] = replace(known, arn=pt_arn(2), name="second")
    adopt(scene)
    adopting = adoption(scene)

    adopting.record(adopting.plan(pt_arn(2), scene.targets[0], "jane"))

    assert {intent.arn for intent in scene.fleets.purchases("chat")} == {pt_arn(1), pt_arn(2)}
    assert scene.fleets.record_of("chat").reserved_units == 4


def test_two_persons_at_once_adopt_once() -> None:
    scene = lost()
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), scene.targets[0], "jane")
    adopting.record(planned)

    with pytest.raises(StaleDecisionError, match="plan again"):
        adopting.record(replace(planned, detail="adopted by joe"))

    assert scene.fleets.record_of("chat").reserved_units == 2
