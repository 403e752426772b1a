"""One call's way through the routes of a table: which one first, which next, when to give up."""

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate

from bedrock_autoscaler.client.answers import LASTING, PASSING, CallError, Verdict, judge
from bedrock_autoscaler.client.patience import Budget, Health, Patience
from bedrock_autoscaler.domain.routing.route import Route

type Chance = Callable[[], float]

# What to show a caller when routes failed for different reasons: the one that may pass first.
_TELLING = (
    Verdict.GONE,
    Verdict.SUSPECT,
    Verdict.DENIED,
    Verdict.TIMED_OUT,
    Verdict.UNREACHABLE,
    Verdict.PRESSED,
)

# In which order resting routes are asked: those first that say no at once.
_RANKS = {Verdict.PRESSED: 1, Verdict.UNREACHABLE: 2, Verdict.GONE: 3, Verdict.DENIED: 3}


class RouteSet:
    """The routes of one table that a caller can use, and what lately became of calls to them.

    Args:
        routes: in spill order, at least one; their weights need not add to 1.
        known: health of routes by place, from the table before.
        home: Region of routes that name none.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        known: "RouteSet | None" = None,
        chance: Chance = random.random,
        home: str = "",
    ) -> None:
        if not routes:
            raise ValueError("there is no route")
        before = known.health_by_place() if known else {}
        self.routes = tuple(routes)
        self.health = tuple(before.get(route.place) or Health() for route in routes)
        self._bounds = tuple(accumulate(route.weight for route in routes))
        self.chance = chance
        self.home = home

    def health_by_place(self) -> dict[tuple[str, str, str, str], Health]:
        """The health of each route, to be handed on to the next table."""
        return {route.place: health for route, health in zip(self.routes, self.health, strict=True)}

    def first(self, now: float) -> int:
        """Where a call begins: drawn by weight, else the first in order that does not rest.

        When all rest, the one that was refused longest ago: so each of them gets its share of
        what is asked while none has room. Those without an answer, gone or denied come after.
        """
        index = self.draw()
        if not self.health[index].is_resting(now):
            return index
        return self.order(now)[0]

    def draw(self) -> int:
        """A route drawn by weight alone."""
        total = self._bounds[-1]
        if total <= 0 or len(self.routes) == 1:
            return 0
        return min(bisect(self._bounds, self.chance() * total), len(self.routes) - 1)

    def order(self, now: float) -> list[int]:
        """All routes: rested ones in spill order, then those refused longest ago."""

        def rank(index: int) -> tuple[int, float]:
            health = self.health[index]
            if not health.is_resting(now):
                return 0, index
            return _RANKS[health.reason], health.struck_at

        return sorted(range(len(self.routes)), key=rank)

    def strike(self, index: int, verdict: Verdict, now: float, started: float) -> None:
        """Let a route rest; with an endpoint that gives no answer, all routes of its Region.

        What serves others is neither gone nor denied: it is this request that it cannot take. A
        throughput may hold less context than what is called on demand, and a request may name a
        guardrail that is not there, or that the caller may not use.
        """
        if verdict in LASTING and self.health[index].is_surely_there(now):
            return
        struck = [index]
        if verdict is Verdict.UNREACHABLE:
            region = self.routes[index].region
            struck = [i for i, route in enumerate(self.routes) if route.region == region]
        for each in struck:
            self.health[each].strike(verdict, now, started)


class Walk:
    """One call. `route` is where to try next; `failed` and `served` say what came of it."""

    __slots__ = (
        "_best",
        "_budget",
        "_clock",
        "_index",
        "_patience",
        "_round",
        "_started",
        "_suspects",
        "_tried",
        "_verdicts",
        "routes",
    )

    def __init__(
        self, routes: RouteSet, patience: Patience, budget: Budget, clock: Callable[[], float]
    ) -> None:
        self.routes = routes
        self._patience = patience
        self._budget = budget
        self._clock = clock
        self._round = 1
        self._verdicts: dict[int, Verdict] = {}
        self._tried: set[int] = set()
        self._best: tuple[int, CallError] | None = None
        self._suspects: list[int] = []
        self._go(routes.first(clock()))

    @property
    def route(self) -> Route:
        """Where to try next."""
        return self.routes.routes[self._index]

    @property
    def started(self) -> float:
        """When the attempt began, in monotonic seconds."""
        return self._started

    def served(self) -> None:
        """The attempt was served."""
        now = self._clock()
        self._budget.served()
        self.routes.health[self._index].served(now, self._started)
        for suspect in self._suspects:
            # Another route took the same request, so those that called it invalid are gone.
            self.routes.strike(suspect, Verdict.GONE, now, now)

    def failed(self, error: CallError) -> float:
        """The attempt failed; seconds to wait before the next one, at `route`.

        Raises:
            CallError: no further attempt would help or is allowed. Of several errors it is the
                most hopeful one: a throttle rather than a missing address.
        """
        now, verdict = self._clock(), judge(error, self.route, self.routes.home)
        if verdict is Verdict.FINAL or (verdict is Verdict.TIMED_OUT and not self._may_pay_again()):
            raise error
        if verdict is Verdict.SUSPECT:
            self._suspects.append(self._index)
        elif verdict is not Verdict.TIMED_OUT:
            self.routes.strike(self._index, verdict, now, self._started)
        self._note(verdict, error)
        following = self._next(now)
        if following is not None:
            self._go(following)
            return 0.0
        return self._next_round(now)

    def _may_pay_again(self) -> bool:
        """Whether a call without an answer goes on; once, for an attempt from the budget."""
        return Verdict.TIMED_OUT not in self._verdicts.values() and self._budget.take()

    def _note(self, verdict: Verdict, error: CallError) -> None:
        self._verdicts[self._index] = verdict
        self._tried.add(self._index)
        telling = _TELLING.index(verdict)
        if self._best is None or telling >= self._best[0]:
            self._best = (telling, error)

    def _next(self, now: float) -> int | None:
        """The next route of this round; a resting one takes from the budget."""
        for index in self.routes.order(now):
            if index not in self._tried:
                is_free = not self.routes.health[index].is_resting(now)
                return index if is_free or self._budget.take() else None
        return None

    def _next_round(self, now: float) -> float:
        """Begin another round at the routes that may have recovered.

        Raises:
            CallError: there is none, or the rounds or the budget are used up.
        """
        hopeful = [i for i, verdict in self._verdicts.items() if verdict in PASSING]
        if not hopeful or self._round >= self._patience.rounds or not self._budget.take():
            raise self._error()
        pause = self._patience.pause(self._round, self.routes.chance)
        self._round += 1
        self._tried = set(self._verdicts) - set(hopeful)
        after = now + pause
        self._go(next(index for index in self.routes.order(after) if index in hopeful))
        self._started = after
        return pause

    def _error(self) -> CallError:
        if self._best is None:
            raise RuntimeError("a call gave up before its first attempt")
        return self._best[1]

    def _go(self, index: int) -> None:
        self._index = index
        self._started = self._clock()
        self.routes.health[index].claim(self._started)
