"""Dispatcher and workers over one stage."""

from dataclasses import replace
from datetime import datetime

from bedrock_autoscaler.application.deciding import DecidingPorts
from bedrock_autoscaler.application.errors import PlaceUnreachableError
from bedrock_autoscaler.application.fleets.assigning import Assignment
from bedrock_autoscaler.application.fleets.dispatching import DispatchPorts, dispatch
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.fleets.visiting import VisitingPorts, visit
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.application.ticking import Summary
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_option, build_target, build_traffic
from tests.fakes.memory_dispatch import MemoryAgenda, MemoryAssignments, MemoryPolicies
from tests.staging import Script, Stage

BOTH = (Loop.CAPACITY, Loop.ROUTING)


def named(name: str, **overrides: object) -> Target:
    """A target with a `ModelId` of its own."""
    option = build_option(address=f"profile-{name}")
    return build_target(
        name=name,
        model_ids=(option.address,),
        options=(option,),
        **{"provisioned": None} | overrides,
    )


class Fleet:
    """Dispatcher and worker over the stage of one place; `lost` places cannot be reached."""

    def __init__(self, *targets: Target) -> None:
        self.script = Script()
        self.scene = Stage(*targets, core=self.script)
        self.policies = MemoryPolicies()
        self.agenda = MemoryAgenda()
        self.queue = MemoryAssignments()
        self.lost: set[str] = set()
        for target in targets:
            for model_id in target.model_ids:
                self.scene.metrics.put_traffic(model_id, build_traffic(240, end=NOW))

    def dispatch(self) -> Summary:
        """One minute of the dispatcher."""
        return self.dispatch_at(self.scene.now)

    def dispatch_at(self, scheduled_at: datetime) -> Summary:
        """The dispatcher's tick of that time, now."""
        return dispatch(
            scheduled_at,
            DispatchPorts(
                clock=self.scene.clock,
                read_settings=self.scene.settings,
                policies=self.policies,
                agenda=self.agenda,
                assignments=self.queue,
                metrics=self.metrics_of,
                reporter=self.scene.reporter,
                since=NOW,
            ),
        )

    def metrics_of(self, place: Place) -> Metrics:
        """The stage's metrics, unless the place is lost."""
        if place.account in self.lost:
            raise PlaceUnreachableError(f"{place.name} is lost")
        return self.scene.metrics

    def visit(self, *assignments: Assignment) -> Summary:
        """One run of a worker, by default with all that was sent."""
        return visit(
            assignments or self.queue.receive(),
            VisitingPorts(
                clock=self.scene.clock,
                reporter=self.scene.reporter,
                policies=self.policies,
                agenda=self.agenda,
                deciding=self.deciding_at,
            ),
        )

    def deciding_at(self, place: Place) -> DecidingPorts:
        """The stage's ports, blind where the place is lost."""
        deciding = self.scene.application.deciding
        return deciding.blind(f"{place.name} is lost") if place.account in self.lost else deciding

    def minutes(self, count: int) -> list[int]:
        """So many minutes of both; how many targets were visited in each."""
        visited = []
        for _ in range(count):
            self.dispatch()
            visited.append(len(self.visit().outcomes) if self.queue.sent else 0)
            self.scene.publish()
            self.scene.clock.advance(MINUTE)
        return visited


def assignment(name: str, **overrides: object) -> Assignment:
    """Both loops of a target at NOW, under the built settings."""
    known = Assignment(
        target=name,
        settings_version="0123456789abcdef",
        roster="roster",
        loops=BOTH,
        scheduled_at=NOW,
        capacity_at=None,
        silent_together=False,
    )
    return replace(known, **overrides)  # type: ignore[arg-type] # a test names fields
