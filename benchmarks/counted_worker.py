"""One worker of a counted fleet: the real adapters and use case over whatever clients it is given.

It is the same in the process of the fleet and in one of its own (`benchmarks.worker_process`),
where nothing but the worker takes memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import process_time_ns
from typing import Any

from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity
from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.adapters.storage.agenda import DynamoAgenda
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.adapters.storage.packed import PackedHistory
from bedrock_autoscaler.adapters.storage.policies import DynamoPolicies
from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables
from bedrock_autoscaler.adapters.storage.versions import TargetVersions
from bedrock_autoscaler.application.deciding import DecidingPorts
from bedrock_autoscaler.application.fleets.assigning import Assignment
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.fleets.visiting import VisitingPorts, visit
from bedrock_autoscaler.application.observing.keeping import Keepsakes
from bedrock_autoscaler.application.observing.measuring import Listing
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from benchmarks.counted_acting import PREFIX

type Connect = Callable[[str, str], Any]
"""The client of a service in a place; the ledger, the routes and the parameters are at home, ''."""


class Clock:
    """Shows what it was set to."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """That moment."""
        return self.moment


class Silent:
    """Takes the log lines of the real reporter, which are part of the work, and keeps none."""

    def __init__(self) -> None:
        self.characters = 0

    def write(self, text: str) -> int:
        """Count them."""
        self.characters += len(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """What the visits of one batch came to.

    Attributes:
        done: targets that were decided.
        spent_ns: CPU, without that of the clients.
        clients_ns: CPU of the clients in memory, or of asking them.
        core_ns: of `spent_ns`, in the decision core.
    """

    done: int
    spent_ns: int
    clients_ns: int
    core_ns: int


class Worker:
    """Visits what it is given.

    Args:
        connect: to clients; asked once for each.
        clients_ns: CPU that they have taken so far.
        clock: of its visits.
        reporter: hears of decisions.
        remembered_bytes: of history that it keeps at most.
    """

    def __init__(
        self,
        connect: Connect,
        clients_ns: Callable[[], int],
        *,
        clock: Clock,
        reporter: Reporter,
        remembered_bytes: int,
    ) -> None:
        self._connect = connect
        self._clients_ns = clients_ns
        self._clock = clock
        self._reporter = reporter
        self._core_ns = 0
        ledger = connect("ledger", "")
        self._history = PackedHistory(ledger, "ledger", cache_bytes=remembered_bytes)
        versions = TargetVersions(ledger, "ledger")
        self._decisions = DynamoDecisions(ledger, "ledger", versions)
        self._fleets = DynamoFleets(ledger, "ledger", None)
        self._tables = DynamoRoutingTables(
            connect("routes", ""), "routes", connect("parameters", ""), PREFIX
        )
        self._keepsakes = Keepsakes()
        self._places: dict[Place, DecidingPorts] = {}
        self._ports = VisitingPorts(
            clock=clock,
            reporter=reporter,
            policies=DynamoPolicies(ledger, "ledger", versions),
            agenda=DynamoAgenda(ledger, "ledger"),
            deciding=self._at,
        )

    def visit(self, batch: Sequence[Assignment]) -> Visited:
        """One batch, and the time that it took."""
        clients, core, begun = self._clients_ns(), self._core_ns, process_time_ns()
        summary = visit(batch, self._ports)
        spent = process_time_ns() - begun
        clients = self._clients_ns() - clients
        return Visited(
            done=sum(outcome == "hold" for _, outcome in summary.outcomes),
            spent_ns=spent - clients,
            clients_ns=clients,
            core_ns=self._core_ns - core,
        )

    def _at(self, place: Place) -> DecidingPorts:
        if place not in self._places:
            self._places[place] = self._connected(place.name)
        return self._places[place]

    def _connected(self, place: str) -> DecidingPorts:
        metrics = CloudWatchMetrics(self._connect("cloudwatch", place), "scale")
        bedrock, quotas = self._connect("bedrock", place), self._connect("quotas", place)
        sources = Sources(
            metrics=metrics,
            listing=Listing(metrics),
            capacity=BedrockCapacity(bedrock, quotas, load_models().codes_of, self._reporter),
            decisions=self._decisions,
            fleets=self._fleets,
            history=self._history,
            tables=self._tables,
            reporter=self._reporter,
            deployment="scale",
            keepsakes=self._keepsakes.elsewhere(),
        )
        return DecidingPorts(
            clock=self._clock,
            read_settings=lambda: Settings(targets=(), problems=()),
            sources=sources,
            code_version="scale",
            decide=self._decide,
        )

    def _decide(self, situation: Situation) -> Decision:
        """The decision core, and the time that it takes."""
        begun = process_time_ns()
        decision = decide(situation)
        self._core_ns += process_time_ns() - begun
        return decision
