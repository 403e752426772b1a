"""The traffic that a decision looks at: what was read now, and what was kept."""

from datetime import datetime

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.application.observing.known import Known
from bedrock_autoscaler.application.observing.looking import DAY, REREAD, days_between
from bedrock_autoscaler.application.observing.measuring import (
    Measured,
    total,
)
from bedrock_autoscaler.application.observing.merging import overlaid, silent_before
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.application.ports.history import StoredHistory
from bedrock_autoscaler.domain.routing.lawfulness import (
    seen_options,
    sight_of,
)
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.joining import join, span
from bedrock_autoscaler.domain.traffic.observation import (
    Traffic,
)
from bedrock_autoscaler.domain.units import MINUTE, floor_hour

RECENT_MINUTES = 30


def keep(known: Known, measured: Measured, sources: Sources) -> tuple[datetime, ...]:
    """Store the whole hours of what was read; the days of it that must be asked for again."""
    parts = _parts(known, measured)
    try:
        sources.history.store(known.target.name, parts)
    except ObservationError as error:
        sources.reporter.alarm("history_unread", known.target.name, str(error))
        return days_between(measured.start, measured.end)
    return measured.unanswered(parts)


def traffic_of(
    known: Known, measured: Measured, sources: Sources, loop: Loop, *, will_grow: bool
) -> tuple[Traffic, StoredHistory | None]:
    """What the decision looks at, and the part of it that the history keeps.

    Args:
        known: whose it is.
        measured: what was read of it.
        sources: where the history is.
        loop: the routing loop looks at recent minutes alone.
        will_grow: days of the history are still to come.
    """
    parts = _parts(known, measured)
    start, end = known.read_from, known.read_to
    new = counted(total(parts.values(), start, end), parts, known.target)
    if loop is Loop.ROUTING:
        before = known.before.traffic if known.before else None
        recent = end - recent_minutes(known.target) * MINUTE
        return overlaid(before, new, recent, end), None
    stored = _stored(known, sources, will_grow=will_grow)
    if stored is None or not stored.reference.revisions:
        return span(new, max(start, end - REREAD), end), None
    return join(counted(stored.total, stored.traffic, known.target), new), stored


def _stored(known: Known, sources: Sources, *, will_grow: bool) -> StoredHistory | None:
    """The whole hours kept so far; None when they are unreadable."""
    name, whole = known.target.name, floor_hour(known.read_to)
    first = floor_hour(known.read_to - known.target.thresholds.observing.history_days * DAY)
    try:
        return sources.history.load(name, first, whole, will_grow=will_grow)
    except ObservationError as error:
        sources.reporter.alarm("history_unread", name, str(error))
        return None


def traffic_by_option(known: Known, measured: Measured) -> tuple[tuple[str, Traffic], ...]:
    """The same for each option that is looked at, by how it is seen; recent minutes alone."""
    before = dict(known.before.by_option) if known.before else {}
    start = known.read_to - recent_minutes(known.target) * MINUTE
    found = []
    for option in seen_options(known.target, known.regions):
        sight = sight_of(option, known.regions)
        merged = overlaid(before.get(sight), measured.of(sight), start, known.read_to)
        found.append((sight, merged))
    return tuple(found)


def recent_minutes(target: Target) -> int:
    """Minutes of traffic that a routing decision looks at and hands on."""
    return max(RECENT_MINUTES, target.thresholds.routing.pressure_minutes)


def _parts(known: Known, measured: Measured) -> dict[str, Traffic]:
    """What was read of a target, by address; before its birth a PT had no traffic."""
    return {address: _born(measured.of(address), birth) for address, birth in known.births}


def _born(traffic: Traffic, birth: datetime | None) -> Traffic:
    return traffic if birth is None else silent_before(traffic, birth)
