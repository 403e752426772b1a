"""Every field of the settings documents with its range, its default and its effect.

Help texts and the tuning guide are made of this, so that they cannot differ from the parser.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from bedrock_autoscaler.adapters.documents.document import TargetDocument
from bedrock_autoscaler.adapters.documents.limits import StackDocument
from bedrock_autoscaler.adapters.documents.problems import Node, alternatives, described

DocumentKind = Literal["target", "stack"]
_MODELS: dict[DocumentKind, type[BaseModel]] = {"target": TargetDocument, "stack": StackDocument}
_NO_DEFAULT = object()
THRESHOLDS = (
    "slo",
    "guard_rails",
    "observing",
    "classifying",
    "sizing",
    "gating",
    "draining",
    "routing",
)
"""The sections whose every field is a number to tune."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a document.

    Attributes:
        path: dotted, with `[]` for any position in a list: `options[].quota`.
        allowed: what may stand there, in words.
        default: the shipped value as JSON; empty where one must be given.
        effect: what it means, and what a higher or lower value does.
    """

    path: str
    allowed: str
    default: str
    effect: str

    @property
    def section(self) -> str:
        """The first part of the path; empty for a field of the document itself."""
        first, dot, _ = self.path.partition(".")
        return first if dot else ""


def fields_of(kind: DocumentKind = "target") -> tuple[Field, ...]:
    """All fields of a kind of document, in the order of its schema."""
    schema = _MODELS[kind].model_json_schema()
    return tuple(_walk(schema, schema, ""))


def thresholds() -> tuple[Field, ...]:
    """The fields that are tuned, section by section."""
    return tuple(field for field in fields_of() if field.section in THRESHOLDS)


def shipped_defaults() -> dict[str, object]:
    """What a target's document says where neither it nor `defaults` do."""
    found: dict[str, object] = {}
    for name, field in TargetDocument.model_fields.items():
        if field.is_required():
            continue
        value = field.get_default(call_default_factory=True)
        found[name] = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in found.items()
    }


def _walk(schema: Node, node: Node, path: str) -> Iterator[Field]:
    """The fields under an object, those of objects in it after each."""
    for name, child in node.get("properties", {}).items():
        at = f"{path}.{name}" if path else name
        inner = [one for one in alternatives(schema, child) if "properties" in one]
        listed = [
            item
            for one in alternatives(schema, child)
            if "items" in one
            for item in alternatives(schema, one["items"])
            if "properties" in item
        ]
        default = child.get("default", _NO_DEFAULT)
        if not inner or not isinstance(default, dict):
            yield Field(
                path=at,
                allowed=described(schema, child),
                default="" if default is _NO_DEFAULT else json.dumps(default),
                effect=str(child.get("description", "")),
            )
        for one in inner:
            yield from _walk(schema, one, at)
        for one in listed:
            yield from _walk(schema, one, f"{at}[]")
