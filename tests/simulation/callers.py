"""Callers that follow the published tables, some of them with an old one as long as they may."""

from dataclasses import dataclass, field
from datetime import datetime

from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind, Target
from bedrock_autoscaler.domain.units import MINUTE
from tests.simulation.bedrock import SimulatedBedrock
from tests.simulation.metrics import SimulatedMetrics, minute_of


@dataclass(slots=True, kw_only=True)
class Cohort:
    """Callers of one target that keep a table for `cache_minutes`.

    Attributes:
        reads_at: when they read the callers' copy again; None: they have not read it yet.
    """

    target: str
    cache_minutes: int
    table: RoutingTable | None = None
    reads_at: datetime | None = None
    failed: list[str] = field(default_factory=list)


class Callers:
    """All callers of all targets.

    Attributes:
        demand: calls a minute by target.
        cut_off: callers cannot read any table.
        direct: PTs that somebody calls by their ARN, whatever the table says.
        last_call_to: when a call to a PT last began.
    """

    def __init__(
        self,
        bedrock: SimulatedBedrock,
        metrics: SimulatedMetrics,
        projected: dict[str, RoutingTable],
        last_call_to: dict[str, datetime],
    ) -> None:
        self.cohorts: list[Cohort] = []
        self.demand: dict[str, float] = {}
        self.cut_off = False
        self.direct: set[str] = set()
        self._bedrock = bedrock
        self._metrics = metrics
        self._projected = projected
        self._last_call_to = last_call_to

    def add(self, target: Target) -> None:
        """Two cohorts: one that reads each minute, one that reads as seldom as it may."""
        oldest = target.thresholds.draining.client_cache_minutes
        self.cohorts += [
            Cohort(target=target.name, cache_minutes=minutes) for minutes in (1, oldest)
        ]

    def call(self, start: datetime, end: datetime) -> list[str]:
        """The calls of the minutes [start, end); what failed through us."""
        failed: list[str] = []
        moment = start
        while moment < end:
            for cohort in self.cohorts:
                if not self.cut_off and (cohort.reads_at is None or moment >= cohort.reads_at):
                    self._refresh(cohort, moment)
                if cohort.table is not None and self.demand.get(cohort.target):
                    failed += self._send(cohort.table, moment)
            if self.direct:
                self._send_directly(moment)
            moment += MINUTE
        return failed

    def _send_directly(self, now: datetime) -> None:
        """Nobody can know of a call that is to come; those that came are traffic as any other."""
        for arn in self.direct:
            pt = self._bedrock.pts[arn]
            if pt.exists(now) and pt.status(now) is Status.IN_SERVICE:
                self._metrics.put(arn, minute_of(now), 1.0)

    def _refresh(self, cohort: Cohort, now: datetime) -> None:
        found = self._projected.get(cohort.target)
        cohort.reads_at = now + cohort.cache_minutes * MINUTE
        if found is not None and (cohort.table is None or found.version >= cohort.table.version):
            cohort.table = found

    def _send(self, table: RoutingTable, now: datetime) -> list[str]:
        """Offer each route its share; the calls that find a PT gone which we deleted."""
        demand, minute, failed = self.demand.get(table.target, 0.0), minute_of(now), []
        for route in table.routes:
            if route.weight <= 0:
                continue
            if route.kind is not OptionKind.PROVISIONED:
                self._metrics.put(route.address, minute, demand * route.weight)
                continue
            pt = self._bedrock.pts.get(route.address)
            if pt is not None and pt.exists(now):
                self._metrics.put(pt.arn, minute, demand * route.weight)
                self._last_call_to[pt.arn] = now
            elif pt is not None and pt.deleted_by_us and not pt.is_forgotten:
                failed.append(f"{table.target} called {pt.arn}, which we deleted, at {now}")
        return failed
