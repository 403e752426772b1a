"""A fast model of the minute history: the newest revision of each hour, as it was observed."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.history import HistoryReference, StoredHistory
from bedrock_autoscaler.domain.traffic.joining import combine, span
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic, each_series
from bedrock_autoscaler.domain.units import HOUR, floor_hour, whole_minutes

type Span = tuple[Mapping[datetime, int], StoredHistory]
"""The newest revisions when it was put together, and what it was."""

type Hour = tuple[bytes, Traffic, int]
"""What it holds, as bytes; its minutes; and how many of them are gaps."""


_NOTHING: Mapping[datetime, int] = {}


class SimulatedHistory:
    """Implements History over the sums of all `ModelId`s of an hour.

    Only those sums reach a decision, so that nothing else is kept. What was put together once is
    handed out again while nothing of it has changed.
    """

    def __init__(self) -> None:
        self._hours: dict[tuple[str, datetime, int], Hour] = {}
        self._newest: dict[str, dict[datetime, int]] = {}
        self._loaded: dict[tuple[str, HistoryReference], StoredHistory] = {}
        self._spans: dict[tuple[str, datetime, datetime], Span] = {}

    def store(self, target: str, traffic: Mapping[str, Traffic]) -> None:
        """Keep each whole hour with something in it, as a new revision where it differs."""
        parts = list(traffic.values())
        start = max(part.start for part in parts)
        first = floor_hour(start - timedelta(microseconds=1)) + HOUR
        end = floor_hour(min(part.end for part in parts))
        if first >= end:
            return
        whole = combine([span(part, first, end) for part in parts])
        gaps = np.isnan(whole.invocations).reshape(-1, 60).sum(axis=1)
        for index, missing in enumerate(gaps.tolist()):
            if missing < 60:
                hour = first + index * HOUR
                self._keep(target, hour, span(whole, hour, hour + HOUR), missing)

    def _keep(self, target: str, hour: datetime, fresh: Traffic, gaps: int) -> None:
        content = fresh.invocations.tobytes() + fresh.throttles.tobytes()
        newest = self._newest.get(target, {})
        revision = newest.get(hour, -1)
        kept = self._hours.get((target, hour, revision))
        if kept is not None and (gaps > kept[2] or content == kept[0]):
            return
        self._hours[target, hour, revision + 1] = (content, fresh, gaps)
        self._newest[target] = newest | {hour: revision + 1}

    def load(
        self, target: str, start: datetime, end: datetime, *, will_grow: bool = False
    ) -> StoredHistory:
        """The newest revisions in [start, end)."""
        newest = self._newest.get(target, _NOTHING)
        known = self._spans.get((target, start, end))
        if known is not None and known[0] is newest:  # each new revision makes a new mapping
            return known[1]
        stored = self._put_together(target, newest, start, end)
        self._spans[target, start, end] = newest, stored
        return stored

    def _put_together(
        self, target: str, newest: Mapping[datetime, int], start: datetime, end: datetime
    ) -> StoredHistory:
        revisions = tuple(
            (hour, revision)
            for hour, revision in sorted(newest.items())
            if floor_hour(start) <= hour < end
        )
        first = max(start, revisions[0][0]) if revisions else start
        last = min(end, revisions[-1][0] + HOUR) if revisions else first
        text = f"{target} {revisions} {first} {last}"
        reference = HistoryReference(
            start=first,
            end=last,
            revisions=revisions,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
        return self.load_exact(target, reference)

    def load_exact(self, target: str, reference: HistoryReference) -> StoredHistory:
        """The revisions of the reference."""
        known = self._loaded.get((target, reference))
        if known is not None:
            return known
        hours = []
        for hour, revision in reference.revisions:
            kept = self._hours.get((target, hour, revision))
            if kept is None:
                raise ObservationError(f"history of {target}: {hour} #{revision} is missing")
            hours.append(kept[1])
        whole = _end_to_end(hours) if hours else Traffic.empty(reference.start)
        total = span(whole, reference.start, reference.end)
        stored = StoredHistory(reference=reference, traffic={}, total=total)
        self._loaded[target, reference] = stored
        return stored


def _end_to_end(hours: Sequence[Traffic]) -> Traffic:
    """Hours in their order, with gaps where one is missing in between."""
    start = hours[0].start
    places = [whole_minutes(hour.start - start) for hour in hours]

    def laid(*each: Series) -> Series:
        minutes = np.full(places[-1] + 60, np.nan)
        for place, series in zip(places, each, strict=True):
            minutes[place : place + 60] = series
        return minutes

    return Traffic(start=start, **each_series(laid, *hours))
