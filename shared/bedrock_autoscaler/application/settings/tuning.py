"""Changing settings: what a change says, whether it may be taken, and what it touches."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.settings import (
    DocumentParser,
    Documents,
    LastGood,
    Parameters,
    Settings,
    SettingsProblem,
)
from bedrock_autoscaler.application.settings.in_force import load_settings
from bedrock_autoscaler.domain.target import Target

Document = dict[str, Any]

MISSING = object()
"""Stands for a field that a document does not have."""
_COMPACT_ABOVE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field that differs between two documents; `MISSING` where one of them lacks it."""

    path: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What another text of one document would put in force.

    Attributes:
        before, after: the settings as they are, and as they would be.
        problems: those that the change brings; where there are any it must not be written.
    """

    before: Settings
    after: Settings
    problems: tuple[SettingsProblem, ...]

    def targets(self) -> Iterator[tuple[Target | None, Target | None]]:
        """Each target that would be another one, as it is and as it would be."""
        old = {target.name: target for target in self.before.targets}
        new = {target.name: target for target in self.after.targets}
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                yield old.get(name), new.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What judging a change needs.

    Attributes:
        last_good: is read and never written: what is good is the functions' own business.
        elsewhere: accounts and Regions beside the stack's own whose targets are managed.
    """

    parameters: Parameters
    parser: DocumentParser
    last_good: LastGood
    account: str
    region: str
    elsewhere: Collection[Place] = ()

    def settings(self) -> Settings:
        """The settings as the functions would load them now.

        Raises:
            ObservationError: the documents could not be read.
        """
        return self._load(self.parameters.documents().texts)

    def effect(self, name: str, text: str | None) -> Effect:
        """What writing `text` as the document `name` (None: deleting it) would do.

        Raises:
            ObservationError: the documents could not be read.
        """
        (effect,) = self.effects(name, (text,))
        return effect

    def effects(self, name: str, candidates: Sequence[str | None]) -> Iterator[Effect]:
        """The same of each of several texts, beside documents that are read once.

        Raises:
            ObservationError: the documents could not be read.
        """
        texts = self.parameters.documents().texts
        before = self._load(texts)
        known = {problem for problem in before.problems if problem.document != name}
        for text in candidates:
            changed = {key: value for key, value in texts.items() if key != name}
            if text is not None:
                changed[name] = text
            after = self._load(changed)
            new = tuple(problem for problem in after.problems if problem not in known)
            yield Effect(before=before, after=after, problems=new)

    def _load(self, texts: Mapping[str, str]) -> Settings:
        return load_settings(
            _Texts(texts),
            self.parser,
            ReadOnlyLastGood(self.last_good),
            account=self.account,
            region=self.region,
            elsewhere=self.elsewhere,
        )


class ReadOnlyLastGood(LastGood):
    """The last good documents, without keeping new ones: that is the stack's own business."""

    def __init__(self, kept: LastGood) -> None:
        self._kept = kept

    @override
    def get(self, name: str) -> str | None:
        """The last accepted text."""
        return self._kept.get(name)

    @override
    def texts(self) -> Mapping[str, str]:
        """The last accepted texts."""
        return self._kept.texts()

    @override
    def put(self, name: str, text: str, changed_at: Sequence[datetime]) -> None:
        """Keep nothing."""


class _Texts(Parameters):
    """Documents as they would be."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    @override
    def documents(self) -> Documents:
        """The texts, which nobody has written yet."""
        return Documents(texts=self._texts)


def edited(
    document: Mapping[str, Any], changes: Mapping[str, Any], removals: Sequence[str] = ()
) -> Document:
    """The document with some fields set and others left out, by dotted paths.

    A position in a list is a number: `options.0.quota`. Objects on the way are made. Positions to
    be left out are those of the document before any is.

    Raises:
        ConfigurationError: a path leads through a value that is no object or list, or to a field
            that is to be left out and is not there.
    """
    result: Document = json.loads(json.dumps(document))
    for path, value in changes.items():
        parent, last = _parent(result, path, make=True)
        if isinstance(parent, list):
            parent[_position(parent, last, path)] = value
        else:
            parent[last] = value
    _leave_out(result, removals)
    return result


def document_text(document: Mapping[str, Any]) -> str:
    """The text to store: one field a line, or without spaces where that is too large."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    if len(text.encode()) <= _COMPACT_ABOVE:
        return text
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The fields that differ, by path."""
    old, new = dict(leaves(before)), dict(leaves(after))
    return tuple(
        FieldChange(path=path, before=old.get(path, MISSING), after=new.get(path, MISSING))
        for path in sorted(old.keys() | new.keys())
        if old.get(path, MISSING) != new.get(path, MISSING)
    )


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value that is no object or list, with its path; an empty one stands for itself."""
    if isinstance(value, dict) and (value or not path):
        for key, child in value.items():
            yield from leaves(child, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for index, child in enumerate(value):
            yield from leaves(child, f"{path}.{index}")
    else:
        yield path, value


def _leave_out(document: Document, paths: Sequence[str]) -> None:
    """Delete the fields of all paths, none of which a deletion of another one moves."""
    names: dict[tuple[int, str], Document] = {}
    positions: dict[tuple[int, int], list[Any]] = {}
    for path in paths:
        parent, last = _parent(document, path, make=False)
        if isinstance(parent, list):
            positions[id(parent), _position(parent, last, path)] = parent
        elif last in parent:
            names[id(parent), last] = parent
        else:
            raise ConfigurationError(f"{path} is not in the document, so it cannot be left out")
    for (_, name), holder in names.items():
        del holder[name]
    for (_, position), values in sorted(positions.items(), key=lambda each: -each[0][1]):
        del values[position]


def _parent(document: Document, path: str, *, make: bool) -> tuple[Any, str]:
    """What holds the field of a path, and the field's own name in it."""
    *way, last = path.split(".")
    node: Any = document
    for part in way:
        if isinstance(node, list):
            node = node[_position(node, part, path)]
        elif isinstance(node, dict):
            if part not in node and not make:
                raise ConfigurationError(f"{path} is not in the document: {part} is missing")
            child = node.get(part)
            if child is None and make:
                child = node[part] = {}
            node = child
    if not isinstance(node, dict | list):
        raise ConfigurationError(f"{path} leads through {json.dumps(node)}, which has no fields")
    return node, last


def _position(values: Sequence[object], part: str, path: str) -> int:
    if part.isdecimal() and int(part) < len(values):
        return int(part)
    raise ConfigurationError(
        f"{path}: {part!r} is no position in a list of {len(values)}; they count from 0"
    )
