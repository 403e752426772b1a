"""The routing table as JSON: the publisher writes and checks it here, and callers read it here."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Never

from bedrock_autoscaler.client.schema import SCHEMA_VERSION, first_breach, shown
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_autoscaler.domain.units import as_utc

_OPTIONAL = ("region", "tier", "latency")


def parse_routing_table(text: str) -> RoutingTable:
    """The routing table in a parameter's value; keys that are not known are ignored.

    A caller keeps its parser for longer than a table keeps its form: one that refused a new key
    or a new kind of route would follow an old table for ever.

    Raises:
        ValueError: it is no valid table; one sentence says where and why.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"routing table: document: is no JSON ({type(error).__name__})") from error
    _require_known(document)
    breach = first_breach(document)
    if breach:
        place = breach.removeprefix(".")
        raise ValueError(f"routing table: {'document' if place[0] == ':' else ''}{place}")
    return RoutingTable(
        target=document["target"],
        version=document["version"],
        routes=tuple(_route(route) for route in document["routes"]),
        refresh_seconds=document["refresh_seconds"],
        no_fallback=document["no_fallback"],
        decision_id=document["decision_id"],
        published_at=as_utc(datetime.fromisoformat(document["published_at"])),
        deferrable=tuple(_route(route) for route in document.get("deferrable", ())),
    )


def routing_table_text(table: RoutingTable) -> str:
    """The table as compact JSON; the same table gives the same text."""
    document: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "target": table.target,
        "version": table.version,
        "routes": [_plain(route) for route in table.routes],
        "deferrable": [_plain(route) for route in table.deferrable],
        "refresh_seconds": table.refresh_seconds,
        "no_fallback": table.no_fallback,
        "decision_id": table.decision_id,
        "published_at": as_utc(table.published_at).isoformat().replace("+00:00", "Z"),
    }
    if not table.deferrable:
        del document["deferrable"]
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _require_known(document: object) -> None:
    """Say what helps where the form is a later one, whatever else is new in it."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if type(schema) is int and schema > SCHEMA_VERSION:
        raise ValueError(
            f"routing table: schema: is {shown(schema)}, and this version of the library knows "
            f"{SCHEMA_VERSION} at most; update bedrock-autoscaler here"
        )


def _route(document: Mapping[str, Any]) -> Route:
    known = document["kind"] in OptionKind
    return Route(
        kind=OptionKind(document["kind"]) if known else OptionKind.OTHER,
        address=document["address"],
        weight=document["weight"],
        **{name: document[name] for name in _OPTIONAL if name in document},
    )


def _plain(route: Route) -> dict[str, Any]:
    """The route without what it leaves to the caller: a parameter holds few bytes."""
    chosen = {name: getattr(route, name) for name in _OPTIONAL if getattr(route, name)}
    return {"kind": route.kind.value, "address": route.address, "weight": route.weight, **chosen}


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON number")
