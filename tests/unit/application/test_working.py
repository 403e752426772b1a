"""Dispatcher and worker put together for one account and Region."""

from bedrock_autoscaler.application.assigning import Place
from bedrock_autoscaler.application.working import FleetApplication
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT, REGION
from tests.fakes.memory_dispatch import MemoryAgenda, MemoryAssignments, MemoryPolicies
from tests.staging import Script, Stage
from tests.unit.application.test_visiting import named


class Shared:
    """What all targets share, in memory."""

    def __init__(self) -> None:
        self.policies = MemoryPolicies()
        self.agenda = MemoryAgenda()
        self.assignments = MemoryAssignments()


def test_a_tick_hands_out_what_a_worker_decides() -> None:
    scene, shared = Stage(named("a"), core=Script()), Shared()
    place = Place(account=ACCOUNT, region=REGION)
    fleet = FleetApplication(scene.application, scene, shared, place)

    sent = fleet.dispatch(scene.now)
    visited = fleet.visit(shared.assignments.receive())

    assert sent.outcomes == (("assignments", "1"),)
    assert visited.outcomes == (("a", "hold"),)
    assert {decision.loop for decision in scene.reporter.decisions} == set(Loop)
    assert scene.events[-1:] != [("tick_late", "")]


def test_a_target_of_another_place_is_none_of_its_business() -> None:
    scene, shared = Stage(named("a", account="000011112222"), core=Script()), Shared()
    home = Place(account=ACCOUNT, region=REGION)
    fleet = FleetApplication(scene.application, scene, shared, home)

    fleet.dispatch(scene.now)
    visited = fleet.visit(shared.assignments.receive())

    assert visited.failed == ("a",)
    assert scene.reporter.decisions == []


def test_settings_are_read_anew_every_five_minutes() -> None:
    scene, shared = Stage(named("a"), core=Script()), Shared()
    place = Place(account=ACCOUNT, region=REGION)
    fleet = FleetApplication(scene.application, scene, shared, place)
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
