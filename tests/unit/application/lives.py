"""The scripted life of a purchase, minute by minute, and what must hold in each."""

from contextlib import suppress
from typing import TYPE_CHECKING, override

from bedrock_autoscaler.application.errors import TargetsFailedError
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop, Mode, OptionKind
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, build_target
from tests.fakes.memory_routes import MemoryRoutingTables
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage
from tests.unit.application.scenes import ARN, deletes

if TYPE_CHECKING:
    from collections.abc import Callable


class CheckedTables(MemoryRoutingTables):
    """Refuses a table that names a PT which is not InService: callers would fail."""

    scene: Stage

    @override
    def publish(self, table: RoutingTable) -> None:
        usable = {
            pt.arn
            for pt in self.scene.capacity.inventory().throughputs
            if pt.status is Status.IN_SERVICE
        }
        named = {r.address for r in table.routes if r.kind is OptionKind.PROVISIONED}
        assert named <= usable, f"version {table.version} names {named - usable}"
        super().publish(table)


def minute_of_all(scene: Stage, times: int = 1) -> None:
    """One minute of all schedules, each tick `times` times; a failed run stops nothing."""
    runs: list[Callable[[], object]] = [lambda: scene.decide(Loop.ROUTING)]
    if scene.now.minute % 15 == 0:
        runs.append(lambda: scene.decide(Loop.CAPACITY))
    runs += [scene.purchase, scene.release, scene.publish]
    for run in runs:
        for _ in range(times):
            with suppress(TargetsFailedError):
                run()
    scene.clock.advance(MINUTE)


def assert_bounds(scene: Stage) -> None:
    """What must hold after every minute, whatever happened."""
    held = scene.fleets.record_of("chat")
    purchases = scene.fleets.purchases("chat")
    reserved = sum(i.model_units for i in purchases if i.state in HOLDING_STATES)
    assert held.reserved_units == reserved <= build_target().guard_rails.max_units
    names = [pt.name for pt in scene.capacity.inventory().throughputs]
    assert len(names) == len(set(names)), "a decision was bought twice"
    ours = {intent.arn for intent in purchases}
    assert set(deletes(scene)) <= ours


def scripted(*, mode: Mode = Mode.ACT) -> Stage:
    """Bought at 12:00, in service at 12:15, busy until 12:30, released then, deleted at 12:55."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=ARN, model_units=1),)
    scene = Stage(build_target(mode=mode), core=script)
    tables = CheckedTables()
    tables.scene = scene
    scene.tables = tables
    scene.wire()
    for minute in range(15, 30):
        scene.metrics.put(ARN, NOW + minute * MINUTE, invocations=60.0)
    return scene


def assert_ended_well(scene: Stage) -> None:
    (purchase,) = scene.fleets.purchases("chat")
    (release,) = scene.fleets.releases("chat")
    assert (purchase.state, release.state) == (PurchaseState.RELEASED, ReleaseState.DELETED)
    assert scene.capacity.inventory().throughputs == ()
    assert scene.fleets.record_of("chat").reserved_units == 0
    table = scene.tables.current("chat")
    assert table is not None
    assert [route.address for route in table.routes] == [MODEL]
    assert scene.tables.projected["chat"] == table
