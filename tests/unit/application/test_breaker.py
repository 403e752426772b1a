"""The breaker outside the decision core: what trips it, what it stops, who resets it."""

from collections.abc import Callable

import pytest

from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.domain.decision import Decision, Release, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_guard_rails, build_target, pt_arn
from tests.intents import ONE_UNIT
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import (
    at_window,
    buys,
    deletes,
    interrupt,
    only_purchase,
    only_release,
    reasons,
    stage,
)


def runaway(situation: Situation) -> Decision:
    """A decision core that asks for one unit on every tick."""
    script = Script()
    script.actions[situation.scheduled_at] = (ONE_UNIT,)
    return script(situation)


def tripped() -> Stage:
    """Two purchases a day are allowed; the third is asked for at 12:30."""
    rails = build_guard_rails(max_purchases_per_day=2)
    scene = Stage(build_target(guard_rails=rails), core=runaway)
    scene.run(31)
    return scene


def test_a_core_that_asks_for_more_than_a_day_allows_trips_the_breaker() -> None:
    scene = tripped()

    assert buys(scene) == 2
    assert scene.fleets.record_of("chat").tripped_at == NOW + 30 * MINUTE
    assert ("breaker_tripped", "chat") in scene.reporter.alarm_names


def test_a_tripped_breaker_stays_so_when_a_day_has_passed() -> None:
    scene = tripped()
    scene.metrics.beat_through(scene.now, NOW + 26 * HOUR)
    scene.clock.set(NOW + 26 * HOUR)

    scene.run(16)

    assert buys(scene) == 2


def test_a_tripped_breaker_releases_nothing_and_keeps_routing() -> None:
    scene = tripped()
    script = Script()
    script.actions[NOW + 45 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene.core = script
    scene.capacity.vanish(pt_arn(2))

    scene.run(16)

    assert scene.fleets.releases("chat") == ()
    table = scene.tables.current("chat")
    assert table is not None
    assert pt_arn(2) not in {route.address for route in table.routes}


def test_a_tripped_breaker_stops_a_drain_before_its_delete() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(pt_arn(1), 14)
    scene.run(24)
    scene.fleets.trip(scene.fleets.record_of("chat"), scene.now, "by hand")

    scene.run(30)

    (release,) = scene.fleets.releases("chat")
    assert release.state is ReleaseState.WITHDRAWN
    assert [call.method for call in scene.capacity.calls] == ["buy"]


def test_a_breaker_that_trips_while_the_delete_is_written_stops_it() -> None:
    scene, _ = at_window()
    interrupt(scene.fleets, "update_release", lambda: trip_by_hand(scene), after=True)

    scene.release()

    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.WITHDRAWN
    why = "the breaker tripped (by hand); a person must reset it"
    assert reasons(scene, "release_waits")[-1] == why


def test_after_a_person_reset_it_purchases_go_on() -> None:
    scene = tripped()
    scene.metrics.beat_through(scene.now, NOW + 26 * HOUR)
    scene.clock.set(NOW + 26 * HOUR)
    scene.fleets.reset(scene.fleets.record_of("chat"))

    scene.run(2)  # the first minute settles what was bought before

    assert buys(scene) == 3


def test_a_bound_that_was_lowered_since_the_decision_trips_nothing() -> None:
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(15)
    scene.decide()
    scene.targets = (build_target(guard_rails=build_guard_rails(max_purchases_per_day=1)),)
    scene.purchase()  # settles the first one

    scene.purchase()

    assert buys(scene) == 1
    assert scene.fleets.record_of("chat").tripped_at is None
    assert reasons(scene, "purchase_held") == ["1 purchase in 24 hours, allowed: 1"]


def test_a_clock_that_is_behind_the_decisions_trips_nothing() -> None:
    """By the decision's clock a purchase of yesterday counts no more, by the actor's it does."""
    rails = build_guard_rails(max_purchases_per_day=1)
    scene, script = stage(build_target(guard_rails=rails, thresholds=QUARTERLY))
    tomorrow = NOW + 24 * HOUR
    script.actions[NOW] = script.actions[tomorrow] = (ONE_UNIT,)
    scene.run(17)
    scene.clock.set(tomorrow)
    scene.decide()
    assert script.situations[-1].fleet.purchases_last_day == 0
    scene.clock.set(tomorrow - 2 * MINUTE)

    scene.purchase()

    assert scene.fleets.record_of("chat").tripped_at is None
    assert buys(scene) == 1
    assert reasons(scene, "purchase_held") == ["1 purchase in 24 hours, allowed: 1"]
    scene.clock.set(tomorrow)
    scene.purchase()
    assert buys(scene) == 2


def test_in_mode_advise_nothing_is_written_on_the_breaker() -> None:
    rails = build_guard_rails(max_purchases_per_day=0)
    scene = Stage(build_target(guard_rails=rails, mode=Mode.ADVISE), core=runaway)

    scene.run(1)

    assert scene.fleets.record_of("chat").tripped_at is None
    assert ("breaker_tripped", "chat") not in scene.reporter.alarm_names


def test_a_breaker_that_may_have_tripped_holds_the_target_until_it_is_known() -> None:
    rails = build_guard_rails(max_purchases_per_day=0)
    scene = Stage(build_target(guard_rails=rails), core=runaway)
    scene.fleets.fail_next(UnknownOutcomeError("no answer"), method="trip", after_effect=True)

    scene.run(1)

    assert buys(scene) == 0
    assert ("unobserved", "chat") in scene.reporter.alarm_names
    scene.run(1)
    assert buys(scene) == 0


def trip_by_hand(scene: Stage) -> None:
    scene.fleets.trip(scene.fleets.record_of("chat"), NOW, "by hand")


def lose_the_ledger(scene: Stage) -> None:
    scene.fleets.fail_next(ObservationError("throttled"), method="record_of")


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (trip_by_hand, "the breaker tripped (by hand); a person must reset it"),
        (lose_the_ledger, "the breaker could not be read again: throttled"),
    ],
)
def test_a_breaker_that_trips_or_is_lost_once_units_are_reserved_stops_the_call(
    meanwhile: Callable[[Stage], None], why: str
) -> None:
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    interrupt(scene.fleets, "begin_purchase", lambda: meanwhile(scene), after=True)

    scene.run(1)

    intent = only_purchase(scene)
    assert buys(scene) == 0
    assert intent.state is PurchaseState.REFUSED
    assert intent.detail == f"not_sent: {why}"
