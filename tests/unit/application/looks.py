"""One look of the verifier at a stage, and what it finds there."""

from dataclasses import replace
from typing import Any

from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.reviewing.inspecting import (
    Facts,
    InspectionPorts,
    Spots,
    inspect,
)
from bedrock_autoscaler.application.reviewing.verifying import verify
from bedrock_autoscaler.domain.routing.table import RoutingTable
from tests.fakes.memory_routes import MemoryRoutingTables
from tests.staging import Stage


class Copies:
    """The callers' copies of a stage or of a spoke."""

    def __init__(self, tables: MemoryRoutingTables) -> None:
        self._tables = tables

    def projected(self, target: str) -> RoutingTable | None:
        return self._tables.projected.get(target)


def look(scene: Stage, home: Place | None = None, elsewhere: Spots = lambda _: None) -> Facts:
    ports = InspectionPorts(
        capacity=scene.capacity,
        decisions=scene.decisions,
        endpoints=scene.endpoints,
        fleets=scene.fleets,
        history=scene.history,
        scalings=scene.scalings,
        tables=scene.tables,
        projection=Copies(scene.tables),
        deployment="test",
    )
    return inspect(scene.settings(), scene.now, ports, home=home, elsewhere=elsewhere)


def findings(scene: Stage) -> list[tuple[str, str, str]]:
    """Oracle, severity and message; a scripted core never replays, which is left out."""
    return [
        (found.oracle, found.severity.value, found.message)
        for found in verify(look(scene))
        if found.oracle != "O14"
    ]


def oracles(scene: Stage) -> list[str]:
    return [f"{oracle} {severity}" for oracle, severity, _ in findings(scene)]


def tamper(scene: Stage, **changes: Any) -> None:
    """Change the one purchase behind everybody's back."""
    (intent,) = scene.fleets.purchases("chat")
    scene.fleets.put(replace(intent, **changes))


def retag(scene: Stage, **changes: Any) -> None:
    (arn,) = scene.capacity.throughputs
    scene.capacity.change(arn, **changes)
