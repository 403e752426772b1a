"""The metrics of one tick, for all targets at once."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.known import Known
from bedrock_autoscaler.application.observing.looking import DAY, series_in_use
from bedrock_autoscaler.application.observing.measuring import (
    Measured,
    matching_ids,
)
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.domain.traffic.observation import (
    METRICS,
)


class Readings:
    """The metrics of one tick: one batch for all targets that need the same minutes."""

    def __init__(self, sources: Sources, now: datetime) -> None:
        self._sources = sources
        self._now = now
        self._measured: dict[datetime, Measured] = {}
        self._listed: frozenset[str] | None = None

    def take(self, known: Iterable[Known]) -> None:
        """Read what these targets need."""
        groups: dict[datetime, list[Known]] = {}
        for entry in known:
            groups.setdefault(entry.read_from, []).append(entry)
        self._listed = self._listed_ids() if groups else None
        for start, entries in groups.items():
            end = max(entry.read_to for entry in entries)
            series: dict[str, set[str]] = {}
            for entry in entries:
                for address in entry.addresses:
                    for value in matching_ids(address, self._listed or ()):
                        series.setdefault(value, set()).update(entry.look.series)
            self._measured[start] = self._read(series, start, end)

    def of(self, known: Known) -> Measured:
        """What was read for one of them."""
        return self._measured[known.read_from].until(known.read_to)

    def day(self, known: Known, day: datetime) -> Measured:
        """All series of one of them in the settled minutes of a day of its history."""
        values = {
            value
            for address, _ in known.births
            for value in matching_ids(address, self._listed or ())
        }
        end = min(day + DAY, known.read_to)
        return self._read(dict.fromkeys(values, METRICS), day, end)

    def _listed_ids(self) -> frozenset[str] | None:
        """The values of `ModelId`; None when unknown: then no reading could prove silence."""
        try:
            return self._sources.listing.at(self._now)
        except ObservationError as error:
            self._sources.reporter.alarm("metrics_unread", "", str(error))
            return None

    def _read(
        self, series: Mapping[str, Collection[str]], start: datetime, end: datetime
    ) -> Measured:
        listed = self._listed
        unread = Measured(reading=None, listed=listed or frozenset(), start=start, end=end)
        if listed is None or start >= end:
            return unread
        try:
            reading = self._sources.metrics.read(
                sorted(series),
                start,
                end,
                {value: [n for n in METRICS if n in names] for value, names in series.items()},
            )
        except ObservationError as error:
            self._sources.reporter.alarm("metrics_unread", "", str(error))
            return unread
        for problem in reading.problems:
            self._sources.reporter.happened("metrics_partial", "", problem=problem)
        return Measured(reading=reading, listed=listed, start=start, end=end)


def looked(known: Known, measured: Measured) -> dict[str, Any]:
    """When all series were last asked for, which of them showed anything then, and of whom.

    Addresses count from the tick on that finds them: days that lack them are unread since then.
    """
    before = known.before
    found: dict[str, Any] = {"addresses": known.look.addresses}
    if not known.look.is_whole or measured.reading is None:
        if before is None:
            return found
        return found | {"whole_at": before.whole_at, "in_use": before.in_use}
    parts = (measured.of(address) for address in known.addresses)
    names = {name for part in parts for name in series_in_use(part)}
    return found | {"whole_at": known.read_to, "in_use": tuple(sorted(names))}
