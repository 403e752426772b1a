"""The form of the routing table: one JSON Schema, published for readers and checked against here.

The client may depend on boto3 alone, so the few keywords that the schema uses are interpreted in
this module. `python -m bedrock_autoscaler.client.schema PATH` writes the published file.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from bedrock_autoscaler.domain.units import as_utc

type Schema = Mapping[str, Any]

SCHEMA_VERSION = 1
MAX_VERSION = 2**53 - 1
"""The highest version of a table: beyond it not every reader of JSON tells integers apart."""
KINDS = (
    "provisioned, on_demand, geographic_profile, global_profile, custom_deployment, "
    "imported_model, marketplace_endpoint, prompt_router, batch"
)
_LONGEST_SHOWN = 20
_REGION = r"^[a-z]{2,}(-[a-z0-9]+)+$"
_NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"

_ROUTE: Schema = {
    "description": "One address to send calls to.",
    "type": "object",
    "required": ["kind", "address", "weight"],
    "properties": {
        "kind": {
            "description": f"How the address is billed: {KINDS}, ... Accept kinds you do not know.",
            "type": "string",
            "minLength": 1,
        },
        "address": {
            "description": "The `modelId` to pass to Bedrock.",
            "type": "string",
            "minLength": 1,
        },
        "weight": {
            "description": "Share of the calls offered here first.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
        },
        "region": {
            "description": "Region to call from; absent: the Region of the target.",
            "type": "string",
            "pattern": _REGION,
        },
        "tier": {
            "description": "Service tier to ask for (`serviceTier`): priority, default, flex, "
            "reserved. Absent: ask for none.",
            "type": "string",
            "minLength": 1,
        },
        "latency": {
            "description": "Latency to ask for (`performanceConfig`): optimized. Absent: ask for "
            "none.",
            "type": "string",
            "minLength": 1,
        },
    },
}

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Routing table",
    "description": "Where callers of one target send their calls. Draw a first route by weight. "
    "What is throttled, refused or not found there goes to the other routes, from the top. A "
    "table never expires: keep the last one that was valid. Ignore keys you do not know.",
    "type": "object",
    "required": [
        "schema",
        "target",
        "version",
        "routes",
        "refresh_seconds",
        "no_fallback",
        "decision_id",
        "published_at",
    ],
    "properties": {
        "schema": {
            "description": "Version of this form.",
            "type": "integer",
            "minimum": SCHEMA_VERSION,
            "maximum": SCHEMA_VERSION,
        },
        "target": {
            "description": "The target that the table is for.",
            "type": "string",
            "minLength": 1,
            "maxLength": 32,
            "pattern": _NAME,
        },
        "version": {
            "description": "Rises with each change; refuse a lower one.",
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_VERSION,
        },
        "routes": {
            "description": "In the order of spilling; the weights add to 1, and no two routes "
            "agree in address, region, tier and latency.",
            "type": "array",
            "minItems": 1,
            "items": _ROUTE,
        },
        "deferrable": {
            "description": "For work that may wait, best first; weights mean nothing here. "
            "Absent: none is set apart.",
            "type": "array",
            "items": _ROUTE,
        },
        "refresh_seconds": {
            "description": "Look again after this time; a hint.",
            "type": "integer",
            "minimum": 1,
        },
        "no_fallback": {
            "description": "True when every route is provisioned throughput.",
            "type": "boolean",
        },
        "decision_id": {
            "description": "The decision that the table carries out.",
            "type": "string",
        },
        "published_at": {
            "description": "When it was published, in UTC.",
            "type": "string",
            "format": "date-time",
        },
    },
}


def first_breach(value: object, schema: Schema = SCHEMA) -> str | None:
    """Where a JSON value first departs from a schema, as `place: what is wrong`; None if nowhere.

    Knows the keywords that the routing table's schema uses, and no others.
    """
    expected = schema["type"]
    if not _TYPES[expected](value):
        return f": must be of type {expected}"
    if isinstance(value, dict):
        return _object_breach(value, schema)
    if isinstance(value, list):
        return _array_breach(value, schema)
    problem = _text_problem(value, schema) if isinstance(value, str) else _bounds(value, schema)
    return f": {problem}" if problem else None


def _object_breach(value: Mapping[str, object], schema: Schema) -> str | None:
    for name in schema["required"]:
        if name not in value:
            return f".{name}: is missing"
    for name, member in schema["properties"].items():
        breach = first_breach(value[name], member) if name in value else None
        if breach:
            return f".{name}{breach}"
    return None


def _array_breach(value: Sequence[object], schema: Schema) -> str | None:
    if len(value) < schema.get("minItems", 0):
        return f": needs at least {schema['minItems']} items"
    for index, item in enumerate(value):
        breach = first_breach(item, schema["items"])
        if breach:
            return f".{index}{breach}"
    return None


def _text_problem(value: str, schema: Schema) -> str | None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return f"has {len(value)} characters"
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        return f"must match {schema['pattern']}"
    if schema.get("format") == "date-time" and not _is_aware_time(value):
        return "must be a date and time with its offset from UTC"
    return None


def _bounds(value: object, schema: Schema) -> str | None:
    if not isinstance(value, int | float):
        return None
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and value < low:
        return f"is {shown(value)}, must be at least {low}"
    if high is not None and value > high:
        return f"is {shown(value)}, must be at most {high}"
    return None


def shown(value: float) -> str:
    """A number as a message has it: JSON's may have hundreds of digits."""
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _is_aware_time(value: str) -> bool:
    try:
        as_utc(datetime.fromisoformat(value))
    except (ValueError, OverflowError):  # the last day of the year 9999 may lie beyond it in UTC
        return False
    return True


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and isfinite(value))


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": _is_number,
    "integer": _is_integer,
}


def schema_text() -> str:
    """The published JSON Schema, indented, with a final newline."""
    return json.dumps(SCHEMA, indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
