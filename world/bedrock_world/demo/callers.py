"""The callers: they follow the published routing table and spill as it says."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.demo.plan import MODEL
from bedrock_world.demo.results import Served
from bedrock_world.runtime import Call, Outcome

# What a caller asks for at most; on demand it is reserved until the answer is complete.
MAX_TOKENS = 1024

BEFORE_ANY_TABLE = (Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=1.0),)
"""What callers do until the first table is published."""


class Offers(Protocol):
    """Where calls go; the world in this process, through the same admission as over HTTP."""

    def offer(self, address: str, call: Call, at: datetime | None = None) -> Outcome:
        """One call at an instant; served or refused."""


class Callers:
    """Many callers of one target, as one: each call is tried once on each address it comes to.

    A call starts at an address drawn by weight; what is refused there goes through the other
    addresses of the table from the top. There is no retry on the same address: with a table of
    ways to go, waiting for one of them makes no sense.
    """

    def __init__(self, offers: Offers, seed: int) -> None:
        self._offers = offers
        self._random = Random(seed)  # noqa: S311 - a simulation, not a secret
        self.table: RoutingTable | None = None

    @property
    def table_version(self) -> int:
        """Version of the table in use; 0 before the first."""
        return self.table.version if self.table else 0

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes in use."""
        return self.table.routes if self.table else BEFORE_ANY_TABLE

    def learn(self, table: RoutingTable | None) -> None:
        """Take a table on, unless it is older than the one in use."""
        if table is not None and table.version > self.table_version:
            self.table = table

    def call(self, minute: datetime, asked: Served) -> Mapping[OptionKind, Served]:
        """Make one minute's calls; what was served, by kind of route."""
        routes = self.routes
        served: defaultdict[OptionKind, list[int]] = defaultdict(lambda: [0, 0, 0])
        for second, call in self._calls(asked):
            at = minute + timedelta(seconds=second)
            for route in self._order(routes):
                outcome = self._offers.offer(route.address, call, at)
                if outcome.served:
                    sums = served[route.kind]
                    sums[0] += 1
                    sums[1] += call.input_tokens
                    sums[2] += outcome.output_tokens
                    break
        return {
            kind: Served(requests=sums[0], input_tokens=sums[1], output_tokens=sums[2])
            for kind, sums in served.items()
        }

    def _calls(self, asked: Served) -> Iterator[tuple[float, Call]]:
        """The minute's calls in the order of time; their tokens add up to what is asked for."""
        number = round(asked.requests)
        for k in range(number):
            output = _part(asked.output_tokens, number, k)
            yield (
                60.0 * (k + self._random.random()) / number,
                Call(
                    input_tokens=_part(asked.input_tokens, number, k),
                    output_tokens=output,
                    max_tokens=max(MAX_TOKENS, output),
                ),
            )

    def _order(self, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """The addresses of one call, in the order in which it tries them."""
        drawn = self._random.random()
        for k, route in enumerate(routes):
            drawn -= route.weight
            if drawn < 0:
                return (route, *routes[:k], *routes[k + 1 :])
        return routes


def _part(total: float, number: int, k: int) -> int:
    """The k-th of `number` nearly equal whole parts of `total`."""
    whole = round(total)
    return whole * (k + 1) // number - whole * k // number
