"""A fleet over counted clients: dispatcher, queue, one worker and who acts, minute by minute.

The worker runs in this process, or in one of its own, whose memory can then be told.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from bedrock_autoscaler.adapters.queue import SqsAssignments, read_assignment
from bedrock_autoscaler.adapters.storage.agenda import DynamoAgenda
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.history import CACHE_BYTES
from bedrock_autoscaler.adapters.storage.packed import PackedHistory
from bedrock_autoscaler.adapters.storage.policies import DynamoPolicies
from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables
from bedrock_autoscaler.application.fleets.assigning import Assignment
from bedrock_autoscaler.application.fleets.dispatching import DispatchPorts, dispatch
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.history import HistoryReference
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation, decision_id
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from benchmarks.counted_acting import PREFIX, Acted, Acting
from benchmarks.counted_aws import (
    CountedBedrock,
    CountedCloudWatch,
    CountedDynamoDB,
    CountedParameters,
    CountedQueue,
    CountedQuotas,
    Meter,
)
from benchmarks.counted_targets import (
    KINDS,
    NOW,
    REGIONS,
    SERIES_OF,
    START,
    first_situation,
    loaded,
    model_id_of,
    place_and_traffic,
    target_of,
    template,
    traffic_until,
)
from benchmarks.counted_worker import Clock, Silent, Visited, Worker
from benchmarks.worker_process import WorkerProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What one minute of the fleet did.

    Attributes:
        visits_ns: CPU of all visits, without the clients' own.
        capacity_ns: of it, in batches with a capacity decision.
        clients_ns: the clients' own in these batches, which is not in the others.
        core_ns: of `visits_ns`, in the decision core.
    """

    due: int
    done: int
    decided: Counter[Loop]
    visits_ns: int
    capacity_ns: int
    clients_ns: int
    core_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seed:
    """The first decision of a traffic, and what it rests on."""

    target: str
    history: HistoryReference
    situation: Situation
    decision: Decision
    routes: tuple[Route, ...]


