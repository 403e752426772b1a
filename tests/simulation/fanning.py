"""Schedules in which a dispatcher hands the targets to workers, by messages that go astray.

Each is one of the schedules in which the functions decide by themselves, with a dispatch and visits
in the place of their decisions. Messages are lost, come late, twice, out of order, or are spoiled.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.fleets.assigning import Assignment
from bedrock_autoscaler.application.fleets.working import FleetApplication
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.ticking import Summary
from bedrock_autoscaler.domain.units import MINUTE
from tests.simulation.faults import OF_FLEETS
from tests.simulation.schedule import Firing, Function, Moment, Plan, plan
from tests.simulation.settings import NAMES

if TYPE_CHECKING:
    from tests.simulation.engine import Simulation

FANNED = range(113, 152)
"""Seeds of the quick run; of four of them the outcome hangs on a message of the future."""

DECIDING = frozenset({Function.ROUTING, Function.CAPACITY})
_DISPATCHED, _IN_ORDER = 0.9, 0.8
_BATCH, _TRIES, _VISIBILITY = 10, 3, 3 * MINUTE
_DROPPED_AGAIN = 5 * MINUTE


def fanned_plan(seed: int, moments: int, targets: int = len(NAMES)) -> Plan:
    """The schedule of a seed, so many ticks and targets; the same seed gives the same one."""
    drawn = plan(seed, moments, targets)
    chance = random.Random(f"fanned {seed}")  # noqa: S311 - simulation
    focus = tuple(
        (call, kinds[seed // 2 % len(kinds)])
        for index, (call, kinds) in enumerate(OF_FLEETS.items())
        if (index + seed) % 2
    )
    return replace(
        drawn,
        moments=tuple(_fanned(moment, chance) for moment in drawn.moments),
        focus=(*drawn.focus, *focus),
        fans_out=True,
    )


def _fanned(moment: Moment, chance: random.Random) -> Moment:
    found = list(firings_of(moment.firings, visits=chance.choice((0, 1, 1, 1, 2))))
    if chance.random() > _DISPATCHED:
        del found[0]
    if chance.random() > _IN_ORDER:
        chance.shuffle(found)
    return replace(moment, firings=tuple(found))


def firings_of(firings: Sequence[Firing], visits: int = 1) -> tuple[Firing, ...]:
    """The same with a dispatch and visits in the place of decisions."""
    others = (firing for firing in firings if firing.function not in DECIDING)
    return (Firing(Function.DISPATCH), *visits * (Firing(Function.VISIT),), *others)


class FannedApplication(Application):
    """The use cases of a fleet beside those of a target.

    Attributes:
        settings_kept: the newest that it has read; it goes by them for some minutes.
    """

    def __init__(self, adapters: Any, **members: Any) -> None:
        """Over the adapters, which have those of a fleet."""
        self.settings_kept: Settings | None = None
        read = adapters.settings

        def kept() -> Settings:
            self.settings_kept = read()
            return self.settings_kept

        adapters.settings = kept
        super().__init__(adapters, agenda=lambda: adapters.agenda, **members)
        self.fleet = FleetApplication(self, adapters, adapters)


@dataclass(slots=True, eq=False)
class _Message:
    assignment: Assignment
    due: datetime
    tries: int = 0


class Queue:
    """Implements Assignments, and hands batches of messages to workers."""

    def __init__(self, simulation: "Simulation") -> None:
        self.trouble = ""
        self._sim = simulation
        self._chance = random.Random(f"queue {simulation.plan.seed}")  # noqa: S311 - simulation
        self._messages: list[_Message] = []
        self._had: dict[tuple[str, datetime], datetime] = {}

    def send(self, assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
        """Keep each once in five minutes; some are refused, and some go astray."""
        now, unsent = self._sim.world.now, []
        for each in assignments:
            if self._goes_astray(_REFUSED):
                unsent.append(each)
                continue
            key = each.target, each.scheduled_at
            if now - self._had.get(key, datetime.min.replace(tzinfo=now.tzinfo)) < _DROPPED_AGAIN:
                continue
            self._had[key] = now
            self._messages += self._on_its_way(each, now)
        self.trouble = "RequestThrottled" if unsent else ""
        return tuple(unsent)

    def visit(self, decide: Callable[[Sequence[Assignment]], Summary]) -> Summary:
        """One batch; what fails, or whose worker dies, comes again until it is a dead letter."""
        now = self._sim.world.now
        batch = [message for message in self._messages if message.due <= now][:_BATCH]
        if self._goes_astray(_REORDERED):
            self._chance.shuffle(batch)
        for message in batch:
            message.due, message.tries = now + _VISIBILITY, message.tries + 1
        self._messages = [message for message in self._messages if message.tries <= _TRIES]
        summary = decide(tuple(message.assignment for message in batch))
        ended = [message for message in batch if message.assignment.target not in summary.failed]
        self._messages = [message for message in self._messages if message not in ended]
        return summary

    def _on_its_way(self, assignment: Assignment, now: datetime) -> list[_Message]:
        """What of it the workers will see."""
        self._count("sent")
        if self._goes_astray(_LOST):
            self._count("message lost")
            return []
        message = _Message(assignment, now)
        if self._goes_astray(_SPOILED):
            self._count("message spoiled")
            message.assignment = self._chance.choice(_POISON)(assignment)
        if self._goes_astray(_DELAYED):
            self._count("message late")
            message.due += self._chance.choice((1, 2, 4, 20)) * MINUTE
        if self._goes_astray(_DOUBLED):
            self._count("message doubled")
            again = now + self._chance.choice((0, 1, 2, 20)) * MINUTE
            return [message, _Message(message.assignment, again)]
        return [message]

    def _goes_astray(self, share: float) -> bool:
        return self._sim.gate.is_open and self._chance.random() < share

    def _count(self, what: str) -> None:
        self._sim.happenings.counts[what] += 1


_REFUSED, _REORDERED, _LOST, _SPOILED, _DELAYED, _DOUBLED = 0.03, 0.2, 0.05, 0.04, 0.1, 0.1
_POISON: tuple[Callable[[Assignment], Assignment], ...] = (
    lambda each: replace(each, settings_version="spoiled"),
    lambda each: replace(each, roster="spoiled"),
    lambda each: replace(each, target="nobody"),
    lambda each: replace(each, scheduled_at=each.scheduled_at + 60 * 24 * MINUTE),
    lambda each: replace(each, scheduled_at=each.scheduled_at + 4 * MINUTE),
    lambda each: replace(each, acting_until=None, offset=None, last_call_at=None),
    lambda each: replace(each, silent_together=not each.silent_together),
)
"""What an older version, a clock or a stranger may make of a message."""
