"""How long a route rests after a refusal, and how many further attempts a caller may make."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from bedrock_autoscaler.client.answers import LASTING, PASSING, Verdict

_MOST_DOUBLINGS = 16
"""Beyond every bound on a rest or a pause, and far below where a float overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How hard a call tries before its error reaches the caller.

    Attributes:
        rounds: how often a call goes through the routes; 1 never waits.
        first_pause_seconds: longest wait before the second round; it doubles with each further
            one. The wait is drawn evenly from 0 to that.
        longest_pause_seconds: bound on it.
        budget: attempts beyond the first at routes that lately refused, saved up at most.
        budget_per_success: how much of an attempt each served call saves up; 0.1 bounds such
            attempts to a tenth of the traffic when nothing works.
    """

    rounds: int = 3
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 20.0
    budget: float = 100.0
    budget_per_success: float = 0.1

    def pause(self, round_done: int, chance: Callable[[], float]) -> float:
        """Seconds to wait after so many rounds (from 1), with full jitter."""
        longest = self.first_pause_seconds * 2.0 ** min(round_done - 1, _MOST_DOUBLINGS)
        return float(chance() * min(self.longest_pause_seconds, longest))


class Budget:
    """The attempts that all calls of a client share; any number of threads."""

    def __init__(self, patience: Patience) -> None:
        self._most = patience.budget
        self._gain = patience.budget_per_success
        self._left = patience.budget
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one attempt; False when none is left."""
        with self._lock:
            if self._left < 1.0:
                return False
            self._left -= 1.0
            return True

    def served(self) -> None:
        """Save up for a served call."""
        if self._left < self._most:
            with self._lock:
                self._left = min(self._most, self._left + self._gain)


@dataclass(frozen=True, slots=True)
class _Rest:
    first_seconds: float
    longest_seconds: float


# A throttle is over within the minute; an address that is gone or denied is a matter for the next
# table, and is looked at again only in case the refusal was a passing one.
_RESTS = {
    Verdict.PRESSED: _Rest(0.5, 8.0),
    Verdict.UNREACHABLE: _Rest(1.0, 30.0),
    Verdict.GONE: _Rest(60.0, 900.0),
    Verdict.DENIED: _Rest(300.0, 900.0),
}
_PROBE_SECONDS = 1.0
_SURELY_THERE_SECONDS = 10.0


class Health:
    """What lately became of calls to one route; times are monotonic seconds.

    A route rests after a refusal. When the rest is over one call probes it, and the others follow
    once that is served, or after a second. A route that served nobody lately gets one call a
    second until then: it may take long to refuse them.
    """

    __slots__ = (
        "_is_probed",
        "_lock",
        "_served_at",
        "reason",
        "resting_until",
        "strikes",
        "struck_at",
    )

    def __init__(self) -> None:
        self.resting_until = 0.0
        self.strikes = 0
        self.reason = Verdict.PRESSED
        self.struck_at = 0.0
        self._is_probed = False
        self._served_at = -inf
        self._lock = threading.Lock()

    def is_resting(self, now: float) -> bool:
        """Whether calls had better go elsewhere."""
        return self.strikes > 0 and now < self.resting_until

    def claim(self, now: float) -> None:
        """Note that a call is going there; the first one after a rest is the probe."""
        if not self.strikes or now < self.resting_until:
            return
        if not (self._is_probed and self.is_surely_there(now)):
            with self._lock:
                self._is_probed = True
                self.resting_until = max(self.resting_until, now + _PROBE_SECONDS)

    def strike(self, verdict: Verdict, now: float, started: float) -> None:
        """Let the route rest; refusals of calls that started before the last one count once.

        Another verdict than the last one counts anew. A passing one ends no lasting rest.
        """
        rest = _RESTS[verdict]
        with self._lock:
            if verdict in PASSING and self._rests_for_long(now):
                return
            if verdict is not self.reason:
                self.strikes = 0
            if not self.strikes or started >= self.struck_at:
                self.strikes += 1
            self.struck_at = now
            self.reason = verdict
            self._is_probed = False
            doublings = min(self.strikes - 1, _MOST_DOUBLINGS)
            seconds = min(rest.longest_seconds, rest.first_seconds * 2.0**doublings)
            # Processes that were refused together shall not come back together.
            self.resting_until = now + seconds * random.uniform(0.5, 1.5)  # noqa: S311 - no secret

    def is_surely_there(self, now: float) -> bool:
        """Whether it served a call within the last ten seconds."""
        return now - self._served_at <= _SURELY_THERE_SECONDS

    def served(self, now: float, started: float) -> None:
        """End the rest; of a call that began before the last refusal, take back its doubling."""
        self._served_at = now
        if not self.strikes:
            return
        with self._lock:
            if started >= self.struck_at:
                self.strikes = 0
                self.resting_until = 0.0
            else:
                self.strikes = min(self.strikes, 1)

    def _rests_for_long(self, now: float) -> bool:
        """Whether it is in a lasting rest, and not in the second that belongs to a probe."""
        return self.reason in LASTING and not self._is_probed and self.is_resting(now)
