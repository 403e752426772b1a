"""A new version of a custom model in time: bought, routed, and only then is the old one let go."""

from dataclasses import replace
from typing import override

import pytest

from bedrock_autoscaler.application.reviewing.replaying import replay
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import GuardRails, OptionKind
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    MODEL,
    NOW,
    build_guard_rails,
    build_provisioned,
    build_target,
    build_thresholds,
    build_traffic,
    pt_arn,
)
from tests.fakes.memory_routes import MemoryRoutingTables
from tests.staging import Stage

CUSTOM = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-2-lite-v1:0:256k"
FIRST, SECOND = f"{CUSTOM}/aaaaaaaaaaaa", f"{CUSTOM}/bbbbbbbbbbbb"
CHANGED_AT = NOW + 1 * HOUR
UNIT = {"invocations": 180.0, "input_tokens": 1_000_000.0, "output_tokens": 300_000.0}


class WatchedTables(MemoryRoutingTables):
    """Refuses a table without a throughput once there was one, and one that names a dead one."""

    scene: Stage

    @override
    def publish(self, table: RoutingTable) -> None:
        listed = self.scene.capacity.inventory().throughputs
        usable = {pt.arn for pt in listed if pt.status is Status.IN_SERVICE}
        named = paid_of(table)
        assert named <= usable
        assert named or not (self.published and paid_of(self.published[-1])), "a gap in service"
        super().publish(table)


def paid_of(table: RoutingTable) -> set[str]:
    return {r.address for r in table.routes if r.kind is OptionKind.PROVISIONED}


def stage(rails: GuardRails) -> Stage:
    """Three units' worth of even traffic, whose callers follow the table; sizing wants three."""
    target = build_target(
        provisioned=build_provisioned(model_id=FIRST),
        guard_rails=rails,
        thresholds=build_thresholds(sizing={"grow_margin": 1.05, "decision_minutes": 15}),
    )
    scene = Stage(target, history_hours=0)
    scene.capacity.quota |= {FIRST: 10, SECOND: 10}
    scene.metrics.beat_through(NOW - 48 * HOUR, NOW)
    three = {name: 3 * value for name, value in UNIT.items()}
    scene.metrics.put_traffic(MODEL, build_traffic(48 * 60, end=NOW, **three))
    tables = WatchedTables()
    tables.scene = scene
    scene.tables = tables
    scene.wire()
    return scene


def live(scene: Stage, hours: int) -> None:
    """All schedules for so long; the model changes on the way, and callers follow the table."""
    for _ in range(hours * 60):
        table = scene.tables.current("chat")
        for route in table.routes if table else ():
            if route.weight:
                sums = {name: 3 * value * route.weight for name, value in UNIT.items()}
                scene.metrics.put(route.address, scene.now, **sums)
        if scene.now == CHANGED_AT:
            (target,) = scene.targets
            bought = build_provisioned(model_id=SECOND)
            scene.targets = (replace(target, provisioned=bought, settings_version="f" * 16),)
        scene.run(1)


@pytest.fixture(scope="module")
def changed() -> Stage:
    """Room for both; the first model is held when the second is named."""
    scene = stage(build_guard_rails(max_units=10))
    live(scene, 4)
    return scene


def test_the_new_version_is_bought_routed_and_then_the_old_one_released(changed: Stage) -> None:
    old, new = changed.fleets.purchases("chat")

    assert (old.model_id, old.model_units, old.state) == (FIRST, 3, PurchaseState.RELEASED)
    assert (new.model_id, new.model_units, new.state) == (SECOND, 3, PurchaseState.IN_SERVICE)
    assert new.recorded_at == CHANGED_AT
    (release,) = changed.fleets.releases("chat")
    assert release.arn == old.arn == pt_arn(1)
    assert new.in_service_since is not None
    assert release.recorded_at > new.in_service_since
    # Its paid hours began at 12:00, and it left in the last five minutes of one.
    assert old.ended_at is not None
    assert old.ended_at.minute >= 55


def test_callers_always_had_a_throughput_and_at_last_the_new_one_alone(changed: Stage) -> None:
    ways = [paid_of(table) for table in changed.tables.published]
    seen = [way for index, way in enumerate(ways) if index == 0 or way != ways[index - 1]]

    assert seen == [set(), {pt_arn(1)}, {pt_arn(1), pt_arn(2)}, {pt_arn(2)}]


def test_no_update_was_ever_asked_for_and_nothing_needed_a_person(changed: Stage) -> None:
    assert [call.method for call in changed.capacity.calls] == ["buy", "buy", "delete"]
    assert not changed.reporter.alarm_names


def test_each_decision_of_the_change_replays(changed: Stage) -> None:
    said = [
        decision
        for decision in changed.reporter.decisions
        if any(reason.code is ReasonCode.MODEL_CHANGED for reason in decision.reasons)
    ]

    assert said
    for decision in said:
        recorded = changed.decisions.load(decision.id, changed.history)
        assert recorded is not None
        assert replay(recorded) is None


def test_without_room_for_both_the_old_one_serves_on_and_each_decision_says_so() -> None:
    scene = stage(build_guard_rails(max_units=4))

    live(scene, 2)

    (old,) = scene.fleets.purchases("chat")
    assert (old.model_id, old.state) == (FIRST, PurchaseState.IN_SERVICE)
    assert scene.fleets.releases("chat") == ()
    last = next(d for d in reversed(scene.reporter.decisions) if d.loop.value == "capacity")
    (held,) = (r for r in last.reasons if r.code is ReasonCode.MODEL_CHANGE_HELD)
    assert dict(held.numbers) == {"missing_units": 3.0, "least_units": 3.0, "room_units": 1.0}
    assert scene.now - CHANGED_AT == 60 * MINUTE
