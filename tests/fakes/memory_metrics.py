"""CloudWatch in memory: sums per minute and a heartbeat."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache

import numpy as np

from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import HOUR, MINUTE, floor_hour, floor_minute, whole_minutes
from tests.fakes.failures import Failures


class MemoryMetrics(Failures):
    """Holds the points that were put; a minute without a point has none, as in CloudWatch.

    Attributes:
        failing: `ModelId`s whose queries fail.
        beats: minutes with a heartbeat; `beat_through` fills a range.
        asked: of each read, the series by `ModelId`.
        regions: other source Regions that it reads.
        points: what was put, by `ModelId` and minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failing: set[str] = set()
        self.beats: set[datetime] = set()
        self.asked: list[dict[str, tuple[str, ...]]] = []
        self.regions: frozenset[str] = frozenset()
        self._copies: dict[str, dict[datetime, int]] = defaultdict(dict)
        self.points: dict[str, dict[datetime, dict[str, float]]] = defaultdict(dict)

    def put(self, model_id: str, minute: datetime, **sums: float) -> None:
        """Publish one minute of one `ModelId`: `put(MODEL, NOW, invocations=3)`."""
        unknown = sums.keys() - set(METRICS)
        if unknown:
            raise ValueError(f"{sorted(unknown)} are no series of Traffic")
        self.points[model_id].setdefault(floor_minute(minute), {}).update(sums)

    def put_traffic(self, model_id: str, traffic: Traffic) -> None:
        """Publish every minute of `traffic` that is no gap and not without any traffic."""
        for index in range(len(traffic)):
            sums = {name: float(getattr(traffic, name)[index]) for name in METRICS}
            if any(value > 0 for value in sums.values()):
                self.put(model_id, traffic.start + index * MINUTE, **sums)

    def beat_through(self, start: datetime, end: datetime) -> None:
        """Put a heartbeat into each minute of [start, end)."""
        minutes = whole_minutes(end - start)
        self.beats |= {floor_minute(start) + index * MINUTE for index in range(minutes)}

    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """What was put in [start, end)."""
        self._begin("read")
        self.asked.append({name: tuple((series or {}).get(name, METRICS)) for name in model_ids})
        minutes = _minutes(start, end)
        read = np.array([minute in self.beats for minute in minutes], dtype=np.bool_)
        traffic = {}
        problems, lost = [], {}
        for model_id in dict.fromkeys(model_ids):
            points = self.points.get(model_id, {})
            found = {i: points[minute] for i, minute in enumerate(minutes) if minute in points}
            known = read.copy()
            known[list(found)] = True
            if model_id in self.failing:
                known[:] = False
                problems.append(f"metrics of {model_id}: InternalError")
                lost[model_id] = np.ones_like(read)
            wanted = (series or {}).get(model_id, METRICS)
            traffic[model_id] = _traffic(start, known, found, wanted)
        return MetricsReading(
            start=start, read=read, traffic=traffic, problems=tuple(problems), lost=lost
        )

    def model_ids(self) -> frozenset[str]:
        """Those that ever had a point."""
        self._begin("model_ids")
        return frozenset(self.points)

    def put_copies(self, address: str, minute: datetime, running: int) -> None:
        """Publish how many copies of an imported model ran in a minute."""
        self._copies[address][floor_minute(minute)] = running

    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """The most of each 5 minutes."""
        self._begin("copies")
        known = self._copies[address]
        return tuple(
            max(known.get(start + (window + minute) * MINUTE, 0) for minute in range(5))
            for window in range(0, whole_minutes(end - start), 5)
        )

    def beat(self, at: datetime) -> None:
        """Put one heartbeat."""
        self._begin("beat")
        self.beats.add(floor_minute(at))


def _minutes(start: datetime, end: datetime) -> list[datetime]:
    """The minutes of [start, end); both lie on whole ones."""
    hour = floor_hour(start)
    first = whole_minutes(start - hour)
    found: list[datetime] = []
    while hour < end:
        found += _minutes_of(hour)
        hour += HOUR
    return found[first : first + whole_minutes(end - start)]


@cache
def _minutes_of(hour: datetime) -> tuple[datetime, ...]:
    """Made once, because stories ask for the same ones minute by minute."""
    return tuple(hour + index * MINUTE for index in range(60))


def _traffic(
    start: datetime,
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    found: Mapping[int, Mapping[str, float]],
    wanted: Collection[str],
) -> Traffic:
    """Sums by minute; series without a point share one array, as those of the adapter do."""
    blank = np.where(known, 0.0, np.nan)
    columns = dict.fromkeys(METRICS, blank)
    for name in wanted:
        points = [(minute, sums[name]) for minute, sums in found.items() if name in sums]
        if points:
            column = columns[name] = blank.copy()
            at, values = zip(*points, strict=True)
            column[list(at)] = np.where(known[list(at)], values, np.nan)
    return Traffic(start=start, **columns)
