"""What the actors look at again, whatever was decided: facts, strays, losses."""

from datetime import timedelta

import pytest

from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, build_provisioned, build_target
from tests.intents import ONE_UNIT, build_held
from tests.staging import Script, Stage
from tests.unit.application.scenes import buys, reasons


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        ("quota", "the model-unit quota for"),
        ("no quota", f"the model-unit quota for {PT_MODEL} is 0"),
        ("life cycle", "the life cycle of"),
        ("active", "is not ACTIVE"),
        ("rate", "tokens per minute of one unit"),
    ],
)
def test_nothing_is_bought_without_a_fact_whatever_the_decision_asks_for(
    fact: str, told: str
) -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    rated = build_provisioned(unit_rate=None) if fact == "rate" else build_provisioned()
    scene = Stage(build_target(provisioned=rated), core=script)
    if fact == "quota":
        scene.capacity.quota.clear()
    elif fact == "no quota":
        scene.capacity.quota[PT_MODEL] = 0
    elif fact == "life cycle":
        scene.capacity.unknown_status.add(PT_MODEL)
    elif fact == "active":
        scene.capacity.inactive.add(PT_MODEL)
    scene.decide()

    scene.purchase()

    assert (buys(scene), scene.fleets.purchases("chat")) == (0, ())
    assert told in reasons(scene, "purchase_held")[0]


def test_while_one_failed_nothing_more_is_bought_whatever_the_decision_asks_for() -> None:
    """The failed one is given up at the end of its paid hour; bought anew is not at once."""
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(1)
    scene.capacity.fail_creation(scene.only_arn())

    scene.run(20)

    assert buys(scene) == 1
    assert "failed to come into service" in reasons(scene, "purchase_held")[0]


def test_a_restored_ledger_is_noticed_and_nothing_is_bought_again() -> None:
    script = Script()
    script.actions[NOW] = script.actions[NOW + 30 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(20)
    arn = scene.only_arn()
    yesterday = Stage(core=script)
    yesterday.capacity, yesterday.clock, yesterday.metrics = (
        scene.capacity,
        scene.clock,
        scene.metrics,
    )
    yesterday.wire()

    yesterday.run(30)

    assert buys(yesterday) == 1
    assert ("ledger_incomplete", "chat") in yesterday.reporter.alarm_names
    situation = script.capacity_situations()[-1]
    assert situation.fleet.strays == (arn,)
    assert situation.fleet.held_units == 1
    assert f"{arn} carry our tag" in reasons(yesterday, "purchase_held")[0]


def test_a_late_pt_of_an_abandoned_purchase_is_no_stray() -> None:
    scene = Stage(core=Script())
    abandoned = build_held(state=PurchaseState.ABANDONED, arn=None, ended_at=NOW)
    scene.fleets.put(abandoned)
    scene.capacity.add(
        name=abandoned.name,
        model_id=PT_MODEL,
        deployment="test",
        target="chat",
        decision_id=abandoned.decision_id,
    )

    scene.decide()

    assert isinstance(scene.core, Script)
    assert scene.core.capacity_situations()[-1].fleet.strays == ()


def test_what_others_deleted_is_not_bought_back_within_the_cooldown() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    for quarter in range(2, 9):
        script.actions[NOW + quarter * 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(20)
    scene.capacity.vanish(scene.only_arn())

    scene.run(105)

    lost, *_ = scene.fleets.purchases("chat")
    assert lost.state is PurchaseState.LOST
    assert lost.ended_at is not None
    bought_again = [i.recorded_at for i in scene.fleets.purchases("chat")[1:]]
    assert bought_again[0] - lost.ended_at >= timedelta(minutes=60)
    assert any("was deleted, and not by us" in reason for reason in reasons(scene, "purchase_held"))
