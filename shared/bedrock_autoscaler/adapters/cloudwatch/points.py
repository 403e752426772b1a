"""From the points of metric queries to traffic whose gaps stay gaps; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import nan

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE

METRIC_NAMES: Mapping[str, tuple[str, ...]] = {
    "invocations": ("Invocations",),
    "throttles": ("InvocationThrottles",),
    "client_errors": ("InvocationClientErrors",),
    "server_errors": ("InvocationServerErrors",),
    "input_tokens": ("InputTokenCount",),
    "output_tokens": ("OutputTokenCount",),
    # AWS's pages name the cache metrics in two ways; the same tokens under either.
    "cache_read_tokens": ("CacheReadInputTokenCount", "CacheReadInputTokens"),
    "cache_write_tokens": ("CacheWriteInputTokenCount", "CacheWriteInputTokens"),
    "quota_tokens": ("EstimatedTPMQuotaUsage",),
}
"""Names in `AWS/Bedrock` of each series of Traffic."""

_MINUTE_SECONDS = 60.0

type Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """What one query brought, minute by minute; filled by `add` and `finish`.

    Attributes:
        sums: NaN where no point came.
        flawed: a point there was impossible: twice, negative, not finite, or off the minute.
        unfinished: the query ended there as partial, so that no point says nothing.
        failed: the query ended there without an answer.
        alive: the heartbeat shows there, in the same answer.
    """

    start: datetime
    sums: Series
    counts: NDArray[np.int64]
    flawed: Mask
    unfinished: Mask
    failed: Mask
    alive: Mask
    statuses: set[str] = field(default_factory=set)

    @staticmethod
    def over(start: datetime, minutes: int) -> "Points":
        """No points yet; every minute counts as failed until a query that covers it ends."""
        return Points(
            start=start,
            sums=np.full(minutes, nan),
            counts=np.zeros(minutes, dtype=np.int64),
            flawed=np.zeros(minutes, dtype=np.bool_),
            unfinished=np.zeros(minutes, dtype=np.bool_),
            failed=np.ones(minutes, dtype=np.bool_),
            alive=np.zeros(minutes, dtype=np.bool_),
        )

    def add(self, times: Sequence[datetime], values: Sequence[float]) -> None:
        """Take points in any order; those outside the minutes asked for are ignored."""
        if len(times) != len(values):
            self.flawed[:] = True  # which value belongs to which minute cannot be told
            return
        if not times:  # nobody was refused, most of the time
            return
        if times == _grid(self.start, len(self.sums)):
            self._add_all(np.array(values, dtype=np.float64))
            return
        seconds = self._seconds(times)
        minutes = np.floor(seconds / _MINUTE_SECONDS).astype(np.int64)
        inside = (minutes >= 0) & (minutes < len(self.sums))
        at, sums = minutes[inside], np.array(values, dtype=np.float64)[inside]
        impossible = ~np.isfinite(sums) | (sums < 0) | (seconds[inside] % _MINUTE_SECONDS != 0)
        np.add.at(self.counts, at, 1)
        self.sums[at] = sums
        self.flawed[at[impossible]] = True
        self.flawed[self.counts > 1] = True

    def _add_all(self, sums: Series) -> None:
        """Take each minute once, in order, and nothing else, as most answers have it."""
        self.counts[:] += 1
        self.sums[:] = sums
        self.flawed[:] |= ~np.isfinite(sums) | (sums < 0) | (self.counts > 1)

    def _seconds(self, times: Sequence[datetime]) -> Series:
        """Since the start."""
        origin = self.start.timestamp()
        return np.array([time.timestamp() - origin for time in times], dtype=np.float64)

    def finish(self, window: slice, status: str, *, is_alive: Mask) -> None:
        """The query over these minutes has ended with CloudWatch's status code."""
        self.alive[window] = is_alive
        self.failed[window] = status not in {"Complete", "PartialData"}
        self.unfinished[window] = status == "PartialData"
        if status != "Complete":
            self.statuses.add(status)

    @property
    def has_point(self) -> Mask:
        """Where a point came, possible or not."""
        return self.counts > 0


@lru_cache(maxsize=4)
def _grid(start: datetime, minutes: int) -> list[datetime]:
    """These minutes; all queries of a reading ask for the same."""
    return [start + index * MINUTE for index in range(minutes)]


def to_traffic(points: Mapping[str, Points]) -> Traffic:
    """The traffic of one `ModelId` from its points by metric name.

    A minute is known where every answer shows the heartbeat, or any metric has a point; what has
    no point in a known minute is 0. It is a gap, in all series alike, where a query failed, where
    a point was impossible, and where a partial query has no point. A series of which no metric
    was asked for is 0 wherever the others are known.
    """
    metrics = tuple(points.values())
    known = np.logical_and.reduce([metric.alive for metric in metrics])
    known |= np.logical_or.reduce([metric.has_point for metric in metrics])
    for metric in metrics:
        known &= ~metric.failed & ~metric.flawed
        known &= ~metric.unfinished | metric.has_point
    blank = np.where(known, 0.0, nan)
    series = {}
    for name, synonyms in METRIC_NAMES.items():
        asked = [points[synonym] for synonym in synonyms if synonym in points]
        found = [metric.sums for metric in asked if metric.counts.any()]
        # What has no point anywhere is one series, which is worked out once from here on.
        series[name] = _gapped(found, known) if found else blank
    return Traffic(start=metrics[0].start, **series)


def _gapped(sums: Sequence[Series], known: Mask) -> Series:
    """The larger of the same sum under all its names; 0 without a point, NaN where not known."""
    largest = np.zeros(len(known))
    for each in sums:
        largest = np.fmax(largest, each)
    return np.where(known, largest, nan)
