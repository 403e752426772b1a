"""Stories of the failure model that need all functions: losses, edits, refusals, silence."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import (
    ObservationError,
    TargetsFailedError,
)
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.decision import Decision, Release, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Loop, OptionKind
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    build_guard_rails,
    build_option,
    build_target,
    build_thresholds,
    build_traffic,
)
from tests.intents import ONE_UNIT, TWO_UNITS, build_purchase, moved, reserve
from tests.staging import Script, Stage
from tests.unit.application.scenes import (
    ARN,
    actions,
    bought,
    calls,
    draining,
    only_purchase,
    only_release,
)

# -- row 20: deleted by hand -------------------------------------------------------------------


def test_a_pt_deleted_by_hand_leaves_the_table_in_the_same_tick_and_is_recorded_as_lost() -> None:
    scene = bought()
    scene.serve(ARN, 5)
    scene.capacity.vanish(ARN)

    scene.run(12)

    table = scene.tables.current("chat")
    assert table is not None
    assert [route.address for route in table.routes] == [MODEL]
    assert table.published_at == NOW + 20 * MINUTE
    (intent,) = scene.fleets.purchases("chat")
    assert intent.state is PurchaseState.LOST
    assert ("pt_lost", "chat") in scene.reporter.alarm_names
    assert scene.fleets.record_of("chat").reserved_units == 0


def test_a_pt_deleted_by_hand_while_it_drains_is_lost_and_not_released_by_us() -> None:
    """Its units are free at the next decision, and not bought back: nobody waits for its hour."""
    scene, script = draining()
    scene.capacity.vanish(ARN)
    again = NOW + 45 * MINUTE
    script.actions[again] = (ONE_UNIT,)

    scene.run(16)

    purchase, release = only_purchase(scene), only_release(scene)
    assert (purchase.state, purchase.ended_at) == (PurchaseState.LOST, again)
    assert (release.state, release.detail) == (ReleaseState.CANCELLED, "lost before its Delete")
    assert scene.reporter.alarm_names.count(("pt_lost", "chat")) == 1
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert calls(scene) == ["buy"]


# -- rows 32 and 33: settings ------------------------------------------------------------------


def test_an_edit_during_a_tick_takes_effect_from_the_next_one() -> None:
    """The settings change while the tick decides; the decision names those that it began with."""
    old, new = build_target(settings_version="old"), build_target(settings_version="new")
    scene = Stage(old)

    def edited(situation: Situation) -> Decision:
        scene.targets = (new,)
        return Script()(situation)

    scene.core = edited
    scene.decide(Loop.ROUTING)
    scene.clock.advance(MINUTE)
    scene.decide(Loop.ROUTING)

    assert [decision.settings_version for decision in scene.reporter.decisions] == ["old", "new"]


def test_each_tick_reads_the_settings_once() -> None:
    scene = Stage(build_target(), build_target(name="email", model_ids=("other",)))
    reads: list[datetime] = []
    read = scene.settings

    def counted() -> Settings:
        reads.append(scene.now)
        return read()

    scene.settings = counted  # type: ignore[method-assign] # counts the reads of this one stage
    scene.wire()

    for run in (scene.decide, scene.purchase, scene.release, scene.publish):
        before = len(reads)
        run()
        assert len(reads) == before + 1


def test_caps_below_what_is_held_stop_purchases_and_delete_nothing() -> None:
    scene = bought()
    scene.targets = (
        build_target(guard_rails=build_guard_rails(max_units=0, max_usd_per_hour=Decimal(1))),
    )
    actions(scene)[NOW + 30 * MINUTE] = (ONE_UNIT,)

    scene.run(100)

    assert calls(scene) == ["buy"]
    assert scene.fleets.releases("chat") == ()
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == ARN


# -- rows 39 and 46: the ledger is out of reach, ticks stop ------------------------------------


def out_of_reach(scene: Stage) -> None:
    """The next read of the ledger fails in every function."""
    error = ObservationError("table ledger could not be read: ResourceNotFoundException")
    for method in ("state_of", "record_of", "purchases", "releases", "account"):
        scene.fleets.fail_next(error, method=method)
    scene.decisions.fail_next(error, method="latest")


def test_without_its_ledger_nothing_is_done_and_it_says_so() -> None:
    scene = bought()
    actions(scene)[NOW + 30 * MINUTE] = (Release(arn=ARN, model_units=1),)
    scene.clock.set(NOW + 30 * MINUTE)
    before = len(scene.tables.published)
    for run in (scene.decide, scene.purchase, scene.release, scene.publish):
        out_of_reach(scene)
        run()

    assert calls(scene) == ["buy"]
    assert len(scene.tables.published) == before
    assert ("release_begun", "chat") not in scene.events
    assert ("unobserved", "chat") in scene.reporter.alarm_names


def test_after_hours_without_ticks_the_next_one_goes_on_by_itself() -> None:
    scene = bought()
    scene.clock.advance(3 * HOUR)
    actions(scene)[scene.now + 10 * MINUTE] = (ONE_UNIT,)

    scene.run(30)

    states = [intent.state for intent in scene.fleets.purchases("chat")]
    assert states == [PurchaseState.IN_SERVICE, PurchaseState.IN_SERVICE]
    assert calls(scene) == ["buy", "buy"]


def test_a_missed_release_window_keeps_the_unit_for_another_hour() -> None:
    scene = bought(16)
    scene.serve(ARN, 14)
    actions(scene)[NOW + 30 * MINUTE] = (Release(arn=ARN, model_units=1),)
    scene.run(36)
    scene.metrics.beat_through(scene.now, NOW + 70 * MINUTE)
    scene.clock.set(NOW + 61 * MINUTE)  # nothing ticked from 12:52 to 13:01

    scene.run(60)

    (release,) = scene.fleets.releases("chat")
    assert release.state is ReleaseState.DELETED
    assert release.ended_at == NOW + 115 * MINUTE


# -- row 53: pressure --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [None, PurchaseState.REFUSED, PurchaseState.RECORDED, PurchaseState.BOUGHT]
)
def test_spillover_is_published_within_two_ticks_of_pressure_whatever_becomes_of_purchases(
    state: PurchaseState | None,
) -> None:
    """None can be made, one was refused, has no answer, or is being created."""
    profile = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
    scene = Stage(build_target(options=(build_option(), profile)), history_hours=30)
    scene.capacity.lead_time = 3 * HOUR
    if state is not None:
        intent = build_purchase()
        reserve(scene.fleets, intent)
        if state is PurchaseState.REFUSED:
            scene.fleets.update_purchase(intent, replace(moved(intent, state), ended_at=NOW))
        elif state is PurchaseState.BOUGHT:
            arn = scene.capacity.buy(intent)
            scene.fleets.update_purchase(intent, replace(moved(intent, state), arn=arn))
    scene.capacity.quota[PT_MODEL] = 0
    scene.run(10)
    table = scene.tables.current("chat")
    assert table is not None
    assert [route.address for route in table.routes] == [MODEL, PROFILE]
    throttled = build_traffic(60, end=scene.now + 60 * MINUTE, throttles=30.0)
    scene.metrics.put_traffic(MODEL, throttled)
    # CloudWatch's newest three minutes are never used; then two ticks.
    seen_from = scene.now + 3 * MINUTE

    scene.run(3 + 2)

    table = scene.tables.current("chat")
    assert table is not None
    assert [route.address for route in table.routes] == [PROFILE, MODEL]
    assert table.published_at <= seen_from + 2 * MINUTE
    assert [each.state for each in scene.fleets.purchases("chat")] == ([state] if state else [])


# -- rows 43 and 54: one target's trouble, one Region's ----------------------------------------


def test_a_target_whose_purchase_breaks_leaves_the_others_their_purchases() -> None:
    script = Script()
    script.actions[NOW] = (TWO_UNITS,)
    scene = Stage(build_target(), build_target(name="email", model_ids=("other",)), core=script)
    scene.decide()
    scene.fleets.fail_next(KeyError("poison"), method="purchases")

    with pytest.raises(TargetsFailedError, match="chat"):
        scene.purchase()

    assert [intent.target for intent in scene.fleets.purchases("email")] == ["email"]


def test_while_bedrock_is_out_of_reach_targets_hold_and_say_so() -> None:
    scene = bought()
    actions(scene)[NOW + 30 * MINUTE] = (ONE_UNIT,)
    scene.clock.set(NOW + 30 * MINUTE)
    for _ in range(4):
        scene.capacity.fail_next(ObservationError("Region out of reach"), method="inventory")
    table = scene.tables.current("chat")

    scene.decide(Loop.ROUTING)
    scene.decide()
    scene.purchase()
    scene.publish()

    assert calls(scene) == ["buy"]
    assert scene.tables.current("chat") == table
    assert ("inventory_unread", "") in scene.reporter.alarm_names


def test_a_quiet_night_of_one_target_is_no_mass_silence() -> None:
    scene = bought(16, thresholds=build_thresholds(classifying={"min_history_hours": 1}))
    scene.serve(ARN, 14)
    scene.run(30)

    assert isinstance(scene.core, Script)
    observation = scene.core.capacity_situations()[-1].observation
    assert not observation.silent_together
    assert replace(observation, silent_together=True) != observation
    assert scene.now - NOW == timedelta(minutes=46)
