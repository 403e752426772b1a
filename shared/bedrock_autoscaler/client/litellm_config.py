"""A routing table as a LiteLLM Router configuration; needs no LiteLLM."""

import hashlib
from collections.abc import Mapping
from typing import Any

from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable

ROUTE_ID_PREFIX = "route-"
ROUTER_SETTINGS: Mapping[str, Any] = {
    "routing_strategy": "simple-shuffle",
    # A failed call goes on to the deployments of its group that it has not tried, without a wait.
    "enable_weighted_failover": True,
    "num_retries": 0,
    # LiteLLM leaves a throttled deployment alone for so many seconds; its default is 5.
    "cooldown_time": 2,
}
"""What the Router must be told besides the deployments, so that calls spill as the table says."""

_ENDPOINT = "aws_bedrock_runtime_endpoint"
_OF_A_ROUTE = frozenset(
    {
        "aws_region_name",
        "model",
        "model_id",
        "order",
        "performanceConfig",
        "service_tier",
        "serviceTier",
        "weight",
    }
)


def router_config(table: RoutingTable, region: str = "") -> dict[str, Any]:
    """The `model_list` and `router_settings` of a LiteLLM Router or proxy for one target.

    The target's name is the model that callers ask for. Routes with a weight come first, drawn by
    it; the others follow in spill order.

    Args:
        table: what to follow; the result is as old as it is.
        region: Region of routes that name none; empty leaves it to LiteLLM's environment.
    """
    return {
        "model_list": deployments(table, {"aws_region_name": region} if region else {}),
        "router_settings": dict(ROUTER_SETTINGS),
    }


def deployments(
    table: RoutingTable,
    common: Mapping[str, Any],
    regions: Mapping[str, Mapping[str, Any]] | None = None,
    group: str = "",
) -> list[dict[str, Any]]:
    """The deployments of a table, one per route.

    Args:
        table: what to follow.
        common: parameters that every deployment shares, such as credentials; those that a route
            decides are left out, and an endpoint is used in its own Region only.
        regions: further parameters by Region, such as the endpoint there.
        group: model that callers ask for; the target's name by default.
    """
    name = group or table.target
    base = _base_model(table)
    shared = {key: value for key, value in common.items() if key not in _OF_A_ROUTE}
    elsewhere = {key: value for key, value in shared.items() if key != _ENDPOINT}
    home = common.get("aws_region_name")
    found = []
    for position, route in enumerate(table.routes, start=1):
        region = route.region or home
        params = {**(shared if region == home else elsewhere), **_params(route, base)}
        if region:
            params |= {"aws_region_name": region, **(regions or {}).get(region, {})}
        # LiteLLM draws by weight among the lowest order that is left.
        params |= {"order": 1 if route.weight else 1 + position, "weight": route.weight}
        found.append(
            {
                "model_name": name,
                "litellm_params": params,
                "model_info": {"id": route_id(name, route)},
            }
        )
    return found


def route_id(group: str, route: Route) -> str:
    """The id of a route's deployment in a model group, the same in every version of the table."""
    place = "\n".join((group, *route.place))
    return ROUTE_ID_PREFIX + hashlib.sha256(place.encode()).hexdigest()[:16]


def _params(route: Route, base: str) -> dict[str, Any]:
    # LiteLLM takes a model's abilities and price from its name, which an ARN does not tell.
    is_arn = route.address.startswith("arn:")
    params: dict[str, Any] = {"model": f"bedrock/converse/{base if is_arn else route.address}"}
    if is_arn:
        params["model_id"] = route.address
    if route.tier:
        params["service_tier"] = route.tier
    if route.latency:
        params["performanceConfig"] = {"latency": route.latency}
    return params


def _base_model(table: RoutingTable) -> str:
    """The first address that is a model's or a profile's id; else the first address."""
    named = [route.address for route in table.routes if not route.address.startswith("arn:")]
    return named[0] if named else table.routes[0].address
