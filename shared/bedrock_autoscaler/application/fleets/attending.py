"""Which targets an acting function looks at in a minute: those with something to do, and some more.

Most of a large fleet has nothing to be bought, released or published for hours. Whoever decides a
target notes in the agenda until when the acting functions must look at it each minute; the rest
they look at four times an hour, each target in a minute of its own, so that nothing depends on the
note: one that is lost delays what follows from a decision by a quarter of an hour at most.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.assigning import (
    Agenda,
    AgendaEntry,
    offset_of,
)
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.cadence import AT_ONCE, QUIET, WATCHFUL, slot_after
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import MINUTE


def attended(
    targets: Sequence[Target], at: datetime, agenda: Agenda | None, reporter: Reporter
) -> tuple[Target, ...]:
    """The targets to look at in the minute `at`, those with something to do first.

    Without an agenda these are all, as where one function decides every target each minute. While
    it cannot be read, each target goes every five minutes, as with the dispatcher: a source that
    fails makes no more work.
    """
    if agenda is None:
        return tuple(targets)
    entries: Mapping[str, AgendaEntry] = {}
    try:
        entries = agenda.entries()
    except ObservationError as error:
        reporter.alarm("agenda_unread", "", str(error))
    paces = [(target, _pace(entries.get(target.name), at)) for target in targets]
    due = [(pace, target) for target, pace in paces if _is_due(target, at, pace)]
    return tuple(target for _, target in sorted(due, key=itemgetter(0)))


def _pace(entry: AgendaEntry | None, at: datetime) -> int:
    """Minutes between two looks at a target; of one that nobody heard of nothing is known.

    A note outlives visits that do not come: what was under way at the last one still is.
    """
    if entry is None:
        return WATCHFUL
    until, noted = entry.acting_until, entry.visited_at + QUIET * MINUTE
    return AT_ONCE if until is not None and until >= min(at, noted) else QUIET


def _is_due(target: Target, at: datetime, pace: int) -> bool:
    return slot_after(at - MINUTE, pace, offset_of(target.name)) == at
