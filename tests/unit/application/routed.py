"""Stages whose decisions name the routes, and the table that is in force on one."""

from dataclasses import replace
from typing import override

from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop, OptionKind, Target
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, PROFILE, PT_MODEL, build_option, build_target, pt_arn
from tests.intents import build_held, reserve
from tests.staging import Script, Stage

ON_DEMAND = Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=1.0)
ACROSS = Route(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE, weight=0.0)
TWO_WAYS = build_target(
    options=(
        build_option(),
        build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE),
    )
)


def paid(number: int, weight: float) -> Route:
    return Route(kind=OptionKind.PROVISIONED, address=pt_arn(number), weight=weight)


class RoutedScript(Script):
    """A script that also says the routes, once `routes` is set."""

    routes: tuple[Route, ...] | None = None

    @override
    def __call__(self, situation: Situation) -> Decision:
        decision = super().__call__(situation)
        return decision if self.routes is None else replace(decision, routes=self.routes)


def staged(*targets: Target) -> tuple[Stage, RoutedScript]:
    """A stage whose first routing decision was recorded at NOW."""
    script = RoutedScript()
    scene = Stage(*targets, core=script)
    scene.decide(Loop.ROUTING)
    return scene, script


def with_pts(count: int) -> tuple[Stage, RoutedScript]:
    """A stage at 12:31 with so many PTs of one unit in service, all routed."""
    script = RoutedScript()
    scene = Stage(core=script)
    for number in range(1, count + 1):
        own(scene, number)
    script.routes = (
        *(paid(number, 1 / count) for number in range(1, count + 1)),
        replace(ON_DEMAND, weight=0.0),
    )
    scene.clock.advance(30 * MINUTE)
    scene.decide(Loop.ROUTING)
    scene.publish()
    scene.clock.advance(MINUTE)
    assert len(table(scene).routes) == count + 1
    return scene, script


def own(scene: Stage, number: int, target: str = "chat") -> None:
    """One more PT that a purchase of the target brought."""
    intent = build_held(number, target=target, decision_id=f"{target}-capacity-{number}")
    arn = scene.capacity.add(
        name=intent.name,
        model_id=PT_MODEL,
        deployment="test",
        target=target,
        decision_id=intent.decision_id,
    )
    reserve(scene.fleets, replace(intent, arn=arn))


def table(scene: Stage) -> RoutingTable:
    found = scene.tables.current("chat")
    assert found is not None
    return found
