"""Dispatcher and worker put together, at home and over several places."""

from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.fleets.working import FleetApplication
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT, REGION
from tests.fakes.memory_dispatch import MemoryAgenda, MemoryAssignments, MemoryPolicies
from tests.staging import Script, Stage
from tests.unit.application.visits import named


class Shared:
    """What all targets share, in memory."""

    def __init__(self) -> None:
        self.policies = MemoryPolicies()
        self.agenda = MemoryAgenda()
        self.assignments = MemoryAssignments()


def test_a_tick_hands_out_what_a_worker_decides() -> None:
    scene, shared = Stage(named("a"), core=Script()), Shared()
    fleet = FleetApplication(scene.application, scene, shared)

    sent = fleet.dispatch(scene.now)
    visited = fleet.visit(shared.assignments.receive())

    assert sent.outcomes == (("assignments", "1"),)
    assert visited.outcomes == (("a", "hold"),)
    assert {decision.loop for decision in scene.reporter.decisions} == set(Loop)
    assert scene.events[-1:] != [("tick_late", "")]
    # What a run has to say goes out at its end, the worker's too.
    assert scene.reporter.flushes == 2


def test_each_target_is_seen_where_it_is() -> None:
    script = Script()
    scene, shared = Stage(named("a"), named("b", account="000011112222"), core=script), Shared()
    there = scene.places.spoke(Place(account="000011112222", region=REGION))
    there.metrics.put("profile-b", scene.now - 5 * MINUTE, invocations=7.0)
    there.metrics.beat(scene.now - 5 * MINUTE)
    fleet = FleetApplication(scene.application, scene, shared)

    fleet.dispatch(scene.now)
    fleet.visit(shared.assignments.receive())

    seen = {
        situation.target.name: situation.observation.traffic.invocations[-2]
        for situation in script.capacity_situations()
    }
    assert seen["b"] == 7.0
    assert seen["a"] != 7.0
    assert there.metrics.beats >= {scene.now}
    assert {record.target for record in scene.reporter.decisions} == {"a", "b"}


def test_a_lost_place_is_read_again_when_it_is_back() -> None:
    script = Script()
    scene, shared = Stage(named("a", account="000011112222"), core=script), Shared()
    away = Place(account="000011112222", region=REGION)
    fleet = FleetApplication(scene.application, scene, shared)
    scene.places.lost = {away}

    for minute in range(6):
        if minute == 1:
            scene.places.lost = set()
        fleet.dispatch(scene.now)
        fleet.visit(shared.assignments.receive())
        scene.clock.advance(MINUTE)

    unreachable = [bool(situation.unreachable) for situation in script.capacity_situations()]
    assert unreachable == [True, False]


def test_settings_are_read_anew_every_five_minutes() -> None:
    scene, shared = Stage(named("a"), core=Script()), Shared()
    fleet = FleetApplication(scene.application, scene, shared)
    fleet.dispatch(scene.now)
    scene.targets = (named("a"), named("b"))

    for _ in range(4):
        scene.clock.advance(MINUTE)
        fleet.dispatch(scene.now)
    early = {each.target for each in shared.assignments.receive()}
    scene.clock.advance(MINUTE)
    fleet.dispatch(scene.now)

    assert early == {"a"}
    assert {each.target for each in shared.assignments.receive()} == {"a", "b"}


def test_home_is_a_place_among_others() -> None:
    scene = Stage()

    home = scene.application.deciding_at(Place(account=ACCOUNT, region=REGION))

    assert home.sources.endpoints is scene.endpoints
    assert home.sources.deployment == scene.application.deciding.sources.deployment


def test_the_stack_beats_at_home_although_no_target_is_there() -> None:
    scene, shared = Stage(named("a", account="000011112222"), core=Script()), Shared()
    home = Place(account=ACCOUNT, region=REGION)
    before = set(scene.metrics.beats)
    scene.clock.advance(MINUTE)

    FleetApplication(scene.application, scene, shared, home).dispatch(scene.now)

    assert set(scene.metrics.beats) - before == {scene.now}


def test_a_dispatcher_without_any_target_says_so() -> None:
    scene, shared = Stage(core=Script()), Shared()
    scene.targets = ()

    FleetApplication(scene.application, scene, shared).dispatch(scene.now)

    assert scene.reporter.alarm_names == [("settings_rejected", "")]
