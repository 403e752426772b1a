"""From metric readings to what a decision looks at: traffic with its gaps, evidence on each PT."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from bedrock_autoscaler.application.observing.looking import floor_day
from bedrock_autoscaler.application.observing.merging import first_gap, gap
from bedrock_autoscaler.application.ports.cloudwatch import Metrics, MetricsReading
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput, PtTraffic
from bedrock_autoscaler.domain.traffic.joining import combine, span
from bedrock_autoscaler.domain.traffic.observation import (
    Observation,
    Series,
    Traffic,
    known_total,
)
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, whole_minutes

_LISTING_AGE = timedelta(minutes=15)


class Listing:
    """The `ModelId`s that CloudWatch lists, asked for anew every quarter of an hour.

    A new series takes up to 15 minutes to be listed, so asking each minute gains nothing.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._ids: frozenset[str] = frozenset()
        self._asked_at: datetime | None = None

    def at(self, now: datetime) -> frozenset[str]:
        """The values as of at most 15 minutes ago.

        Raises:
            ObservationError: they could not be read.
        """
        if self._asked_at is None or not timedelta(0) <= now - self._asked_at < _LISTING_AGE:
            self._ids = self._metrics.model_ids()
            self._asked_at = now
        return self._ids


def bare_id(address: str) -> str:
    """The id at the end of an ARN, or the address itself."""
    return address.rsplit("/", maxsplit=1)[-1]


def matching_ids(address: str, listed: Collection[str]) -> tuple[str, ...]:
    """The `ModelId` values that carry the traffic of an address, sorted.

    AWS does not say whether it files a profile or PT under its ARN or the id at its end, so both
    match. The address itself is always among them: a new series is listed up to 15 minutes late.
    """
    same = _by_bare_id(frozenset(listed)).get(bare_id(address), ())
    return tuple(sorted({address, *same}))


@lru_cache(maxsize=8)
def _by_bare_id(listed: frozenset[str]) -> Mapping[str, tuple[str, ...]]:
    """The values by the id at their end; one list serves all targets of a place for minutes."""
    found: dict[str, tuple[str, ...]] = {}
    for value in listed:
        found[bare_id(value)] = (*found.get(bare_id(value), ()), value)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The settled minutes [start, end) of one tick, by `ModelId`.

    Attributes:
        reading: None when nothing at all could be read: every minute is a gap then.
        listed: `ModelId` values that CloudWatch lists.
    """

    reading: MetricsReading | None
    listed: frozenset[str]
    start: datetime
    end: datetime
    _combined: dict[str, Traffic] = field(default_factory=dict, init=False, repr=False)

    def of(self, address: str) -> Traffic:
        """The traffic of an address under all its `ModelId` values, put together once."""
        found = self._combined.get(address)
        if found is None:
            ids = matching_ids(address, self.listed)
            found = combine([self._found(model_id) for model_id in ids])
            self._combined[address] = found
        return found

    def unanswered(self, addresses: Iterable[str]) -> tuple[datetime, ...]:
        """The days, newest first, in which a query of these addresses ended without an answer."""
        lost = self.reading.lost if self.reading is not None else {}
        ids = {name for address in addresses for name in matching_ids(address, self.listed)}
        minutes = {at for name in ids & lost.keys() for at in np.flatnonzero(lost[name]).tolist()}
        days = {floor_day(self.start + at * MINUTE) for at in minutes}
        return tuple(sorted(days, reverse=True))

    def until(self, end: datetime) -> "Measured":
        """The same without the minutes from `end` on."""
        return self if end == self.end else replace(self, end=end)

    def evidence(self, pt: ProvisionedThroughput, before: Observation | None) -> PtTraffic:
        """What is known of one PT, carried on from the previous observation."""
        traffic = self.of(pt.arn)
        quiet = quiet_minutes(traffic)
        kept = next((p for p in before.provisioned if p.arn == pt.arn), None) if before else None
        if kept is not None and before is not None and quiet == len(traffic):
            overlap = whole_minutes(before.traffic.end - self.start)
            quiet += max(kept.quiet_minutes - overlap, 0) if overlap >= 0 else 0
        since = floor_minute(pt.in_service_since or pt.created_at)
        others = {*matching_ids(pt.arn, self.listed), *(kept.also_under if kept else ())}
        return PtTraffic(
            arn=pt.arn,
            seen=(kept is not None and kept.seen) or has_calls(traffic.since(since)),
            quiet_minutes=quiet,
            also_under=tuple(sorted(others - {pt.arn, bare_id(pt.arn)})),
        )

    def _found(self, model_id: str) -> Traffic:
        known = self.reading.traffic.get(model_id) if self.reading else None
        return gap(self.start, self.end) if known is None else span(known, self.start, self.end)


def total(parts: Iterable[Traffic], start: datetime, end: datetime) -> Traffic:
    """The sum over [start, end), where a gap of one is a gap; of no parts a gap."""
    cut = [span(part, start, end) for part in parts]
    return combine(cut) if cut else gap(start, end)


def quiet_minutes(traffic: Traffic) -> int:
    """Newest read minutes without any call, in a row; a gap ends the row."""
    loud = np.flatnonzero(_calls(traffic) != 0)
    return len(traffic) - 1 - int(loud[-1]) if loud.size else len(traffic)


def has_calls(traffic: Traffic) -> bool:
    """Whether any call shows in the minutes that were read."""
    return known_total(_calls(traffic)) > 0


def unread_since(before: Traffic | None, start: datetime, end: datetime) -> datetime:
    """From where on [start, end) must be read, given what is known; `end` when all is known."""
    return start if before is None else first_gap(span(before, start, end))


def _calls(traffic: Traffic) -> Series:
    return traffic.invocations + traffic.throttles + traffic.client_errors + traffic.server_errors
