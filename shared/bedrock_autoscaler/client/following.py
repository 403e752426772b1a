"""What a plain and an asynchronous client share: the routes in force, and what is told of calls."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bedrock_autoscaler.client.answers import CallError, code_of
from bedrock_autoscaler.client.patience import Budget, Patience
from bedrock_autoscaler.client.tables import FollowedTable
from bedrock_autoscaler.client.walking import Chance, RouteSet, Walk
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt came to; it holds nothing of the prompt or of the answer.

    Attributes:
        operation: `converse`, `converse_stream`, `invoke_model` or its streaming form.
        version: of the table in force; 0 without one.
        code: the error code; empty for an attempt that was served.
        seconds: how long it took; for a stream, to its first event.
    """

    operation: str
    route: Route
    version: int
    code: str
    seconds: float


type Observer = Callable[[Attempt], None]


class Following:
    """The routes of the table in force, for one client.

    Args:
        waits: calls may take long: the table's cheaper routes for such work come first.
        home: Region of routes that name none.
    """

    def __init__(
        self,
        table: FollowedTable | None,
        *,
        reaches: Callable[[str], bool],
        patience: Patience,
        observer: Observer | None,
        waits: bool = False,
        home: str = "",
        clock: Callable[[], float] = time.monotonic,
        chance: Chance = random.random,
    ) -> None:
        self._table = table
        self._reaches = reaches
        self._patience = patience
        self._observer = observer
        self._waits = waits
        self._home = home
        self._clock = clock
        self._chance = chance
        self._budget = Budget(patience)
        # One assignment replaces both, so that no thread sees a mixture.
        self._in_force: tuple[RoutingTable | None, RouteSet | None] = (None, None)
        self._left_out = ""

    def walk(self, model_id: str) -> Walk:
        """The way of one call; `model_id` is where it goes without any table."""
        table = self._table.current() if self._table is not None else None
        known, routes = self._in_force
        if table is not known:
            routes = self._adopt(table, routes)
        if routes is None:
            given = Route(kind=OptionKind.OTHER, address=model_id, weight=1.0)
            routes = RouteSet((given,), chance=self._chance)
        return Walk(routes, self._patience, self._budget, self._clock)

    def served(self, walk: Walk, operation: str) -> None:
        """An attempt was served."""
        walk.served()
        if self._observer is not None:
            self._tell(walk, operation, "")

    def failed(self, walk: Walk, operation: str, error: CallError) -> float:
        """An attempt failed; seconds to wait before the next, at the walk's new route.

        Raises:
            CallError: there is none.
        """
        route, code = walk.route, code_of(error)
        logger.debug("%s at %s: %s", operation, route.address, code)
        if self._observer is not None:
            self._tell(walk, operation, code)
        return walk.failed(error)

    def _adopt(self, table: RoutingTable | None, before: RouteSet | None) -> RouteSet | None:
        wanted = self._wanted(table) if table is not None else ()
        usable = [route for route in wanted if self._reaches(route.region)]
        if table is not None:
            self._report(table, wanted)
        routes = RouteSet(usable, before, self._chance, self._home) if usable else None
        self._in_force = (table, routes)
        return routes

    def _report(self, table: RoutingTable, wanted: Sequence[Route]) -> None:
        """Warn of routes that are left out, once while they are in the same Regions."""
        left_out = [route.region for route in wanted if not self._reaches(route.region)]
        regions = ", ".join(sorted(set(left_out)))
        if regions and regions != self._left_out:
            logger.warning(
                "routing table of %s, version %s: %s of %s routes are in Regions without a client: "
                "%s",
                table.target,
                table.version,
                len(left_out),
                len(wanted),
                regions,
            )
        self._left_out = regions

    def _wanted(self, table: RoutingTable) -> tuple[Route, ...]:
        """The routes of the table for these calls, in spill order; batch jobs are no calls."""
        slow = [route for route in table.deferrable if route.kind is not OptionKind.BATCH]
        if not (self._waits and slow):
            return table.routes
        others = (replace(route, weight=0.0) for route in (*slow[1:], *table.routes))
        return (replace(slow[0], weight=1.0), *others)

    def _tell(self, walk: Walk, operation: str, code: str) -> None:
        table = self._in_force[0]
        attempt = Attempt(
            operation=operation,
            route=walk.route,
            version=table.version if table is not None else 0,
            code=code,
            seconds=self._clock() - walk.started,
        )
        try:
            if self._observer is not None:
                self._observer(attempt)
        except Exception:
            # A call that was paid for must not be lost because somebody counts it badly.
            logger.exception("the observer of calls failed")
