"""Versions of a settings document: listed, compared, and found to go back to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from bedrock_autoscaler.adapters.documents.text import read_object
from bedrock_autoscaler.adapters.stored_settings import StoredVersion
from bedrock_autoscaler.application.settings.tuning import MISSING, Effect, FieldChange, differences
from bedrock_autoscaler.cli.output import CommandError, read_text
from bedrock_autoscaler.cli.settings.changing import change_lines
from bedrock_autoscaler.cli.stack import SWITCH, StackAccess
from bedrock_autoscaler.domain.units import iso

_SHOWN_CHANGES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two texts of a document, named, and the fields that differ."""

    before: str
    after: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version in a history.

    Attributes:
        changes: against the version before it.
        problem: why it could not be in force now; empty when it could.
    """

    stored: StoredVersion
    changes: tuple[FieldChange, ...]
    problem: str

    def to_document(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "version": self.stored.version,
            "at": iso(self.stored.at),
            "by": self.stored.by,
            "why": self.stored.why,
            "problem": self.problem or None,
            "changes": change_lines(self.changes),
            "text": self.stored.text,
        }


def history_of(access: StackAccess, name: str) -> list[Entry]:
    """The versions, newest first; `switch` is the kill switch, and the name of no target.

    Raises:
        CommandError: there is no such document.
    """
    if name == SWITCH:
        return _history_of_switch(access)
    versions = _versions(access, name)
    entries: list[Entry] = []
    before: dict[str, Any] = {}
    effects = access.tuning.effects(name, [stored.text for stored in versions])
    for stored, effect in zip(versions, effects, strict=True):
        document = _object_or_nothing(stored.text)
        changes = differences(before, document)
        entries.append(Entry(stored=stored, changes=changes, problem=_first_problem(effect)))
        before = document
    return entries[::-1]


def print_history(name: str, entries: list[Entry]) -> None:
    """Each version on a line, what changed below."""
    for entry in entries:
        stored = entry.stored
        typer.secho(f"{name} version {stored.version}  {iso(stored.at)}  {stored.by}", bold=True)
        if stored.why:
            typer.echo(f"    {stored.why}")
        if entry.problem:
            typer.echo(f"    not valid: {entry.problem}")
        lines = change_lines(entry.changes)
        for line in lines[:_SHOWN_CHANGES]:
            typer.echo(f"    {line}")
        if len(lines) > _SHOWN_CHANGES:
            typer.echo(f"    and {len(lines) - _SHOWN_CHANGES} further fields")


def compared(
    access: StackAccess, name: str, *, first: int | None, last: int | None, file: Path | None
) -> Comparison:
    """Two versions, or the newest one and a file.

    Raises:
        CommandError: there is no such version, or a text is no JSON object.
    """
    versions = _versions(access, name)
    newest = versions[-1]
    if file is not None:
        text = read_text(file)
        return Comparison(
            before=f"version {newest.version}",
            after=str(file),
            changes=differences(
                _object(newest.text, f"version {newest.version}"), _object(text, f"{file}")
            ),
        )
    after = _numbered(versions, last) if last is not None else newest
    default = max(after.version - 1, versions[0].version)
    before = _numbered(versions, default if first is None else first)
    return Comparison(
        before=f"version {before.version}",
        after=f"version {after.version}",
        changes=differences(
            _object(before.text, f"version {before.version}"),
            _object(after.text, f"version {after.version}"),
        ),
    )


def earlier_version(
    access: StackAccess, name: str, to: int | None
) -> tuple[StoredVersion, StoredVersion]:
    """The newest version, and the one to go back to.

    Without a number that is the newest other text which would be valid now.

    Raises:
        CommandError: there is none.
    """
    versions = _versions(access, name)
    newest = versions[-1]
    if to is not None:
        return newest, _numbered(versions, to)
    earlier = [stored for stored in reversed(versions[:-1]) if stored.text != newest.text]
    effects = access.tuning.effects(name, [stored.text for stored in earlier])
    for stored, effect in zip(earlier, effects, strict=True):
        if not effect.problems:
            return newest, stored
    raise CommandError(
        f"{name} has no earlier version that is valid and another than version {newest.version}; "
        f"`bedrock-autoscaler settings history {name}` says what is wrong with each"
    )


def _history_of_switch(access: StackAccess) -> list[Entry]:
    thrown = access.stored.switch_versions()
    if not thrown:
        raise CommandError(f"{access.switch_name} was never set: nothing acts")
    before = (MISSING, *(stored.text for stored in thrown))
    entries = [
        Entry(
            stored=stored,
            changes=(FieldChange(path=SWITCH, before=said, after=stored.text),),
            problem="",
        )
        for said, stored in zip(before, thrown, strict=False)
    ]
    return entries[::-1]


def _versions(access: StackAccess, name: str) -> tuple[StoredVersion, ...]:
    versions = access.stored.versions(name)
    if not versions:
        raise CommandError(f"there is no document {access.stored.parameter(name)}")
    return versions


def _numbered(versions: tuple[StoredVersion, ...], number: int) -> StoredVersion:
    found = next((one for one in versions if one.version == number), None)
    if found is None:
        kept = f"{versions[0].version} to {versions[-1].version}"
        raise CommandError(f"there is no version {number}; Parameter Store keeps {kept}")
    return found


def _first_problem(effect: Effect) -> str:
    if not effect.problems:
        return ""
    problem = effect.problems[0]
    return f"{problem.field}: {problem.message}".removeprefix(": ")


def _object(text: str, subject: str) -> dict[str, Any]:
    try:
        return read_object(text)
    except ValueError as error:
        raise CommandError(f"{subject}: {error}") from error


def _object_or_nothing(text: str) -> dict[str, Any]:
    try:
        return read_object(text)
    except ValueError:
        return {}
