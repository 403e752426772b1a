"""Spoke accounts and Regions in memory, beside a home."""

from dataclasses import dataclass
from typing import override

from bedrock_autoscaler.application.assembling import Adapters
from bedrock_autoscaler.application.errors import PlaceUnreachableError
from bedrock_autoscaler.application.fleets.places import Place, PlaceAdapters
from bedrock_autoscaler.application.ports.bedrock import Capacity, Purchasing, Releasing
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.domain.routing.table import RoutingTable
from tests.fakes.memory_capacity import MemoryCapacity
from tests.fakes.memory_metrics import MemoryMetrics
from tests.fakes.memory_routes import MemoryRoutingTables

OWNER = "test@home"
"""Value of the owner tag in every spoke."""


class Copies(MemoryRoutingTables):
    """Callers' copies of one spoke; the tables in force are at home."""

    def __init__(self, home: RoutingTables) -> None:
        super().__init__()
        self._home = home

    @override
    def current(self, target: str) -> RoutingTable | None:
        """As at home."""
        return self._home.current(target)

    @override
    def publish(self, table: RoutingTable) -> None:
        """At home."""
        self._home.publish(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What lies in one place."""

    owner: str
    metrics: Metrics
    capacity: Capacity
    purchasing: Purchasing
    releasing: Releasing
    tables: RoutingTables


class MemorySpoke:
    """Metrics, throughputs and callers' copies of one spoke."""

    def __init__(self, at: Place, home: Adapters) -> None:
        self.metrics = MemoryMetrics()
        self.capacity = MemoryCapacity(home.clock, deployment=OWNER, account=at.account)
        self.copies = Copies(home.tables)


class MemoryPlaces:
    """The way to each place; one that is asked for the first time is empty.

    Attributes:
        lost: places that cannot be reached now.
    """

    def __init__(self, at: Place, home: Adapters, deployment: str) -> None:
        self.lost: set[Place] = set()
        self._at = at
        self._home = home
        self._deployment = deployment
        self._spokes: dict[Place, MemorySpoke] = {}

    def spoke(self, place: Place) -> MemorySpoke:
        """The spoke's own parts, to look at and to fill."""
        return self._spokes.setdefault(place, MemorySpoke(place, self._home))

    def __call__(self, place: Place) -> PlaceAdapters:
        """The adapters of a place.

        Raises:
            PlaceUnreachableError: it is lost.
        """
        if place in self.lost:
            raise PlaceUnreachableError(f"the role in {place.name} is broken")
        if place == self._at:
            home = self._home
            return _Parts(
                owner=self._deployment,
                metrics=home.metrics,
                capacity=home.capacity,
                purchasing=home.purchasing,
                releasing=home.releasing,
                tables=home.tables,
            )
        spoke = self.spoke(place)
        return _Parts(
            owner=OWNER,
            metrics=spoke.metrics,
            capacity=spoke.capacity,
            purchasing=spoke.capacity,
            releasing=spoke.capacity,
            tables=spoke.copies,
        )
