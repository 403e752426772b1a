"""A routing table as resources of Envoy AI Gateway (`aigateway.envoyproxy.io/v1alpha1`).

Source: the CRD `aigatewayroutes.aigateway.envoyproxy.io` of envoyproxy/ai-gateway at commit
023b43982ad0, read 2026-11-21. Not tried on a running gateway.
"""

import json
from itertools import count
from typing import Any

from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable

_GROUP = "aigateway.envoyproxy.io"
_MODEL_HEADER = "x-ai-eg-model"
_WHOLE_WEIGHT = 1000


def envoy_resources(table: RoutingTable, region: str, gateway: str) -> dict[str, Any]:
    """A Kubernetes `List`: one route for the target, and what it needs of each Region.

    Callers ask for the model by the target's name. Routes with a weight have priority 0, drawn by
    it; the others follow by priority in spill order. Credentials (`BackendSecurityPolicy`) are the
    cluster's own affair.

    Args:
        table: what to follow; the result is as old as it is.
        region: Region of routes that name none.
        gateway: name of the Gateway that the route belongs to.
    """
    regions = list(dict.fromkeys(route.region or region for route in table.routes))
    items = [_route(table, region, gateway), _traffic_policy(table)]
    for each in regions:
        items += _backend(table.target, each)
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _route(table: RoutingTable, region: str, gateway: str) -> dict[str, Any]:
    match = {"type": "Exact", "name": _MODEL_HEADER, "value": table.target}
    # Envoy wants priorities from 0 up without a gap.
    later = count(1)
    references = [
        _reference(table.target, route, region, 0 if route.weight else next(later))
        for route in table.routes
    ]
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}
    return {
        "apiVersion": f"{_GROUP}/v1alpha1",
        "kind": "AIGatewayRoute",
        "metadata": {
            "name": table.target,
            "annotations": {"bedrock-autoscaler/table-version": str(table.version)},
        },
        "spec": {
            "parentRefs": [parent],
            "rules": [{"matches": [{"headers": [match]}], "backendRefs": references}],
        },
    }


def _reference(target: str, route: Route, region: str, priority: int) -> dict[str, Any]:
    reference: dict[str, Any] = {
        "name": _name(target, route.region or region),
        "modelNameOverride": route.address,
        "priority": priority,
        "weight": round(route.weight * _WHOLE_WEIGHT) if route.weight else 1,
    }
    asked = []
    if route.tier:
        asked.append({"path": "service_tier", "value": json.dumps(route.tier)})
    if route.latency:
        value = json.dumps({"latency": route.latency})
        asked.append({"path": "performanceConfig", "value": value})
    if asked:
        reference["bodyMutation"] = {"set": asked}
    return reference


def _traffic_policy(table: RoutingTable) -> dict[str, Any]:
    """What lets a throttled call go on to the next priority, within the call."""
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": {"name": table.target},
        "spec": {
            "targetRefs": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "HTTPRoute",
                    "name": table.target,
                }
            ],
            "retry": {
                "numRetries": len(table.routes),
                "numAttemptsPerPriority": 1,
                "retryOn": {
                    "httpStatusCodes": [403, 404, 429, 500, 503],
                    "triggers": ["connect-failure", "retriable-status-codes"],
                },
            },
        },
    }


def _backend(target: str, region: str) -> list[dict[str, Any]]:
    name, host = _name(target, region), f"bedrock-runtime.{region}.amazonaws.com"
    backend = {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": name}
    return [
        {
            "apiVersion": f"{_GROUP}/v1alpha1",
            "kind": "AIServiceBackend",
            "metadata": {"name": name},
            "spec": {"schema": {"name": "AWSBedrock"}, "backendRef": backend},
        },
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "Backend",
            "metadata": {"name": name},
            "spec": {"endpoints": [{"fqdn": {"hostname": host, "port": 443}}]},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "BackendTLSPolicy",
            "metadata": {"name": name},
            "spec": {
                "targetRefs": [backend],
                "validation": {"wellKnownCACertificates": "System", "hostname": host},
            },
        },
    ]


def _name(target: str, region: str) -> str:
    return f"{target}-{region}"
