"""From the text of a parameter to a JSON object, and one object laid over another."""

import json
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

_MAX_DEPTH = 12
"""Deeper nesting than any field needs; it keeps merging and reporting bounded."""


def read_object(text: str) -> Object:
    """The JSON object in `text`.

    Raises:
        ValueError: it is no JSON, no object, has a key twice, a NaN, or is nested too deep.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise ValueError(reason) from error
    except RecursionError as error:
        raise ValueError("not usable: nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError(f"not a JSON object but {type(value).__name__}")  # noqa: TRY004 - one error type for a bad text
    if _depth(value) > _MAX_DEPTH:
        raise ValueError("not usable: nested too deep")
    return value


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Object:
    """`above` laid over `below`: objects merge key by key, everything else is replaced."""
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            result[key] = merged(lower, value)
        else:
            result[key] = value
    return result


def _unique(pairs: list[tuple[str, Any]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _depth(value: object) -> int:
    """Levels of objects and lists."""
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            child
            for node in level
            for child in (
                node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
            )
        ]
    return depth
