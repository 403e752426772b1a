"""Turns the first fault of a document into one sentence with its place and what is allowed."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bedrock_autoscaler.application.ports.settings import SettingsProblem

_SHOWN = 60
"""Characters of a foreign value that are repeated in a message."""

CONSENTS_REFUSED = (
    "consents are for backtests alone; deployed, a person agrees to one purchase by `approve`"
)

Node = dict[str, Any]


def problem_of(document: str, model: type[BaseModel], error: ErrorDetails) -> SettingsProblem:
    """The problem that one pydantic error stands for."""
    path = [part for part in error["loc"] if not str(part).startswith("<")]
    schema = _schema_of(model)
    if error["type"] == "conflict":
        context = error["ctx"]
        path += context["field"]
        message = str(context["reason"])
    elif error["type"] == "extra_forbidden":
        parent = allowed_at(schema, path[:-1])
        message = CONSENTS_REFUSED if path == ["consents"] else f"unknown key; give {parent}"
    elif error["type"] == "missing":
        message = f"missing; give {allowed_at(schema, path)}"
    else:
        message = f"{shown(error['input'])} is not allowed; give {allowed_at(schema, path)}"
    return SettingsProblem(document=document, field=dotted(path), message=message)


@cache
def _schema_of(model: type[BaseModel]) -> Node:
    """The model's JSON schema; it takes longer than all else, and never changes."""
    return model.model_json_schema()


def dotted(path: Sequence[str | int]) -> str:
    """`options.0.address`; keys from outside are cut and escaped."""
    return ".".join(
        part
        if isinstance(part, str) and part.isidentifier() and len(part) <= _SHOWN
        else shown(part)
        for part in path
    )


def shown(value: object) -> str:
    """A foreign value as short, printable JSON."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def allowed_at(schema: Node, path: Sequence[str | int]) -> str:
    """What the schema allows at a path, in words."""
    nodes = [schema]
    for part in path:
        nodes = [child for node in nodes for child in _children(schema, node, part)]
    return " or ".join(dict.fromkeys(described(schema, node) for node in nodes)) or "nothing here"


def alternatives(schema: Node, node: Node) -> Iterator[Node]:
    """The node itself with its reference followed, or each branch of a union."""
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", maxsplit=1)[-1]
        yield from alternatives(schema, schema["$defs"][name])
        return
    branches = node.get("anyOf", []) + node.get("oneOf", [])
    for branch in branches:
        yield from alternatives(schema, branch)
    if not branches:
        yield node


def _children(schema: Node, node: Node, part: str | int) -> Iterator[Node]:
    """What may stand under a key or an index of the node."""
    for alternative in alternatives(schema, node):
        child = (
            alternative.get("properties", {}).get(part)
            if isinstance(part, str)
            else alternative.get("items")
        )
        if child is not None:
            yield child


def described(schema: Node, node: Node) -> str:
    """What the schema's node allows, in words."""
    return " or ".join(
        dict.fromkeys(_describe_one(alternative) for alternative in alternatives(schema, node))
    )


def _describe_one(node: Node) -> str:
    if "const" in node or "enum" in node:
        return " or ".join(json.dumps(value) for value in node.get("enum", [node.get("const")]))
    kind = str(node.get("type"))
    return _DESCRIBED[kind](node) if kind in _DESCRIBED else kind


def _range(node: Node) -> str:
    if "exclusiveMinimum" in node:
        return f" above {node['exclusiveMinimum']}, at most {node['maximum']}"
    return f" from {node['minimum']} to {node['maximum']}"


def _describe_text(node: Node) -> str:
    if node.get("format") == "date":
        return 'a date such as "2026-11-01"'
    if node.get("format") == "date-time":
        return 'a moment such as "2026-11-01T00:00:00Z"'
    parts = [
        "a text",
        f" of {node['minLength']} to {node['maxLength']} characters" if "maxLength" in node else "",
        f" that matches {node['pattern']}" if "pattern" in node else "",
    ]
    return "".join(parts)


_DESCRIBED: Mapping[str, Callable[[Node], str]] = {
    "integer": lambda node: f"a whole number{_range(node)}",
    "number": lambda node: f"a number{_range(node)}",
    "string": _describe_text,
    "boolean": lambda _: "true or false",
    "array": lambda node: f"a list of at most {node['maxItems']}",
    "object": lambda node: f"an object with keys among {', '.join(sorted(node['properties']))}",
}
