"""The routing table that callers follow: the one value published to the outside."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import isclose

from bedrock_autoscaler.domain.option import InferenceOption
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import OptionKind

MOST_BYTES = 8_192
"""Of a table as JSON: callers read it from a parameter. Source: the AWS Systems Manager user guide,
parameter tiers: an advanced parameter holds 8 KB."""

_FRAME_BYTES = 480
_ROUTE_BYTES = 130
_THROUGHPUT_BYTES = 165
"""At most, of one route to a provisioned throughput: the ARN, the kind and the weight's digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTable:
    """Where callers of one target send their calls, in order; always valid once built.

    Attributes:
        version: rises by one with each published change; callers refuse a lower one.
        routes: in spill order; the weights add to 1.
        refresh_seconds: a hint; a table never expires.
        no_fallback: the table has no route besides provisioned throughput.
        decision_id: the decision that this table carries out.
        deferrable: for work that may wait, best first; their weights mean nothing.
    """

    target: str
    version: int
    routes: tuple[Route, ...]
    refresh_seconds: int
    no_fallback: bool
    decision_id: str
    published_at: datetime
    deferrable: tuple[Route, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a table that would mislead a caller."""
        problem = routing_problem(self.routes, no_fallback=self.no_fallback)
        if self.version < 1:
            problem = f"version is {self.version}, must be at least 1"
        if problem:
            message = f"routing table of target {self.target!r}: {problem}"
            raise ValueError(message)


def routing_problem(routes: tuple[Route, ...], *, no_fallback: bool) -> str | None:
    """What is wrong with these routes as a table, or None when nothing is."""
    if not routes:
        return "it has no route"
    addresses = [route.address for route in routes]
    if len({route.place for route in routes}) != len(routes) or not all(addresses):
        return f"its addresses must be distinct and not empty, they are {addresses}"
    if any(route.kind is OptionKind.BATCH for route in routes):
        return "batch answers in hours, so it is no route for calls"
    if any(not 0 <= route.weight <= 1 for route in routes):
        return f"a weight lies outside 0 to 1: {[route.weight for route in routes]}"
    total = sum(route.weight for route in routes)
    if not isclose(total, 1.0, abs_tol=1e-6):
        return f"its weights add to {total}, must add to 1"
    has_fallback = any(route.kind is not OptionKind.PROVISIONED for route in routes)
    if has_fallback == no_fallback:
        return f"no_fallback is {no_fallback}, but a route besides PT is {has_fallback}"
    return None


def throughput_room(options: Iterable[InferenceOption], throughputs: int) -> int:
    """How many provisioned throughputs more a table has room for, beside so many and the options.

    Callers never learn of one that does not fit, and none could be withdrawn from a table that
    cannot be written. Below 0 where there are too many already.
    """
    others = sum(_ROUTE_BYTES + sum(map(len, option.place)) for option in options)
    return (MOST_BYTES - _FRAME_BYTES - others) // _THROUGHPUT_BYTES - throughputs
