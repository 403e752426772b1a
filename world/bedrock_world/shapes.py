"""Values against botocore's shapes: each member known, required ones there, constraints kept.

One walk serves both directions: JSON to Python values for requests, Python values to JSON for
responses. The wording of a constraint message is the one AWS uses.
"""

import base64
import binascii
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

Direction = Literal["decode", "encode"]
# A JSON value, or the Python value that botocore shows for it.
Wire = Any
# A value that left the service model on purpose: (shape, value) and why it may pass.
KNOWN_DEVIATIONS: dict[tuple[str, str], str] = {
    ("InferenceType", "INFERENCE_PROFILE"): (
        "switch `emit_unmodelled_inference_type`: AWS is reported to answer a value that its own "
        "service model does not list, and clients must tolerate it"
    ),
}
_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


class ShapeWalk:
    """Converts one value by its shape and gathers what is wrong with it in `problems`."""

    def __init__(self, direction: Direction) -> None:
        self.problems: list[str] = []
        self._decode = direction == "decode"

    def convert(self, shape: Shape, value: Wire, path: str) -> Wire:
        """`value` in the other form; an unusable part comes back as None and is a problem."""
        match shape:
            case StructureShape() if shape.is_document_type:
                return value
            case StructureShape():
                return self._structure(shape, value, path)
            case ListShape():
                return self._list(shape, value, path)
            case MapShape():
                return self._map(shape, value, path)
            case _:
                return self._scalar(shape, value, path)

    def raw(self, shape: Shape, content: bytes, path: str) -> bytes:
        """The content of a blob that travels as the body itself."""
        self._check_length(shape, len(content), "bytes", path)
        return content

    def _fail(self, value: object, path: str, constraint: str) -> None:
        shown = "null" if value is None else f"'{str(value)[:100]}'"
        self.problems.append(
            f"Value {shown} at '{path}' failed to satisfy constraint: Member must {constraint}"
        )

    def _structure(self, shape: StructureShape, value: Wire, path: str) -> Wire:
        if not isinstance(value, Mapping):
            self._fail(value, path, "be an object")
            return None
        members = {
            (wire_name(member, name) if self._decode else name): (name, member)
            for name, member in shape.members.items()
        }
        result: dict[str, Wire] = {}
        for key, item in value.items():
            if key not in members:
                self.problems.append(f"Unknown field '{_join(path, key)}'")
            elif item is not None:
                name, member = members[key]
                out = name if self._decode else wire_name(member, name)
                result[out] = self.convert(member, item, _join(path, name))
        self._check_presence(shape, result, path)
        return result

    def _check_presence(self, shape: StructureShape, result: Mapping[str, Wire], path: str) -> None:
        for name in shape.required_members:
            key = name if self._decode else wire_name(shape.members[name], name)
            if key not in result:
                self._fail(None, _join(path, name), "not be null")
        if shape.is_tagged_union and len(result) != 1:
            self._fail(sorted(result), path, "have exactly one member set")

    def _list(self, shape: ListShape, value: Wire, path: str) -> Wire:
        if not isinstance(value, list | tuple):
            self._fail(value, path, "be a list")
            return None
        self._check_length(shape, len(value), value, path)
        return [
            self.convert(shape.member, item, f"{path}.{index}.member")
            for index, item in enumerate(value, start=1)
        ]

    def _map(self, shape: MapShape, value: Wire, path: str) -> Wire:
        if not isinstance(value, Mapping):
            self._fail(value, path, "be an object")
            return None
        self._check_length(shape, len(value), sorted(value), path)
        return {
            self.convert(shape.key, key, f"{path}.key"): self.convert(
                shape.value, item, _join(path, str(key))
            )
            for key, item in value.items()
        }

    def _scalar(self, shape: Shape, value: Wire, path: str) -> Wire:
        match shape.type_name:
            case "string":
                return self._string(shape, value, path)
            case "boolean":
                return self._typed(value, path, bool, "a boolean")
            case "timestamp":
                return self._timestamp(shape, value, path)
            case "blob":
                return self._blob(shape, value, path)
            case "integer" | "long" | "float" | "double":
                return self._number(shape, value, path)
            case other:
                raise NotImplementedError(f"shape type {other} at {path}")

    def _typed(self, value: Wire, path: str, kind: type, named: str) -> Wire:
        if not isinstance(value, kind):
            self._fail(value, path, f"be {named}")
            return None
        return value

    def _string(self, shape: Shape, value: Wire, path: str) -> str | None:
        if self._typed(value, path, str, "a string") is None:
            return None
        text = str(value)  # a StrEnum becomes plain
        self._check_length(shape, len(text), text, path)
        pattern = shape.metadata.get("pattern")
        if pattern and not _pattern(pattern).fullmatch(text):
            self._fail(text, path, f"satisfy regular expression pattern: {pattern}")
        allowed = shape.enum if isinstance(shape, StringShape) else []
        if allowed and text not in allowed and (shape.name, text) not in KNOWN_DEVIATIONS:
            self._fail(text, path, f"satisfy enum value set: [{', '.join(allowed)}]")
        return text

    def _number(self, shape: Shape, value: Wire, path: str) -> float | None:
        kind = _NUMBERS[shape.type_name]
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        if not usable or not math.isfinite(value) or (kind is int and value != int(value)):
            self._fail(value, path, "be a whole number" if kind is int else "be a number")
            return None
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            self._fail(value, path, f"have value greater than or equal to {low}")
        if high is not None and value > high:
            self._fail(value, path, f"have value less than or equal to {high}")
        number: float = kind(value)
        return number

    def _timestamp(self, shape: Shape, value: Wire, path: str) -> Wire:
        iso = shape.serialization.get("timestampFormat") == "iso8601"
        if not self._decode:
            if self._typed(value, path, datetime, "a timestamp") is None:
                return None
            return iso_text(value) if iso else value.timestamp()
        try:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, tz=UTC)
            instant = datetime.fromisoformat(str(value))
        except (ValueError, OverflowError, OSError):
            self._fail(value, path, "be a timestamp")
            return None
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)

    def _blob(self, shape: Shape, value: Wire, path: str) -> Wire:
        if not self._decode:
            if self._typed(value, path, bytes, "bytes") is None:
                return None
            self._check_length(shape, len(value), "bytes", path)
            return base64.b64encode(value).decode()
        try:
            content = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            self._fail(value, path, "be base64")
            return None
        self._check_length(shape, len(content), "bytes", path)
        return content

    def _check_length(self, shape: Shape, length: int, value: object, path: str) -> None:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and length < low:
            self._fail(value, path, f"have length greater than or equal to {low}")
        if high is not None and length > high:
            self._fail(value, path, f"have length less than or equal to {high}")


def wire_name(shape: Shape, member_name: str) -> str:
    """The name of a member on the wire."""
    name: str = shape.serialization.get("name", member_name)
    return name


def iso_text(instant: datetime) -> str:
    """The instant as AWS writes it: UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
