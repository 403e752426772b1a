"""What all loops share: the moment of a tick, one pass per target, and the summary of a run."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Protocol

from bedrock_autoscaler.application.errors import (
    AutoscalerError,
    ObservationError,
    PlaceUnreachableError,
    StaleDecisionError,
    TargetsFailedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.fleet.intent import FleetRecord
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, floor_period, iso

ROUTING_PERIOD = MINUTE
"""Period of the acting functions, and of the routing loop where `RoutingMinutes` is 1.

With 2 or 5 a routing decision counts as outdated all the same after two minutes: only until then
does it overrule what capacity decided later.
"""

_MAX_LAG = timedelta(minutes=5)
_MAX_LEAD = timedelta(minutes=15)
_MAX_AGE_PERIODS = 2
_REMEMBERED = 1_000


def period_of(loop: Loop, target: Target) -> timedelta:
    """How often the loop decides for this target."""
    if loop is Loop.ROUTING:
        return ROUTING_PERIOD
    return timedelta(minutes=target.thresholds.sizing.decision_minutes)


def is_outdated(scheduled_at: datetime, now: datetime, period: timedelta) -> bool:
    """Whether a tick or a decision is older than two periods: newer ones replace it."""
    return now - scheduled_at > _MAX_AGE_PERIODS * period


def age_problem(scheduled_at: datetime, now: datetime, period: timedelta) -> str | None:
    """Why a decision of this time must not be carried out now; None when it may."""
    if is_outdated(scheduled_at, now, period):
        return "the decision is older than two periods"
    if scheduled_at - now > _MAX_LAG:
        return "the decision is of a time that the clock has not reached"
    return None


def carrying_problem(recorded: RecordedDecision, now: datetime, period: timedelta) -> str | None:
    """Why a recorded decision must not be carried out now; None when it may."""
    if recorded.situation.is_late:
        return "the decision comes from a late tick and is only recorded"
    return age_problem(recorded.decision.scheduled_at, now, period)


def moved_problem(recorded: RecordedDecision, record: FleetRecord) -> str | None:
    """Why a decision does not fit the fleet of its target any more; None when it does."""
    seen = recorded.situation.fleet.version
    if record.version == seen:
        return None
    return f"the fleet is at version {record.version}, the decision saw {seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One run of a function.

    Attributes:
        scheduled_at: when the schedule wanted it, to the minute.
        now: the clock's reading at its start.
    """

    scheduled_at: datetime
    now: datetime

    @staticmethod
    def of(scheduled_at: datetime | None, now: datetime, period: timedelta) -> "Tick":
        """The tick of an event; without a scheduled time, that of the running period."""
        if scheduled_at is None:
            return Tick(scheduled_at=floor_period(now, period), now=now)
        return Tick(scheduled_at=floor_minute(scheduled_at), now=now)

    @property
    def may_act(self) -> bool:
        """Whether clock and schedule agree well enough to change anything in the world."""
        return abs(self.now - self.scheduled_at) <= _MAX_LAG

    @property
    def is_far_ahead(self) -> bool:
        """Whether the clock will not reach it for long: its record would silence all ticks before.

        The newest record wins; one of next year would be the newest until then.
        """
        return self.scheduled_at - self.now > _MAX_LEAD

    def is_late(self, period: timedelta) -> bool:
        """Whether nothing may follow from what is decided now: it is only recorded."""
        return not self.may_act or is_outdated(self.scheduled_at, self.now, period)


def report_late(tick: Tick, reporter: Reporter) -> None:
    """Say that nothing follows from this tick: schedule and clock are too far apart."""
    reporter.happened("tick_late", "")
    minutes = (tick.now - tick.scheduled_at) / MINUTE
    side = "after" if minutes >= 0 else "before"
    reporter.alarm(
        "loop_late",
        "",
        f"the tick of {iso(tick.scheduled_at)} ran {abs(minutes):.0f} minutes {side} its time: "
        "nothing follows from it",
    )


class Deadline(Protocol):
    """The end of the running invocation."""

    def remaining(self) -> timedelta:
        """Time until the function is stopped."""


CALL_BUDGET = timedelta(seconds=30)
"""Three attempts of a call at 8 s each, its backoff, and the write of its outcome."""


def has_time(deadline: Deadline) -> bool:
    """Whether a call (three attempts of it) and the record of its outcome still fit."""
    return deadline.remaining() >= CALL_BUDGET


class Once:
    """Remembers what was said, so that each thing is said once by a process, not every minute.

    A new process may say it again: no record of it is written anywhere.
    """

    def __init__(self) -> None:
        self._said: deque[str] = deque(maxlen=_REMEMBERED)

    def is_first(self, key: str) -> bool:
        """Whether `key` comes for the first time."""
        if key in self._said:
            return False
        self._said.append(key)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one run did.

    Attributes:
        outcomes: (target, outcome) in the order of the passes.
        failed: targets whose pass raised.
    """

    outcomes: tuple[tuple[str, str], ...]
    failed: tuple[str, ...] = ()

    def followed_by(self, later: "Summary") -> "Summary":
        """Both phases of a run; a target's later outcome replaces its earlier one."""
        outcomes = dict(self.outcomes) | dict(later.outcomes)
        return Summary(outcomes=tuple(outcomes.items()), failed=self.failed + later.failed)

    def checked(self) -> "Summary":
        """The same summary, once every target had its pass.

        Raises:
            TargetsFailedError: a pass failed.
        """
        if self.failed:
            raise TargetsFailedError(f"the pass failed for {', '.join(self.failed)}")
        return self


def visit_targets(
    targets: Iterable[Target], visit: Callable[[Target], str], reporter: Reporter
) -> Summary:
    """One pass per target; the trouble of one is reported and never stops the others.

    A source that cannot be read, a write without an answer, or a world that moved on holds the
    target until the next tick. Anything else counts as failed. A place that cannot be reached is
    told once, however many targets are there.
    """
    outcomes, failed = [], []
    lost = set[Place]()
    for target in targets:
        try:
            outcome = visit(target)
        except StaleDecisionError as error:
            outcome = "superseded"
            reporter.happened("superseded", target.name, reason=str(error))
        except PlaceUnreachableError as error:
            outcome = "place unreachable"
            place = Place.of(target)
            if place not in lost:
                lost.add(place)
                reporter.alarm("place_unreachable", place.name, str(error))
        except (ObservationError, UnknownOutcomeError) as error:
            outcome = "unobserved"
            reporter.alarm("unobserved", target.name, str(error))
        except Exception as error:  # noqa: BLE001 - isolation: the others proceed, then the run fails
            outcome = "failed"
            failed.append(target.name)
            reporter.alarm("target_failed", target.name, _describe(error))
        outcomes.append((target.name, outcome))
    return Summary(outcomes=tuple(outcomes), failed=tuple(failed))


def _describe(error: Exception) -> str:
    """Class and place of an error; its text only when it is our own.

    The text of a foreign error may quote what a caller sent to Bedrock.
    """
    trace, place = error.__traceback__, "an unknown place"
    while trace is not None:
        name = PurePath(trace.tb_frame.f_code.co_filename).name
        place, trace = f"{name}:{trace.tb_lineno}", trace.tb_next
    text = f": {error}" if isinstance(error, AutoscalerError) else ""
    return f"{type(error).__name__} at {place}{text}"
