"""Minute history in memory, revision by revision."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.history import HistoryReference, StoredHistory
from bedrock_autoscaler.domain.traffic.joining import combine, span
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic, each_series
from bedrock_autoscaler.domain.units import HOUR, floor_hour, whole_minutes
from tests.fakes.failures import Failures

type Hour = Mapping[str, Traffic]


class MemoryHistory(Failures):
    """Keeps each revision of each hour; `lose` drops one, which a real store never does."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[tuple[str, datetime, int], Hour] = {}

    def store(self, target: str, traffic: Mapping[str, Traffic]) -> None:
        """Keep whole hours with something in them, as a new revision where they differ."""
        self._begin("store")
        newest = self._newest(target)
        for hour in _whole_hours(traffic.values()):
            fresh = {name: span(part, hour, hour + HOUR) for name, part in traffic.items()}
            revision = newest.get(hour, -1)
            known = self._items.get((target, hour, revision), {})
            merged = {**known}
            for name, part in fresh.items():
                merged[name] = _patched(known[name], part) if name in known else part
            has_minutes = any(not np.isnan(part.invocations).all() for part in merged.values())
            if has_minutes and _content(merged) != _content(known):
                self._items[target, hour, revision + 1] = merged
        self._end("store")

    def load(
        self, target: str, start: datetime, end: datetime, *, will_grow: bool = False
    ) -> StoredHistory:
        """The newest revision of each hour kept in [start, end)."""
        self._begin("load")
        revisions = tuple(
            (hour, revision)
            for hour, revision in sorted(self._newest(target).items())
            if floor_hour(start) <= hour < end
        )
        if revisions:
            start = max(start, revisions[0][0])
            end = min(end, revisions[-1][0] + HOUR)
        else:
            end = start
        return self._stored(target, revisions, start, end)

    def load_exact(self, target: str, reference: HistoryReference) -> StoredHistory:
        """The revisions of the reference, or an error."""
        self._begin("load_exact")
        for hour, revision in reference.revisions:
            if (target, hour, revision) not in self._items:
                raise ObservationError(f"history of {target}: {hour} #{revision} is missing")
        stored = self._stored(target, reference.revisions, reference.start, reference.end)
        if stored.reference.sha256 != reference.sha256:
            raise ObservationError(f"history of {target} is not what the reference names")
        return stored

    def lose(self, target: str, hour: datetime, revision: int) -> None:
        """Forget one revision."""
        del self._items[target, hour, revision]

    def revisions(self, target: str) -> tuple[tuple[datetime, int], ...]:
        """All (hour, revision) kept, ascending."""
        return tuple(sorted((hour, number) for name, hour, number in self._items if name == target))

    def _newest(self, target: str) -> dict[datetime, int]:
        return dict(self.revisions(target))

    def _stored(
        self,
        target: str,
        revisions: tuple[tuple[datetime, int], ...],
        start: datetime,
        end: datetime,
    ) -> StoredHistory:
        hours = [self._items[target, hour, revision] for hour, revision in revisions]
        digest = hashlib.sha256(b"".join(_content(hour) for hour in hours))
        names = sorted({name for hour in hours for name in hour})
        traffic = {
            name: _series([h[name] for h in hours if name in h], start, end) for name in names
        }
        total = _series([combine(list(hour.values())) for hour in hours], start, end)
        reference = HistoryReference(
            start=start, end=end, revisions=revisions, sha256=digest.hexdigest()
        )
        return StoredHistory(reference=reference, traffic=traffic, total=total)


def _whole_hours(parts: Iterable[Traffic]) -> list[datetime]:
    spans = [(part.start, part.end) for part in parts]
    if not spans:
        return []
    end = min(last for _, last in spans)
    start = max(first for first, _ in spans)
    hour = floor_hour(start) if floor_hour(start) == start else floor_hour(start) + HOUR
    hours = []
    while hour + HOUR <= end:
        hours.append(hour)
        hour += HOUR
    return hours


def _patched(known: Traffic, fresh: Traffic) -> Traffic:
    """`fresh`, with the minutes that were known before where it has gaps."""
    gaps = np.isnan(fresh.invocations)
    return Traffic(
        start=fresh.start,
        **{name: np.where(gaps, getattr(known, name), getattr(fresh, name)) for name in METRICS},
    )


def _content(hour: Hour) -> bytes:
    return b"".join(
        name.encode() + b"".join(getattr(hour[name], metric).tobytes() for metric in METRICS)
        for name in sorted(hour)
    )


def _series(hours: list[Traffic], start: datetime, end: datetime) -> Traffic:
    """These hours end to end, cut or filled with gaps to [start, end)."""
    minutes = whole_minutes(end - start)

    def laid(*parts: Series) -> Series:
        whole = np.full(minutes, np.nan)
        for hour, part in zip(hours, parts, strict=True):
            offset = whole_minutes(hour.start - start)
            first, last = max(offset, 0), min(offset + len(part), minutes)
            whole[first:last] = part[first - offset : last - offset]
        return whole

    if not hours:
        return span(Traffic.empty(start), start, end)
    return Traffic(start=start, **each_series(laid, *hours))
