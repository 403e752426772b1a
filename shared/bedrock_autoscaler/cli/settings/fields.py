"""Fields of settings documents on the command line: found by name, printed, assigned."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bedrock_autoscaler.adapters.documents.fields import DocumentKind, Field, fields_of
from bedrock_autoscaler.application.settings.in_force import STACK
from bedrock_autoscaler.cli.output import CommandError

_INDENT = (0, 0, 0, 4)
_MOST_HINTS = 5


def chosen(name: str) -> tuple[Field, ...]:
    """The fields that a name means: a path, all below a path, or the last part of paths.

    Raises:
        CommandError: no field has such a name.
    """
    fields = fields_of()
    found = _at_or_below(name, fields)
    found = found or [f for f in fields if f.path.rpartition(".")[2] == name]
    if not found:
        raise _unknown(name, fields)
    return tuple(found)


def _at_or_below(path: str, fields: Sequence[Field]) -> list[Field]:
    """The field of a path, which may have positions in lists, and all below it."""
    pattern = ".".join("[]" if part.isdecimal() else part for part in path.split("."))
    pattern = pattern.replace(".[]", "[]")
    return [
        field
        for field in fields
        if field.path == pattern or field.path.startswith((f"{pattern}.", f"{pattern}["))
    ]


def full_path(name: str, kind: DocumentKind = "target") -> str:
    """The path of a field, which may be given by its last part where that is unique.

    Raises:
        CommandError: several fields end so, or none.
    """
    fields = fields_of(kind)
    tops = {field.path.split(".")[0].removesuffix("[]") for field in fields}
    if "." in name or name in tops:
        return name
    ends = [field.path for field in fields if field.path.rpartition(".")[2] == name]
    if len(ends) > 1:
        raise CommandError(f"several fields are called {name}: give one of {', '.join(ends)}")
    if not ends:
        raise _unknown(name, fields)
    return ends[0]


def _unknown(name: str, fields: Sequence[Field]) -> CommandError:
    """The refusal of a name, with those that are spelled alike."""
    last = name.rpartition(".")[2]
    ends = {field.path: field.path.rpartition(".")[2] for field in fields}
    alike = get_close_matches(last, set(ends.values()), n=_MOST_HINTS)
    near = [path for one in alike for path, end in ends.items() if end == one]
    near = near or [path for path in ends if last in path]
    hint = f"did you mean {' or '.join(near[:_MOST_HINTS])}? " if near else ""
    return CommandError(f"there is no field {name!r}; {hint}`settings explain` lists them all")


def assignments(texts: Sequence[str], kind: DocumentKind = "target") -> dict[str, Any]:
    """Values by path, from `field=value`; a value that is no JSON is taken for a word.

    Raises:
        CommandError: there is no equals sign, or a field is given twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f"{text!r} is no change; write FIELD=VALUE, such as max_units=3")
        path = full_path(name, kind)
        if path in found:
            raise CommandError(f"{path} is given twice")
        found[path] = _value(value)
    return found


def value_at(document: Mapping[str, Any], name: str, target: str) -> object:
    """The value of a field.

    Args:
        document: in force, with what lies under it.
        name: of the field.
        target: the document's own name.

    Raises:
        CommandError: it is not there.
    """
    kind: DocumentKind = "stack" if target == STACK else "target"
    path = full_path(name, kind)
    node: Any = document
    for part in path.split("."):
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            fields = fields_of(kind)
            if not _at_or_below(path, fields):
                raise _unknown(path, fields)
            raise CommandError(
                f"{path} has no value; `settings show {target} --all` lists what has one"
            )
    return node


def print_fields(fields: Sequence[Field]) -> None:
    """Each field on a line with range and shipped value, its effect below."""
    console = Console()
    section = None
    for field in fields:
        if field.section != section:
            section = field.section
            console.print(Text(f"\n{section or 'the document'}", style="bold"))
        line = Text(f"  {field.path}", style="cyan")
        line.append(f"  {field.allowed}", style="default")
        if field.default:
            line.append(f" (shipped: {field.default})", style="dim")
        console.print(line, soft_wrap=True)
        if field.effect:
            console.print(Padding(Text(field.effect, style="dim"), _INDENT))


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
