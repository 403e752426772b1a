"""A worker's run: the assignments of one batch, decided together and judged apart."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bedrock_autoscaler.application.deciding import Batch, DecidingPorts, decide_batch
from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.fleets.assigning import (
    Agenda,
    AgendaEntry,
    Assignment,
    Policies,
    offset_of,
    settings_mark,
)
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.observing.sources import Company
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ticking import (
    ROUTING_PERIOD,
    Deadline,
    Summary,
    Tick,
    is_outdated,
    report_late,
)
from bedrock_autoscaler.domain.cadence import (
    AT_ONCE,
    QUIET,
    is_moving,
    minutes_between,
    needs_acting,
    slot_after,
)
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE

_LOOPS = (Loop.CAPACITY, Loop.ROUTING)
"""The capacity loop first: its look covers what the routing loop asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitingPorts:
    """What a worker needs.

    Attributes:
        deciding: of one place; where it cannot be reached, ports that see nothing and say why.
    """

    clock: Clock
    reporter: Reporter
    policies: Policies
    agenda: Agenda
    deciding: Callable[[Place], DecidingPorts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """An assignment with its target."""

    assignment: Assignment
    target: Target

    @property
    def group(self) -> tuple[Place, datetime, str]:
        """What visits that are decided together have in common."""
        assignment = self.assignment
        return Place.of(self.target), assignment.scheduled_at, assignment.roster


def visit(
    assignments: Sequence[Assignment], ports: VisitingPorts, deadline: Deadline | None = None
) -> Summary:
    """Decide each target of the batch; what is the same for a place is read once.

    A target whose policy cannot be read fails alone, and so does one whose pass raises. One that
    could not be observed, or whose place cannot be reached, holds with its gaps on record and waits
    for its next visit: asking again at once would only add to the trouble. An assignment that
    waited for more than two minutes is dropped, since the dispatcher has sent a newer one;
    so is one far ahead of the clock, whose record would silence its target until then.

    Args:
        assignments: the batch.
        ports: what it reads and writes.
        deadline: bounds how much old history is read; None: all of it.

    Returns:
        The outcome of each target; those that should be handed out again are `failed`.
    """
    now = ports.clock.now()
    summary = Summary(outcomes=())
    groups: dict[tuple[Place, datetime, str], list[_Visit]] = {}
    for assignment in assignments:
        name = assignment.target
        if is_outdated(assignment.scheduled_at, now, ROUTING_PERIOD):
            summary = summary.followed_by(Summary(outcomes=((name, "overtaken"),)))
            continue
        tick = Tick.of(assignment.scheduled_at, now, ROUTING_PERIOD)
        if tick.is_far_ahead:
            report_late(tick, ports.reporter)
            summary = summary.followed_by(Summary(outcomes=((name, "far ahead"),)))
            continue
        try:
            target = ports.policies.target(name, assignment.settings_version)
        except ObservationError as error:
            ports.reporter.alarm("policy_unread", name, str(error))
            lost = Summary(outcomes=((name, "policy unread"),), failed=(name,))
            summary = summary.followed_by(lost)
            continue
        found = _Visit(assignment=assignment, target=target)
        groups.setdefault(found.group, []).append(found)
    for visits in groups.values():
        summary = summary.followed_by(_visit_group(visits, ports, deadline))
    return summary


def _visit_group(
    visits: Sequence[_Visit], ports: VisitingPorts, deadline: Deadline | None
) -> Summary:
    """The visits of one place and tick: each loop for those that are due, then the agenda."""
    place, scheduled_at, roster = visits[0].group
    try:
        team = ports.policies.roster(roster)
    except ObservationError as error:
        ports.reporter.alarm("policy_unread", "", str(error))
        names = tuple(visit.target.name for visit in visits)
        return Summary(outcomes=tuple((name, "policy unread") for name in names), failed=names)
    deciding = ports.deciding(place)
    if deciding.unreachable:
        ports.reporter.alarm("place_unreachable", place.name, deciding.unreachable)
    shared = deciding.shared()
    batch = Batch(
        targets=tuple(visit.target for visit in visits),
        company=Company(
            names=frozenset(team.names),
            rails=team.rails,
            endpoints=team.endpoints,
            silent_together=any(visit.assignment.silent_together for visit in visits),
        ),
        scheduled_at=scheduled_at,
        problems=team.problems,
    )
    summary, decided = Summary(outcomes=()), list[RecordedDecision]()
    for loop in _LOOPS:
        due = batch.only(v.target.name for v in visits if loop in v.assignment.loops)
        found = decide_batch(loop, due, shared, decided.append, deadline=deadline)
        summary = summary.followed_by(found)
    _note(visits, decided, ports.agenda, deciding.sources.reporter)
    return summary


def _note(
    visits: Iterable[_Visit],
    decided: Sequence[RecordedDecision],
    agenda: Agenda,
    reporter: Reporter,
) -> None:
    """Note when each decided target is due next; one that is not noted is due at once."""
    for each in visits:
        name = each.target.name
        own = {r.situation.loop: r for r in decided if r.decision.target == name}
        if own:
            try:
                agenda.note(entry_of(each.assignment, own))
            except (ObservationError, UnknownOutcomeError) as error:
                reporter.happened("agenda_unwritten", name, error=str(error))


def entry_of(assignment: Assignment, decided: Mapping[Loop, RecordedDecision]) -> AgendaEntry:
    """What is due next after these decisions of one target; at least one of them."""
    newest = decided.get(Loop.CAPACITY) or decided[Loop.ROUTING]
    situation, at = newest.situation, assignment.scheduled_at
    minutes = minutes_between(situation, newest.decision)
    if any(is_moving(one.situation, one.decision) for one in decided.values()):
        minutes = AT_ONCE
    known = assignment.offset
    offset = offset_of(assignment.target) if known is None else known
    capacity_at = assignment.capacity_at
    if Loop.CAPACITY in decided:
        period = situation.target.thresholds.sizing.decision_minutes
        capacity_at = slot_after(at, max(minutes, period), offset)
    traffic = situation.observation.traffic
    return AgendaEntry(
        target=assignment.target,
        routing_at=slot_after(at, minutes, offset),
        capacity_at=capacity_at or at,
        visited_at=at,
        seen_until=traffic.end,
        last_call_at=_last_call(assignment, traffic),
        acting_until=_acting_until(assignment, decided.values()),
        settings=settings_mark(situation.target),
    )


def _acting_until(assignment: Assignment, decided: Iterable[RecordedDecision]) -> datetime | None:
    """For a quarter of an hour longer than there is anything to do.

    An acting function that carries out the decision before this one leaves marks in the ledger that
    this visit may have been too early to see.
    """
    if any(needs_acting(one.situation, one.decision) for one in decided):
        return assignment.scheduled_at + QUIET * MINUTE
    before = assignment.acting_until
    return before if before is not None and before > assignment.scheduled_at else None


def _last_call(assignment: Assignment, traffic: Traffic) -> datetime | None:
    """The newest minute that shows a call, here or at a visit before.

    A visit that decides routes alone sees half an hour, less than a silence may last. What was
    noted of the future is no longer believed, since it would hide every silence until then.
    """
    calls = traffic.invocations + traffic.throttles + traffic.client_errors + traffic.server_errors
    found = np.flatnonzero(calls > 0)
    own = traffic.start + int(found[-1]) * MINUTE if found.size else None
    before = assignment.last_call_at
    if before is None or before > assignment.scheduled_at:
        return own
    return before if own is None else max(own, before)
