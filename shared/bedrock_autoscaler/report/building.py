"""From a ledger to the parts of a review, at once or again and again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, iso
from bedrock_autoscaler.report.payload import Payload, payload_of
from bedrock_autoscaler.report.realised import realise
from bedrock_autoscaler.report.record import Record, Sources, read_record
from bedrock_autoscaler.report.savings import add_up, outlooks

_AGAIN = 10 * MINUTE
"""Decisions of so long before the newest one are read again: a tick may be recorded late."""


def payload_from(record: Record) -> Payload:
    """Work out and pack one record, without the days before anything is known."""
    record = record.trimmed()
    realised = realise(record)
    judged = outlooks(record, realised)
    return payload_of(record, realised, add_up(record, realised), judged)


def payloads_from(
    sources: Sources,
    names: Sequence[str],
    start: datetime,
    end: datetime,
    *,
    is_open: bool = False,
) -> tuple[Payload, ...]:
    """The targets that have a decision in the span, in the order of their names.

    Args:
        sources: where from.
        names: of the targets.
        start: of the span.
        end: of the minutes that are shown.
        is_open: the span ends now: a decision of this very minute belongs to it.

    Raises:
        ObservationError: the ledger could not be read.
    """
    first, last = floor_minute(start), floor_minute(end) + is_open * MINUTE
    records = [
        read_record(
            sources,
            name,
            start,
            end,
            decisions=sources.decisions.between(name, None, first, last),
        )
        for name in names
    ]
    return tuple(payload_from(record) for record in records if record.decisions)


@dataclass(slots=True, kw_only=True)
class Following:
    """The newest days of a ledger; only what is new is read again.

    Attributes:
        sources: where from.
        names: of the targets.
        length: of the span that ends now.
        version: changes when there are decisions that were not there before.
        payloads: as of that version.
    """

    sources: Sources
    names: Sequence[str]
    length: timedelta
    version: str = ""
    payloads: tuple[Payload, ...] = ()
    _known: dict[str, tuple[Decision, ...]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def refresh(self, now: datetime) -> tuple[str, tuple[Payload, ...]]:
        """Version and payloads after a look at the ledger.

        Raises:
            ObservationError: it could not be read; what was known stays.
        """
        with self._lock:
            start = now - self.length
            known = {name: self._decisions(name, start, now) for name in self.names}
            version = _version(known)
            if version != self.version:
                records = [
                    read_record(self.sources, name, start, now, decisions=known[name])
                    for name in self.names
                    if known[name]
                ]
                self.payloads = tuple(map(payload_from, records))
                self.version = version
            self._known = known
            return self.version, self.payloads

    def _decisions(self, name: str, start: datetime, now: datetime) -> tuple[Decision, ...]:
        known = self._known.get(name, ())
        since = max(start, known[-1].scheduled_at - _AGAIN) if known else start
        fresh = self.sources.decisions.between(name, None, since, now + MINUTE)
        kept = tuple(one for one in known if start <= one.scheduled_at < since)
        return kept + fresh


def _version(known: dict[str, tuple[Decision, ...]]) -> str:
    """By the newest decision of each target and how many there are."""
    return "_".join(
        f"{name}.{iso(decisions[-1].scheduled_at).replace(':', '')}.{len(decisions)}"
        for name, decisions in known.items()
        if decisions
    )
