"""The dispatcher: settings once, a heartbeat for each place, and one message per due target."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from bedrock_autoscaler.application.errors import ObservationError, PlaceUnreachableError
from bedrock_autoscaler.application.fleets.assigning import (
    Agenda,
    AgendaEntry,
    Assignment,
    Assignments,
    Policies,
    Roster,
    is_decided_under,
    offsets_of,
    settings_mark,
)
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.observing.together import seem_silent_together
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.telling.settings import report_settings
from bedrock_autoscaler.application.ticking import (
    ROUTING_PERIOD,
    Summary,
    Tick,
    report_late,
)
from bedrock_autoscaler.domain.cadence import QUIET, WATCHFUL, slot_after
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE

_AT_A_TIME = 100
"""Targets that are kept and sent before the next ones are, so that a run cut off has done some."""
_BOTH = (Loop.CAPACITY, Loop.ROUTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPorts:
    """What the dispatcher needs.

    Attributes:
        read_settings: one snapshot of the settings, minutes old at most.
        metrics: of one place, for its heartbeat; raises PlaceUnreachableError where it cannot be
            reached.
        since: when this process began to dispatch.
        home: where the stack is: it beats there although no target is there, as its alarm expects.
    """

    clock: Clock
    read_settings: Callable[[], Settings]
    policies: Policies
    agenda: Agenda
    assignments: Assignments
    metrics: Callable[[Place], Metrics]
    reporter: Reporter
    since: datetime
    home: Place | None = None


def dispatch(scheduled_at: datetime | None, ports: DispatchPorts) -> Summary:
    """Send each due target to the workers, in the order of accounts and Regions.

    A place that cannot be reached has no heartbeat, so that its minutes stay unread; the others
    go on. Beats come last: waiting for a place that is down must not keep back anybody's work.
    What could not be sent is due again in the next minute.

    Raises:
        ObservationError: the settings could not be read, or not be kept.
    """
    tick = Tick.of(scheduled_at, ports.clock.now(), MINUTE)
    if tick.is_late(ROUTING_PERIOD):
        report_late(tick, ports.reporter)
        return Summary(outcomes=())
    settings = ports.read_settings()
    report_settings(settings, ports.reporter)
    try:
        return _hand_out(settings, tick.scheduled_at, ports)
    finally:
        _beat(settings.targets, tick.scheduled_at, ports)


def _hand_out(settings: Settings, at: datetime, ports: DispatchPorts) -> Summary:
    """Keep what workers need of what is due, and send that; how many messages went out."""
    roster, entries = Roster.of(settings), _entries(ports)
    targets = {target.name: target for target in settings.targets}
    sent, unsent, trouble = 0, 0, ""
    for some in batched(_due(settings.targets, entries, roster, at), _AT_A_TIME, strict=False):
        lost_before = at - HOUR if at - ports.since >= HOUR else None
        unkept = _unkept((targets[each.target] for each in some), entries or {}, lost_before)
        faults = ports.policies.keep(unkept, roster, ports.clock.now())
        for name, why in faults.items():
            ports.reporter.alarm("policy_unread", name, why)
        kept = [each for each in some if each.target not in faults]
        left = ports.assignments.send(kept)
        sent, unsent = sent + len(kept) - len(left), unsent + len(left)
        trouble = ports.assignments.trouble or trouble
    if unsent:
        text = f"{unsent} of {sent + unsent} not sent: {trouble}"
        ports.reporter.alarm("assignments_unsent", "", text)
    return Summary(outcomes=(("assignments", str(sent)),))


def _unkept(
    targets: Iterable[Target], entries: Mapping[str, AgendaEntry], lost_before: datetime | None
) -> list[Target]:
    """Those that no worker has decided by these settings, which it reads where they are kept.

    Those, too, that an hour of messages of this process brought no visit: one that remembers them
    may have decided by settings that a restored table lacks, and the next worker finds none. A
    process that is new does not take the time before it for such an hour.
    """
    return [
        target
        for target in targets
        if target.name not in entries
        or entries[target.name].settings != settings_mark(target)
        or (lost_before is not None and entries[target.name].visited_at <= lost_before)
    ]


def _beat(targets: Iterable[Target], at: datetime, ports: DispatchPorts) -> None:
    """Prove the minute in each place; one that fails tells of itself and holds up no other."""
    at_home = {ports.home} if ports.home is not None else set[Place]()
    for place in sorted(at_home | {Place.of(target) for target in targets}):
        try:
            ports.metrics(place).beat(at)
        except PlaceUnreachableError as error:
            ports.reporter.alarm("place_unreachable", place.name, str(error))
        except ObservationError as error:
            ports.reporter.alarm("heartbeat_failed", place.name, str(error))


def _entries(ports: DispatchPorts) -> Mapping[str, AgendaEntry] | None:
    try:
        return ports.agenda.entries()
    except ObservationError as error:
        ports.reporter.alarm("agenda_unread", "", str(error))
        return None


def _due(
    targets: Iterable[Target],
    entries: Mapping[str, AgendaEntry] | None,
    roster: Roster,
    at: datetime,
) -> tuple[Assignment, ...]:
    """The assignments of this minute, sorted by place and name."""
    known = sorted(targets, key=lambda target: (Place.of(target), target.name))
    silent, offsets = _silent_places(known, entries or {}), offsets_of(known)
    found = []
    for target in known:
        offset = offsets[target.name]
        loops = _loops(target, entries, at, offset)
        if not loops:
            continue
        entry = (entries or {}).get(target.name)
        waits = entry is not None and Loop.CAPACITY not in loops
        found.append(
            Assignment(
                target=target.name,
                settings_version=target.settings_version,
                roster=roster.version,
                loops=loops,
                scheduled_at=at,
                capacity_at=entry.capacity_at if entry is not None and waits else None,
                silent_together=Place.of(target) in silent,
                acting_until=entry.acting_until if entry is not None else None,
                offset=offset,
                last_call_at=entry.last_call_at if entry is not None else None,
            )
        )
    return tuple(found)


def _loops(
    target: Target, entries: Mapping[str, AgendaEntry] | None, at: datetime, offset: int
) -> tuple[Loop, ...]:
    """Which loops of the target are due; both of one that was never heard of, or long ago.

    Both, too, of one whose settings have changed since. Without the agenda everything goes at a
    middling pace, each target in its own minute: a source that fails must not make more work.
    """
    if entries is None:
        own = slot_after(at - MINUTE, WATCHFUL, offset)
        return _BOTH if own == at else ()
    entry = entries.get(target.name)
    if entry is None or at - entry.visited_at >= QUIET * MINUTE or entry.visited_at > at:
        return _BOTH
    if not is_decided_under(entry, target):
        return _BOTH
    due = ((Loop.CAPACITY, entry.capacity_at), (Loop.ROUTING, entry.routing_at))
    return tuple(loop for loop, moment in due if moment <= at)


def _silent_places(
    targets: Iterable[Target], entries: Mapping[str, AgendaEntry]
) -> frozenset[Place]:
    """Where all targets fell silent together, as far as they were heard of."""
    by_place: dict[Place, list[AgendaEntry]] = {}
    minutes: dict[Place, int] = {}
    for target in targets:
        place = Place.of(target)
        entry = entries.get(target.name)
        if entry is not None:
            by_place.setdefault(place, []).append(entry)
        span = target.thresholds.gating.mass_silence_minutes
        minutes[place] = max(minutes.get(place, 0), span)
    return frozenset(
        place for place, heard in by_place.items() if seem_silent_together(heard, minutes[place])
    )
