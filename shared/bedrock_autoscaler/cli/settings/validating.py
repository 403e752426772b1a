"""Checking settings documents, stored ones and files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.application.settings.in_force import DEFAULTS, STACK
from bedrock_autoscaler.cli.output import CommandError, read_text
from bedrock_autoscaler.cli.stack import StackAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A document and its first problem.

    Attributes:
        in_force: what is in force instead; empty where the document itself is.
    """

    name: str
    problem: SettingsProblem | None
    in_force: str = ""

    def to_document(self) -> dict[str, object]:
        """As JSON values."""
        problem = self.problem
        return {
            "document": self.name,
            "valid": problem is None,
            "field": problem.field if problem else None,
            "message": problem.message if problem else None,
            "in_force": self.in_force or "this document",
        }


def check_stored(access: StackAccess, names: Sequence[str]) -> list[Checked]:
    """The documents in Parameter Store, all or those named.

    Raises:
        CommandError: one that is named does not exist.
    """
    texts = access.tuning.parameters.documents().texts
    unknown = [name for name in names if name not in texts]
    if unknown:
        raise CommandError(
            f"there is no document {unknown[0]!r}; documents: {', '.join(sorted(texts)) or 'none'}"
        )
    settings = access.settings()
    in_force = {target.name for target in settings.targets}
    checked = []
    for name in names or sorted(texts):
        problem = next((one for one in settings.problems if one.document == name), None)
        kept = access.tuning.last_good.get(name) is not None
        instead = "the last valid text" if kept and (name in in_force or name in _SHARED) else ""
        checked.append(
            Checked(
                name=name, problem=problem, in_force=(instead or "nothing of it") if problem else ""
            )
        )
    return checked


def check_file(
    name: str, file: Path, defaults: Path | None, access: Callable[[], StackAccess]
) -> Checked:
    """A file as the document of a name.

    With `defaults` the files alone are looked at; else it is checked beside what the stack has.

    Raises:
        CommandError: a file cannot be read.
    """
    text = read_text(file)
    if defaults is None:
        problems = access().tuning.effect(name, text).problems
        return Checked(name=name, problem=problems[0] if problems else None)
    parser = TargetDocuments(load_prices(), load_models().variants_of)
    found: object
    if name == STACK:
        found = parser.parse_stack(text)
    elif name == DEFAULTS:
        return Checked(name=name, problem=parser.check_defaults(text))
    else:
        found = parser.parse(name, read_text(defaults), text)
    return Checked(name=name, problem=found if isinstance(found, SettingsProblem) else None)


def print_checked(checked: Sequence[Checked]) -> None:
    """Each document on a line; what to do below an invalid one."""
    for one in checked:
        if one.problem is None:
            typer.echo(f"valid    {one.name}")
            continue
        field = f"{one.problem.field}: " if one.problem.field else ""
        typer.echo(f"INVALID  {one.name}: {field}{one.problem.message}")
        if one.in_force:
            typer.echo(f"         in force: {one.in_force}")
            typer.echo(
                f"         back to the last valid version: bedrock-autoscaler settings rollback "
                f"{one.name}"
            )
    if not checked:
        typer.echo("there is no document; `bedrock-autoscaler targets add` makes one")


_SHARED = frozenset({DEFAULTS, STACK})
