"""Stories in time: the whole life of a purchase, undisturbed and with a fault at every step."""

from dataclasses import dataclass
from typing import override

import pytest

from bedrock_autoscaler.application.reviewing.replaying import replay
from bedrock_autoscaler.domain.decision import Purchase, Release
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Loop, Mode, OptionKind
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW, build_target, build_thresholds, build_traffic
from tests.staging import Stage
from tests.unit.application.lives import (
    assert_bounds,
    assert_ended_well,
    minute_of_all,
    scripted,
)
from tests.unit.application.scenes import ARN

THREE_UNITS = {"invocations": 180.0, "input_tokens": 3_000_000.0, "output_tokens": 900_000.0}


# -- the real rules ----------------------------------------------------------------------------


def with_real_rules() -> Stage:
    """Three units' worth of traffic for two days and two more hours, then none at all.

    At these prices a full unit is worth 1.145 times its price, so little must do to buy it.
    """
    scene = Stage(
        build_target(
            thresholds=build_thresholds(sizing={"grow_margin": 1.05, "decision_minutes": 15})
        ),
        history_hours=0,
    )
    end = NOW + 2 * HOUR
    scene.metrics.beat_through(NOW - 48 * HOUR, NOW)
    scene.metrics.put_traffic(MODEL, build_traffic(50 * 60, end=end, **THREE_UNITS))
    while scene.now < NOW + 5 * HOUR:
        table = scene.tables.current("chat")
        if table and table.routes[0].kind is OptionKind.PROVISIONED and scene.now < end:
            # Callers follow the table.
            scene.metrics.points[MODEL].pop(scene.now)
            for route in table.routes:
                sums = {name: value * route.weight for name, value in THREE_UNITS.items()}
                if route.weight:
                    scene.metrics.put(route.address, scene.now, **sums)
        scene.run(1)
        assert_bounds(scene)
    return scene


def test_steady_demand_is_bought_routed_and_given_back_when_it_ends() -> None:
    scene = with_real_rules()

    states = {intent.state for intent in scene.fleets.purchases("chat")}
    assert states == {PurchaseState.RELEASED}
    assert {i.state for i in scene.fleets.releases("chat")} == {ReleaseState.DELETED}
    first, *_, last = scene.tables.published
    assert first.routes == last.routes
    routed = [table for table in scene.tables.published if table.routes[0].address == ARN]
    assert routed
    decisions = scene.reporter.decisions
    assert any(isinstance(a, Purchase) for d in decisions for a in d.actions)
    assert any(isinstance(a, Release) for d in decisions for a in d.actions)
    assert sum(decision.is_hold for decision in decisions) > 300
    assert all(decision.reasons for decision in decisions)
    # They leave at the end of the paid hour in which traffic ended: nothing is left to warn of.
    assert not scene.reporter.alarm_names


def test_every_recorded_decision_replays_without_a_difference() -> None:
    scene = with_real_rules()

    for decision in scene.reporter.decisions:
        recorded = scene.decisions.load(decision.id, scene.history)
        assert recorded is not None
        assert replay(recorded) is None


# -- one purchase, scripted --------------------------------------------------------------------


def test_the_life_of_a_purchase_step_by_step() -> None:
    scene = scripted()
    states = {}

    for minute in range(57):
        minute_of_all(scene)
        (purchase,) = scene.fleets.purchases("chat")
        states[minute] = purchase.state

    # Ordered at 12:00, seen in service and routed at 12:15, deleted in the window from 12:55 on.
    assert (states[0], states[14]) == (PurchaseState.BOUGHT, PurchaseState.BOUGHT)
    assert (states[15], states[54]) == (PurchaseState.IN_SERVICE, PurchaseState.IN_SERVICE)
    assert states[55] is PurchaseState.RELEASED
    assert [table.published_at for table in scene.tables.published] == [
        NOW,
        NOW + 15 * MINUTE,
        NOW + 30 * MINUTE,
    ]
    assert_ended_well(scene)


def test_every_tick_twice_changes_nothing() -> None:
    once, twice = scripted(), scripted()

    for _ in range(70):
        minute_of_all(once)
        minute_of_all(twice, times=2)

    assert twice.capacity.calls == once.capacity.calls
    assert twice.tables.published == once.tables.published
    assert len(twice.reporter.decisions) == len(once.reporter.decisions)
    assert_ended_well(twice)


def test_advise_takes_the_same_path_and_changes_nothing() -> None:
    scene = scripted(mode=Mode.ADVISE)

    for _ in range(70):
        minute_of_all(scene)

    assert scene.capacity.calls == []
    assert scene.fleets.purchases("chat") == ()
    assert scene.fleets.releases("chat") == ()
    assert scene.tables.published == []
    assert ("would_buy", "chat") in scene.events
    assert ("would_publish", "chat") in scene.events


