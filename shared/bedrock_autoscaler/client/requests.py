"""A caller's request as it goes to one route: its `modelId`, tier and latency."""

from collections.abc import Mapping
from typing import Any

from bedrock_autoscaler.domain.routing.route import Route

CONVERSE = frozenset({"converse", "converse_stream"})
STREAM_MEMBERS = {"converse_stream": "stream", "invoke_model_with_response_stream": "body"}


def addressed(operation: str, request: Mapping[str, Any], route: Route) -> dict[str, Any]:
    """The request with the route's address, and its tier and latency unless the caller chose."""
    sent = {**request, "modelId": route.address}
    if not (route.tier or route.latency):
        return sent
    if operation in CONVERSE:
        if route.tier:
            sent.setdefault("serviceTier", {"type": route.tier})
        if route.latency:
            sent.setdefault("performanceConfig", {"latency": route.latency})
    else:
        if route.tier:
            sent.setdefault("serviceTier", route.tier)
        if route.latency:
            sent.setdefault("performanceConfigLatency", route.latency)
    return sent


def repeatable(request: dict[str, Any]) -> dict[str, Any]:
    """The request with a body that can be sent more than once."""
    read = getattr(request.get("body"), "read", None)
    return {**request, "body": read()} if read is not None else request
