"""Firing the schedules of a minute: side by side where that changes nothing, else in order.

EventBridge fires all schedules of a minute together. Which of two functions then reads before the
other writes is chance, and would give another day each time. So here they run in a fixed order,
and overlap only where none of them reads what another one writes:

* in a still minute purchase and release only wait: they run beside observe_decide and publish;
* in a stirring minute, observe_decide comes first, purchase and publish run side by side, since
  they share nothing, and release comes last.

A minute is stirring when a capacity decision is due, when something happened in the minute
before, or when something is about to: a unit comes into service, or the paid period of one that
is routed to no more ends. Should
purchase or release act in a minute that was taken for still, `surprises` counts it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, override

from bedrock_world.demo.schedules import Schedule
from bedrock_world.world import World

_WAITING = frozenset(
    {
        "nothing to buy",
        "bought before",
        "purchase held",
        "nothing to release",
        "release waits",
        "release held",
        "unchanged",
        "kept",
        "nothing decided",
    }
)
"""Answers of the acting functions that say that nothing was written."""

_JUST_READY = timedelta(minutes=3)
_BEFORE_PERIOD_ENDS = timedelta(minutes=7)


class Functions(Protocol):
    """The deployed functions."""

    def invoke(self, function: str, event: Mapping[str, object]) -> object:
        """Run one to its end; its answer."""


class Firing(AbstractContextManager["Firing"]):
    """Fires what is due, minute after minute.

    Attributes:
        invocations: how many there were.
        surprises: still minutes in which purchase or release acted.
    """

    def __init__(self, functions: Functions, schedules: Sequence[Schedule], world: World) -> None:
        self.invocations = 0
        self.surprises = 0
        self._functions = functions
        self._world = world
        self._schedules = schedules
        self._pool = ThreadPoolExecutor(max_workers=2)
        self._has_stirred = True

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the threads."""
        self._pool.shutdown()

    def fire[T](self, minute: datetime, routed: Collection[str], meanwhile: Callable[[], T]) -> T:
        """Invoke what is due in `minute`, and do `meanwhile` here beside observe_decide.

        Args:
            minute: the clock stands at its start.
            routed: addresses that callers are sent to.
            meanwhile: what needs none of the functions' effects.
        """
        due = [schedule for schedule in self._schedules if schedule.is_due(minute)]
        deciding, purchase, release, publish = (
            [schedule for schedule in due if schedule.function.endswith(name)]
            for name in ("observe-decide", "purchase", "release", "publish")
        )
        if len(deciding) <= 1 and not self._is_stirring(minute, routed):
            first = self._pool.submit(self._run, minute, [*deciding, *publish])
            second = self._pool.submit(self._run, minute, [*purchase, *release])
            result = meanwhile()
            acted = second.result()
            stirred = first.result() or acted
            self.surprises += acted
        else:
            first = self._pool.submit(self._run, minute, deciding)
            result = meanwhile()
            first.result()
            second = self._pool.submit(self._run, minute, purchase)
            stirred = self._run(minute, publish)
            stirred = second.result() or stirred
            stirred = self._run(minute, release) or stirred
        self.invocations += len(due)
        self._has_stirred = stirred
        return result

    def _is_stirring(self, minute: datetime, routed: Collection[str]) -> bool:
        if self._has_stirred:
            return True
        period = self._world.config.current.billing_period
        for unit in self._world.purchases.existing(minute):
            if unit.ready_at is not None and minute - _JUST_READY < unit.ready_at <= minute:
                return True
            is_ending = (minute - unit.created_at) % period >= period - _BEFORE_PERIOD_ENDS
            if is_ending and unit.arn not in routed:
                return True
        return False

    def _run(self, minute: datetime, schedules: Sequence[Schedule]) -> bool:
        """Invoke one after the other; whether an acting function did more than wait."""
        stirred = False
        for schedule in schedules:
            answer = self._functions.invoke(schedule.function, schedule.event_at(minute))
            stirred = stirred or (not _decides(schedule) and not _is_waiting(answer))
        return stirred


def _decides(schedule: Schedule) -> bool:
    return schedule.function.endswith("observe-decide")


def _is_waiting(answer: object) -> bool:
    """Whether a function answered for each target that it only waited."""
    if not isinstance(answer, Mapping):
        return False
    parts = [part for outcome in answer.values() for part in str(outcome).split(", ")]
    return all(part in _WAITING for part in parts)
