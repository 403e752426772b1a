"""The true time of a simulated world, and what its parts take for the time."""

from datetime import datetime, timedelta

from tests.simulation.gate import Gate, Run
from tests.simulation.settings import START


class World:
    """The true time; it stands still while a run computes."""

    def __init__(self) -> None:
        self.now = START


class TrueClock:
    """The world's own clock, for the fakes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        """The true time."""
        return self._world.now


class SkewedClock:
    """The clock of the environment that runs now."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def now(self) -> datetime:
        """What this environment takes for the time."""
        run = self._gate.run
        return self._world.now if run is None else self._world.now + run.skew


class TrueDeadline:
    """What Lambda's context tells: it counts true time."""

    def __init__(self, world: World, run: Run) -> None:
        self._world = world
        self._run = run

    def remaining(self) -> timedelta:
        """Time until the run is stopped."""
        return self._run.deadline_at - self._world.now
