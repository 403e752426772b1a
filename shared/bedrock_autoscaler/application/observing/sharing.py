"""What both loops of a run read, read once: the later one asks only for what is new."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import override

from bedrock_autoscaler.application.ports.cloudwatch import Metrics, MetricsReading
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import METRICS
from bedrock_autoscaler.domain.units import HOUR, MINUTE, whole_minutes

type Wanted = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A reading, and what it was asked for."""

    reading: MetricsReading
    end: datetime
    series: Wanted

    def covers(self, series: Wanted, start: datetime, end: datetime) -> bool:
        """Whether it answers all of another request."""
        if start < self.reading.start or end > self.end:
            return False
        return all(set(names) <= set(self.series.get(name, ())) for name, names in series.items())

    def cut(self, names: Collection[str], start: datetime, end: datetime) -> MetricsReading:
        """The minutes [start, end) of these `ModelId`s; the rest of it is what it was."""
        first = whole_minutes(start - self.reading.start)
        return MetricsReading(
            start=start,
            read=self.reading.read[first : first + whole_minutes(end - start)],
            traffic={name: span(self.reading.traffic[name], start, end) for name in names},
            problems=(),
            lost={
                name: lost[first : first + whole_minutes(end - start)]
                for name, lost in self.reading.lost.items()
                if name in names
            },
        )


class SharedMetrics(Metrics):
    """The metrics of one run; a request that earlier readings answer is not sent again."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._held: list[_Held] = []

    @property
    @override
    def regions(self) -> frozenset[str]:
        """As of the metrics themselves."""
        return self._metrics.regions

    @override
    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Wanted | None = None,
    ) -> MetricsReading:
        """From a reading of this run where one covers it, else anew.

        Raises:
            ObservationError: nothing at all could be read.
        """
        wanted = {name: (series or {}).get(name, METRICS) for name in model_ids}
        for held in self._held:
            if held.covers(wanted, start, end) and held.reading.traffic.keys() >= wanted.keys():
                return held.cut(wanted.keys(), start, end)
        reading = self._metrics.read(model_ids, start, end, wanted)
        reached = start + len(reading.read) * MINUTE
        if all(held.end - reached < HOUR for held in self._held):  # old history is asked for once
            self._held.append(_Held(reading=reading, end=reached, series=wanted))
        return reading

    @override
    def model_ids(self) -> frozenset[str]:
        """As of the metrics themselves."""
        return self._metrics.model_ids()

    @override
    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """As of the metrics themselves."""
        return self._metrics.copies(address, start, end)

    @override
    def beat(self, at: datetime) -> None:
        """As of the metrics themselves."""
        self._metrics.beat(at)


class SharedTables(RoutingTables):
    """The routing tables of one run, each of them read once."""

    def __init__(self, tables: RoutingTables) -> None:
        self._tables = tables
        self._read: dict[str, RoutingTable | None] = {}

    @override
    def current(self, target: str) -> RoutingTable | None:
        """The table as the run found it."""
        if target not in self._read:
            self._read[target] = self._tables.current(target)
        return self._read[target]

    @override
    def publish(self, table: RoutingTable) -> None:
        """As of the tables themselves; it is in force from then on."""
        self._tables.publish(table)
        self._read[table.target] = table

    @override
    def overtake(self, table: RoutingTable) -> RoutingTable:
        """As of the tables themselves; it is in force from then on."""
        overtaken = self._tables.overtake(table)
        self._read[table.target] = overtaken
        return overtaken

    @override
    def is_projected(self, table: RoutingTable) -> bool:
        """As of the tables themselves."""
        return self._tables.is_projected(table)

    @override
    def project(self, table: RoutingTable) -> None:
        """As of the tables themselves."""
        self._tables.project(table)