def test_a_pt_deleted_by_hand_leaves_the_table_in_the_same_minute() -> None:
    scene = scripted()
    for _ in range(20):
        minute_of_all(scene)
    scene.capacity.vanish(ARN)

    minute_of_all(scene)

    table = scene.tables.current("chat")
    assert table is not None
    assert table.published_at == NOW + 20 * MINUTE
    assert [route.address for route in table.routes] == [MODEL]
    for _ in range(15):
        minute_of_all(scene)
    assert scene.fleets.purchases("chat")[0].state is PurchaseState.LOST


def test_a_pt_that_failed_is_given_up_at_the_end_of_its_paid_hour() -> None:
    scene = scripted()
    minute_of_all(scene)
    scene.capacity.fail_creation(ARN)

    for _ in range(70):
        minute_of_all(scene)

    assert scene.capacity.inventory().throughputs == ()
    (purchase,) = scene.fleets.purchases("chat")
    assert purchase.state is PurchaseState.RELEASED
    assert purchase.ended_at == NOW + 55 * MINUTE
    assert ("pt_failed", "chat") in scene.reporter.alarm_names
    # The decision of 12:15 was the first to see it; that of 12:30 names it, too late.
    (release,) = scene.fleets.releases("chat")
    assert release.decision_id == "chat-capacity-20261120T121500Z"
    assert all(len(table.routes) == 1 for table in scene.tables.published)


# -- a fault at every step ---------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """The process dies in the first call of a method in a minute, before or after its effect."""

    minute: int
    part: str
    method: str
    after: bool

    @override
    def __str__(self) -> str:
        moment = "after" if self.after else "before"
        return f"12:{self.minute:02d} {moment} {self.part}.{self.method}"


STEPS = [
    (0, "decisions", "record"),
    (0, "fleets", "begin_purchase"),
    (0, "capacity", "buy"),
    (0, "fleets", "update_purchase"),
    (0, "tables", "publish"),
    (0, "tables", "project"),
    (15, "fleets", "update_purchase"),
    (15, "tables", "publish"),
    (15, "tables", "project"),
    (30, "decisions", "record"),
    (30, "fleets", "begin_release"),
    (30, "tables", "publish"),
    (30, "tables", "project"),
    (30, "fleets", "update_release"),
    (55, "fleets", "update_release"),
    (55, "capacity", "delete"),
    (55, "fleets", "update_purchase"),
]


FAULTS = [Fault(*step, after) for step in STEPS for after in (False, True)]
NEVER_SENT = [
    Fault(0, "fleets", "begin_purchase", after=True),
    Fault(0, "capacity", "buy", after=False),
]


def struck_by(fault: Fault) -> Stage:
    """The story to 14:05 with one fault in it."""
    scene = scripted()
    for minute in range(125):
        if minute == fault.minute:
            error = KeyError("the process dies here")
            part = getattr(scene, fault.part)
            part.fail_next(error, method=fault.method, after_effect=fault.after)
        minute_of_all(scene)
        assert_bounds(scene)
    struck = [alarm for alarm in scene.reporter.alarms if alarm.alarm == "target_failed"]
    assert len(struck) == 1
    return scene


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in NEVER_SENT], ids=str)
def test_a_death_at_any_step_is_repaired_and_nothing_happens_twice(fault: Fault) -> None:
    scene = struck_by(fault)

    assert_ended_well(scene)
    assert [call.method for call in scene.capacity.calls].count("buy") == 1


@pytest.mark.parametrize("fault", NEVER_SENT, ids=str)
def test_a_purchase_that_may_have_been_sent_is_given_up_and_never_sent_again(fault: Fault) -> None:
    scene = struck_by(fault)

    (purchase,) = scene.fleets.purchases("chat")
    assert purchase.state is PurchaseState.ABANDONED
    assert purchase.ended_at == NOW + 25 * MINUTE
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.capacity.calls == []
    assert ("purchase_abandoned", "chat") in scene.reporter.alarm_names


# -- seldom routing ----------------------------------------------------------------------------


def test_with_a_beat_in_each_minute_seldom_routing_releases_too() -> None:
    """Routing ticks each five minutes; the heartbeat's own schedule proves the minutes between."""
    scene = scripted()

    for minute in range(60):
        if minute % 5 == 0:
            scene.decide(Loop.ROUTING)
        scene.application.beat(scene.now)
        if minute % 15 == 0:
            scene.decide(Loop.CAPACITY)
        scene.purchase()
        scene.release()
        scene.publish()
        scene.clock.advance(MINUTE)

    assert_ended_well(scene)
