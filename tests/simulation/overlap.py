"""Lets several runs take turns at every call to the outside, in an order that a seed decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from greenlet import getcurrent, greenlet

from tests.simulation.faults import Killed
from tests.simulation.gate import Gate, Run

type Choice = Callable[[Sequence["Turn"]], "Turn"]
"""Who goes on next among those that wait."""


@dataclass(slots=True, eq=False)
class Turn:
    """One run on a stack of its own that moves only when it is told to.

    Attributes:
        steps: how often it was let go on.
    """

    run: Run
    work: Callable[[], None]
    steps: int = 0
    stack: greenlet | None = None

    @property
    def is_over(self) -> bool:
        """It began, and ended or failed."""
        return self.stack is not None and self.stack.dead


class Overlap:
    """Runs that overlap; one moves at a time, so that a seed gives one history.

    Attributes:
        waiting: runs that began and are not over.
    """

    def __init__(self, gate: Gate) -> None:
        self.waiting: list[Turn] = []
        self._gate = gate
        self._active: Turn | None = None
        self._choose: Choice | None = None
        self._chosen: Turn | None = None
        self._is_aborted = False

    def add(self, run: Run, work: Callable[[], None]) -> None:
        """Take a run on; it waits before its first call."""
        self.waiting.append(Turn(run, work))

    def drive(self, choose: Choice, *, leave: int = 0) -> None:
        """Let the runs take turns until at most `leave` of them wait."""
        self._gate.before, self._choose = self._pause, choose
        try:
            while len(self.waiting) > leave:
                chosen, self._chosen = self._chosen or choose(self.waiting), None
                self.step(chosen)
        finally:
            self._gate.before = self._choose = None

    def step_through(self, turn: Turn) -> None:
        """The same for who decides turn by turn."""
        self._gate.before = self._pause
        try:
            self.step(turn)
        finally:
            self._gate.before = None

    def step(self, turn: Turn) -> None:
        """Let one go on to its next call, or to its end."""
        self._active, self._gate.run = turn, turn.run
        turn.steps += 1
        if turn.stack is None:
            turn.stack = greenlet(turn.work)
        try:
            turn.stack.switch()
        finally:
            self._active = self._gate.run = None
            if turn.is_over:
                self.waiting.remove(turn)

    def abort(self) -> None:
        """Kill all that wait."""
        self._is_aborted = True
        self._gate.before = self._pause
        while self.waiting:
            turn = self.waiting[0]
            if turn.stack is None:
                self.waiting.remove(turn)
            else:
                self.step(turn)
        self._gate.before = None

    def _pause(self) -> None:
        """Called by the active run before each of its calls: give the turn back, wait for it."""
        turn = self._active
        if turn is None:
            return
        if self._choose is not None:
            self._chosen = self._choose(self.waiting)
            if self._chosen is turn:  # its own turn again: nothing to hand over
                self._chosen = None
                turn.steps += 1
                return
        getcurrent().parent.switch()
        if self._is_aborted:
            raise Killed("aborted")
