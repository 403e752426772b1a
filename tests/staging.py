"""A stage for stories in time: all use cases over the fakes, moved on minute by minute."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.bedrock import Purchasing, Releasing
from bedrock_autoscaler.application.ports.settings import Settings, SettingsProblem
from bedrock_autoscaler.application.pricing import PricingPorts
from bedrock_autoscaler.application.ticking import Summary
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Action, Decision, Scaling, Situation
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Loop, OptionKind, StackRails, Target
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    ACCOUNT,
    MODEL,
    NOW,
    PT_MODEL,
    REGION,
    bare_decision,
    build_target,
    build_thresholds,
    build_traffic,
)
from tests.fakes.fake_clock import FakeClock
from tests.fakes.memory_approvals import MemoryApprovals
from tests.fakes.memory_capacity import MemoryCapacity
from tests.fakes.memory_decisions import MemoryDecisions
from tests.fakes.memory_endpoints import MemoryEndpoints
from tests.fakes.memory_history import MemoryHistory
from tests.fakes.memory_ledger import MemoryFleets
from tests.fakes.memory_metrics import MemoryMetrics
from tests.fakes.memory_places import MemoryPlaces
from tests.fakes.memory_prices import MemoryOffers, MemoryPrices
from tests.fakes.memory_routes import MemoryRoutingTables
from tests.fakes.memory_scalings import MemoryScalings
from tests.fakes.memory_settings import MemorySwitch
from tests.fakes.recording_reporter import RecordingReporter

if TYPE_CHECKING:
    from tests.fakes.memory_dispatch import MemoryAgenda

DEPLOYMENT = "test"


QUARTERLY = build_thresholds(sizing={"decision_minutes": 15})
"""A stage decides on capacity each quarter of an hour."""


class FakeDeadline:
    """So much time is always left."""

    def __init__(self, left: timedelta = timedelta(seconds=50)) -> None:
        self.left = left

    def remaining(self) -> timedelta:
        """What was set."""
        return self.left


class Script:
    """A decision core that holds, unless a script names actions or scalings for a scheduled time.

    Routes: what is paid for first, by units, then the options in their order.
    """

    def __init__(self) -> None:
        self.actions: dict[datetime, tuple[Action, ...]] = {}
        self.scalings: dict[datetime, tuple[Scaling, ...]] = {}
        self.situations: list[Situation] = []

    def __call__(self, situation: Situation) -> Decision:
        """The scripted decision."""
        self.situations.append(situation)
        now, is_capacity = situation.scheduled_at, situation.loop is Loop.CAPACITY
        return bare_decision(
            situation,
            actions=self.actions.get(now, ()) if is_capacity else (),
            scalings=self.scalings.get(now, ()) if is_capacity else (),
            routes=_routes(situation),
        )

    def capacity_situations(self) -> list[Situation]:
        """Those of the capacity loop, in order."""
        return [situation for situation in self.situations if situation.loop is Loop.CAPACITY]


def _routes(situation: Situation) -> tuple[Route, ...]:
    paid = [pt for pt in situation.fleet.serving if pt.is_routable]
    units = sum(pt.model_units for pt in paid)
    routes = [
        Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=pt.model_units / units)
        for pt in paid
    ]
    for option in situation.target.options:
        weight = 0.0 if routes else 1.0
        routes.append(Route(kind=option.kind, address=option.address, weight=weight))
    return tuple(routes)


class Stage:
    """The world at NOW: one target in mode `act`, the switch open, some hours of even traffic."""

    def __init__(
        self,
        *targets: Target,
        core: Callable[[Situation], Decision] = decide,
        history_hours: int = 4,
        capacity: type[MemoryCapacity] = MemoryCapacity,
    ) -> None:
        self.targets = targets or (build_target(thresholds=QUARTERLY),)
        self.problems: tuple[SettingsProblem, ...] = ()
        self.stack: StackRails | None = None
        self.settings_error: Exception | None = None
        self.core = core
        self.clock = FakeClock(NOW)
        self.metrics = MemoryMetrics()
        self.capacity = capacity(self.clock, deployment=DEPLOYMENT)
        self.capacity.quota[PT_MODEL] = 10
        self.decisions = MemoryDecisions()
        self.fleets = MemoryFleets()
        self.approvals = MemoryApprovals(self.fleets)
        self.history = MemoryHistory()
        self.tables = MemoryRoutingTables()
        self.switch = MemorySwitch("allow")
        self.reporter = RecordingReporter()
        self.endpoints = MemoryEndpoints(self.clock)
        self.scalings = MemoryScalings()
        self.offers = MemoryOffers()
        self.prices = MemoryPrices()
        self.deadline = FakeDeadline()
        self.agenda: MemoryAgenda | None = None
        self.metrics.beat_through(NOW - history_hours * HOUR, NOW)
        self.metrics.put_traffic(MODEL, build_traffic(history_hours * 60, end=NOW))
        self.places = MemoryPlaces(Place(account=ACCOUNT, region=REGION), self, DEPLOYMENT)
        self.wire()

    def wire(self) -> None:
        """Give the use cases the parts as they are now; call it after replacing one."""
        agenda = self.agenda
        self.application = Application(
            self,
            deployment=DEPLOYMENT,
            code_version="1.2.3",
            decide=self._decide,
            places=self.places,
            agenda=(lambda: agenda) if agenda is not None else None,
        )

    @property
    def purchasing(self) -> Purchasing:
        """Bedrock once more."""
        return self.capacity

    @property
    def releasing(self) -> Releasing:
        """Bedrock once more."""
        return self.capacity

    @property
    def pricing(self) -> PricingPorts:
        """A price list that a test fills."""
        return PricingPorts(
            clock=self.clock,
            offers=self.offers,
            store=self.prices,
            reporter=self.reporter,
            references=(),
            region=REGION,
        )

    @property
    def events(self) -> list[tuple[str, str]]:
        """(event, target) of what was reported, without the line that ends each run."""
        return [event for event in self.reporter.events if event != ("tick", "")]

    @property
    def now(self) -> datetime:
        """The clock's moment."""
        return self.clock.now()

    def settings(self) -> Settings:
        """The targets and problems as they stand."""
        if self.settings_error is not None:
            raise self.settings_error
        return Settings(targets=self.targets, problems=self.problems, stack=self.stack)

    def decide(self, loop: Loop = Loop.CAPACITY, scheduled_at: datetime | None = None) -> Summary:
        """One tick of observe_decide, by default of the present period."""
        return self.application.observe_and_decide(loop, scheduled_at, self.deadline)

    def purchase(self, scheduled_at: datetime | None = None) -> Summary:
        """One tick of the purchase actor."""
        return self.application.purchase(scheduled_at, self.deadline)

    def release(self, scheduled_at: datetime | None = None) -> Summary:
        """One tick of the release actor."""
        return self.application.release(scheduled_at, self.deadline)

    def publish(self, scheduled_at: datetime | None = None) -> Summary:
        """One tick of the publish actor."""
        return self.application.publish(scheduled_at, self.deadline)

    def scale_endpoint(self, scheduled_at: datetime | None = None) -> Summary:
        """One tick of the actor of endpoints."""
        return self.application.scale_endpoint(scheduled_at, self.deadline)

    def run(self, minutes: int, traffic: Traffic | None = None) -> None:
        """So many minutes of all schedules; `traffic` is published beforehand on demand."""
        if traffic is not None:
            self.metrics.put_traffic(MODEL, traffic)
        for _ in range(minutes):
            self.decide(Loop.ROUTING)
            if self.now.minute % 15 == 0:
                self.decide(Loop.CAPACITY)
            self.purchase()
            self.release()
            self.publish()
            self.clock.advance(MINUTE)

    def serve(self, arn: str, minutes: int, throttles: float = 0.0) -> None:
        """Calls to a PT in each of the next `minutes`, and calls that it refuses."""
        for index in range(minutes):
            self.metrics.put(
                arn,
                self.now + index * MINUTE,
                invocations=60.0,
                input_tokens=60_000.0,
                output_tokens=12_000.0,
                throttles=throttles,
            )

    def only_arn(self) -> str:
        """The ARN of the one PT that there is."""
        (pt,) = self.capacity.inventory().throughputs
        return pt.arn

    def _decide(self, situation: Situation) -> Decision:
        return self.core(situation)