class Fleet:
    """So many targets, spread evenly over so many accounts and Regions.

    Args:
        size: how many.
        most_places: accounts and Regions, if there are enough targets.
        kinds: of traffic, which take turns.
        remembered_bytes: of history, by the worker; as deployed by default.
        is_apart: whether the worker has a process of its own.

    Attributes:
        worker_mb: the most memory of the worker's own process so far; 0 without one.
    """

    def __init__(
        self,
        size: int,
        most_places: int,
        kinds: tuple[str, ...] = KINDS,
        *,
        remembered_bytes: int = CACHE_BYTES,
        is_apart: bool = False,
    ) -> None:
        self.meter = Meter()
        self.clock = Clock(NOW)
        self.worker_mb = 0.0
        self.visited = 0
        self._places = min(size, most_places)
        # Every place begins with another kind, so that a fleet of any size has all alike.
        traffics = max(-(-size // self._places), len(kinds))
        self._series = {model_id_of(i): template(kinds[i % len(kinds)], i) for i in range(traffics)}
        self._dynamodb = cast("Any", CountedDynamoDB(self.meter))
        self._routes = cast("Any", CountedDynamoDB(self.meter))
        self._queue = CountedQueue(self.meter)
        self._silent = Silent()
        self._reporter = PowertoolsReporter("scale", "INFO", cast("Any", self._silent))
        self.targets = tuple(
            target_of(i, f"{100_000_000_000 + place % 20}", REGIONS[place // 20])
            for place, i in (place_and_traffic(n, self._places, traffics) for n in range(size))
        )
        self._history = PackedHistory(self._dynamodb, "ledger")
        self._decisions = DynamoDecisions(self._dynamodb, "ledger")
        parameters = CountedParameters(self.meter)
        self._tables = DynamoRoutingTables(self._routes, "routes", cast("Any", parameters), PREFIX)
        self._clients: dict[tuple[str, str], Any] = {
            ("ledger", ""): self._dynamodb,
            ("routes", ""): self._routes,
            ("parameters", ""): parameters,
        }
        settings = Settings(targets=self.targets, problems=())
        self._settings = lambda: settings
        self._acting = Acting(
            self.meter,
            self.clock,
            self._reporter,
            self._settings,
            ledger=self._dynamodb,
            routes=self._routes,
            parameters=parameters,
            cloudwatch=self._client("cloudwatch", ""),
        )
        self._seed()
        self._process: WorkerProcess | None = None
        if is_apart:
            self._process = WorkerProcess(
                self._client,
                moment=NOW,
                remembered_bytes=remembered_bytes,
                places=tuple({Place.of(target): None for target in self.targets}),
            )
            self.worker_mb = self._process.idle_mb
        else:
            self._worker = Worker(
                self._client,
                lambda: self.meter.own_ns,
                clock=self.clock,
                reporter=self._reporter,
                remembered_bytes=remembered_bytes,
            )

    @property
    def acted(self) -> Acted:
        """What the acting functions have done."""
        return self._acting.acted

    def reset(self) -> None:
        """Count from nothing."""
        self.meter.reset()
        self._acting.acted = Acted()

    def minute(self) -> Minute:
        """Dispatch one minute and visit all that is due."""
        logged = self._silent.characters
        with redirect_stdout(cast("Any", self._silent)):
            minute = self._minute(self.clock.moment)
        self.meter.units["bytes logged"] += self._silent.characters - logged
        return minute

    def close(self) -> None:
        """End the worker's process."""
        if self._process is not None:
            self._process.close()

    def _minute(self, at: datetime) -> Minute:
        dispatch(at, self._dispatching)
        due, done = len(self._queue.bodies), 0
        visits_ns, capacity_ns, clients_ns, core_ns = 0, 0, 0, 0
        decided: Counter[Loop] = Counter()
        while self._queue.bodies:
            batch = [read_assignment(body) for body in self._queue.receive()]
            visited = self._visit(batch, at)
            for assignment in batch:
                decided.update(assignment.loops)
            done += visited.done
            visits_ns += visited.spent_ns
            core_ns += visited.core_ns
            if any(Loop.CAPACITY in assignment.loops for assignment in batch):
                capacity_ns += visited.spent_ns
                clients_ns += visited.clients_ns
        self._acting.run(at)
        self.clock.moment = at + MINUTE
        return Minute(
            due=due,
            done=done,
            decided=decided,
            visits_ns=visits_ns,
            capacity_ns=capacity_ns,
            clients_ns=clients_ns,
            core_ns=core_ns,
        )

    def _visit(self, batch: Sequence[Assignment], at: datetime) -> Visited:
        if self._process is None:
            return self._worker.visit(batch)
        report = self._process.visit(batch, at)
        self.worker_mb = report.peak_mb
        self.meter.units["bytes logged"] += report.logged
        return report.visited

    def hour(self, minutes: int = 60) -> None:
        """Some minutes without a report."""
        self.visited = sum(self.minute().done for _ in range(minutes))

    def _points(self, model_id: str, metric: str) -> Series | None:
        name = SERIES_OF.get(metric)
        return None if name is None else self._series[model_id][name]

    @cached_property
    def _dispatching(self) -> DispatchPorts:
        return DispatchPorts(
            clock=self.clock,
            since=self.clock.now(),
            read_settings=self._settings,
            policies=DynamoPolicies(self._dynamodb, "ledger"),
            agenda=DynamoAgenda(self._dynamodb, "ledger"),
            assignments=SqsAssignments(cast("Any", self._queue), "queue"),
            metrics=self._metrics_at,
            reporter=self._reporter,
        )

    def _metrics_at(self, place: Place) -> CloudWatchMetrics:
        return CloudWatchMetrics(self._client("cloudwatch", place.name), "scale")

    def _client(self, service: str, place: str) -> Any:  # noqa: ANN401 - each has its own kind
        """The client in memory of a service in a place; '' where it is at home or anywhere."""
        key = (service, place)
        if key not in self._clients:
            made: dict[str, Callable[[Meter, str], Any]] = {
                "bedrock": CountedBedrock,
                "quotas": CountedQuotas,
                "cloudwatch": self._counted_cloudwatch,
            }
            self._clients[key] = made[service](self.meter, place)
        return self._clients[key]

    def _counted_cloudwatch(self, meter: Meter, place: str) -> CountedCloudWatch:
        return CountedCloudWatch(meter, START, self._points, tuple(self._series), place=place)

    def _seed(self) -> None:
        """A fortnight of history for each target, and a decision of the last period on it.

        Targets of one traffic are alike but for their names, and are decided once.
        """
        at = NOW - 5 * MINUTE
        seeds: dict[str, _Seed] = {}
        for target in self.targets:
            (model_id,) = target.model_ids
            if model_id not in seeds:
                seeds[model_id] = self._sow(target, model_id, at)
            seed = seeds[model_id]
            if seed.target != target.name:
                for kind in ("", "#days"):
                    self._dynamodb.copy(
                        f"HISTORY#{seed.target}{kind}", f"HISTORY#{target.name}{kind}"
                    )
            situation = replace(seed.situation, target=target)
            decision = replace(
                seed.decision,
                id=decision_id(target.name, Loop.CAPACITY, at),
                target=target.name,
                settings_version=target.settings_version,
            )
            table = RoutingTable(
                target=target.name,
                version=1,
                routes=seed.routes,
                refresh_seconds=60,
                no_fallback=False,
                decision_id=decision.id,
                published_at=at,
            )
            self._tables.publish(table)
            self._tables.project(table)
            self._decisions.record(
                RecordedDecision(
                    decision=decision,
                    situation=situation,
                    history=seed.history,
                    code_version="scale",
                )
            )

    def _sow(self, target: Target, model_id: str, at: datetime) -> "_Seed":
        """What the first target of a traffic leaves for the others of it."""
        minutes = int((NOW - HOUR - START) / MINUTE)
        self._history.store(target.name, {model_id: traffic_until(self._series[model_id], minutes)})
        stored = loaded(self._history, target.name)
        situation = first_situation(target, stored.total, at)
        return _Seed(
            target=target.name,
            history=stored.reference,
            situation=situation,
            decision=decide(situation),
            routes=decide(replace(situation, loop=Loop.ROUTING)).routes,
        )
