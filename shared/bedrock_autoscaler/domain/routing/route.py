"""One address of the routing table, with how a call there is made; and the weights of several."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bedrock_autoscaler.domain.option import InferenceOption, OptionKind
from bedrock_autoscaler.domain.units import significant


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address of the routing table.

    Attributes:
        address: the `modelId` that a caller passes.
        weight: share of the traffic that is offered here first, 0 to 1; the weights of a
            table add to 1. What does not fit spills down the table in its order.
        region: source Region to call from; empty for the Region of the target.
        tier: service tier to ask for (`priority`, `default`, `flex`, `reserved`); empty for
            Bedrock's choice.
        latency: `optimized` for latency-optimized inference; empty for the usual one.
    """

    kind: OptionKind
    address: str
    weight: float
    region: str = ""
    tier: str = ""
    latency: str = ""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What tells one route from another: address, Region, tier and latency."""
        return (self.address, self.region, self.tier, self.latency)


def route_of(option: InferenceOption, weight: float = 0.0) -> Route:
    """The route to an option."""
    address, region, tier, latency = option.place
    return Route(
        kind=option.kind, address=address, weight=weight, region=region, tier=tier, latency=latency
    )


def scaled(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """The same routes with weights that add to 1; all to the first when none had any."""
    whole = sum(route.weight for route in routes)
    if whole > 0:
        return tuple(replace(route, weight=route.weight / whole) for route in routes)
    return tuple(
        replace(route, weight=0.0 if position else 1.0) for position, route in enumerate(routes)
    )


def content(routes: Iterable[Route]) -> tuple[tuple[object, ...], ...]:
    """What callers see of these routes; those with the same are the same table.

    Two processors, or two versions of this code, may differ in the last bits of a weight.
    """
    return tuple((route.kind, route.place, significant(route.weight)) for route in routes)
