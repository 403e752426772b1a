"""Whatever a decision core asks for, caps, breaker and silence bound what is done."""

from decimal import Decimal

from bedrock_autoscaler.domain.decision import Decision, Purchase, Release, Restore, Situation
from tests.builders import PT_MODEL, build_guard_rails, build_target
from tests.staging import Script, Stage
from tests.unit.application.lives import assert_bounds, minute_of_all, scripted
from tests.unit.application.scenes import ARN, deletes


def always_buy(situation: Situation) -> Decision:
    """A decision core that asks for four units on every tick."""
    script = Script()
    four = Purchase(model_id=PT_MODEL, model_units=4, usd_per_hour=Decimal("242.0"))
    script.actions[situation.scheduled_at] = (four,)
    return script(situation)


def always_release(situation: Situation) -> Decision:
    """A decision core that gives up whatever there is on every tick."""
    script = Script()
    script.actions[situation.scheduled_at] = tuple(
        Release(arn=pt.arn, model_units=pt.model_units) for pt in situation.fleet.throughputs
    )
    return script(situation)


def always_restore(situation: Situation) -> Decision:
    """A decision core that takes every release back."""
    script = Script()
    script.actions[situation.scheduled_at] = tuple(
        Restore(arn=pt.arn, model_units=pt.model_units) for pt in situation.fleet.throughputs
    )
    return script(situation)


def test_a_core_that_always_buys_stays_within_the_caps() -> None:
    scene = Stage(core=always_buy)
    scene.capacity.quota[PT_MODEL] = 100

    for _ in range(180):
        minute_of_all(scene)
        assert_bounds(scene)

    # Two purchases of four fit under ten units; a third one does not.
    assert sum(pt.model_units for pt in scene.capacity.inventory().throughputs) == 8


def test_a_core_that_always_buys_is_stopped_by_the_breaker() -> None:
    wide = build_guard_rails(
        max_units=1_000,
        max_usd_per_hour=Decimal(10**6),
        max_usd_per_day=Decimal(10**6),
        max_usd_per_month=Decimal(10**6),
    )
    scene = Stage(build_target(guard_rails=wide), core=always_buy)
    scene.capacity.quota[PT_MODEL] = 1_000

    for _ in range(6 * 60):
        minute_of_all(scene)

    assert len(scene.capacity.calls) == wide.max_purchases_per_day


def test_a_core_that_always_releases_deletes_only_what_is_silent_and_ours() -> None:
    scene = scripted()
    for _ in range(30):
        minute_of_all(scene)
    theirs = scene.capacity.add(name="by-hand", model_id=PT_MODEL)
    scene.serve(ARN, 300)
    scene.core = always_release

    for _ in range(180):
        minute_of_all(scene)
        assert_bounds(scene)

    assert deletes(scene) == []
    assert {pt.arn for pt in scene.capacity.inventory().throughputs} == {ARN, theirs}


def test_a_core_that_always_restores_deletes_nothing() -> None:
    scene = scripted()
    for _ in range(31):
        minute_of_all(scene)
    scene.core = always_restore

    for _ in range(60):
        minute_of_all(scene)

    assert deletes(scene) == []
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == ARN
