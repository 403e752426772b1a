"""One change of a settings document: checked, shown, tried on the past, confirmed, written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bedrock_autoscaler.adapters.documents.text import read_object
from bedrock_autoscaler.adapters.stored_settings import StoredVersion
from bedrock_autoscaler.application.settings.in_force import DEFAULTS, STACK
from bedrock_autoscaler.application.settings.tuning import (
    MISSING,
    Effect,
    FieldChange,
    differences,
    document_text,
    edited,
)
from bedrock_autoscaler.cli.money.spending import spending_lines
from bedrock_autoscaler.cli.output import CommandError, Output, print_json, read_text
from bedrock_autoscaler.cli.permitted import is_elsewhere, may_buy, permit_purchases
from bedrock_autoscaler.cli.settings.fields import assignments, full_path
from bedrock_autoscaler.cli.settings.in_force import caps_command, caps_of
from bedrock_autoscaler.cli.stack import Place, StackAccess
from bedrock_autoscaler.domain.target import Mode, Target

if TYPE_CHECKING:
    from bedrock_autoscaler.adapters.documents.fields import DocumentKind

_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A text to write in place of what is stored.

    Attributes:
        stored: the version that the change rests on; None where there is none yet.
    """

    access: StackAccess
    name: str
    stored: StoredVersion | None
    text: str

    @property
    def changes(self) -> tuple[FieldChange, ...]:
        """The fields that differ; a stored text that is no document counts as empty."""
        return differences(_object_or_nothing(self.stored), read_object(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a change is carried out."""

    what_if: bool = False
    days: float = 7
    why: str = ""
    yes: bool = False
    output: Output = Output.TABLE


def change_of(
    access: StackAccess,
    name: str,
    texts: Sequence[str],
    *,
    removals: Sequence[str] = (),
    file: Path | None = None,
    version: int | None = None,
) -> Change:
    """The change that a person asks for.

    Args:
        access: the stack.
        name: of the document.
        texts: `field=value`, over the stored document.
        removals: fields to leave out.
        file: a whole document in place of the stored one; `texts` and `removals` come after it.
        version: the version that must be the newest; None: any.

    Raises:
        CommandError: nothing is asked for, the stored document or the file is no JSON object, or
            the newest version is another one.
    """
    if not texts and not removals and file is None:
        raise CommandError("nothing to change; give FIELD=VALUE, --unset FIELD or --file PATH")
    stored = access.stored.newest(name)
    newest = stored.version if stored else 0
    if version is not None and version != newest:
        raise CommandError(
            f"{access.stored.parameter(name)} is at version {newest}, not {version}; nothing was "
            "written"
        )
    base = _file_object(file) if file is not None else stored_object(access, name, stored)
    kind: DocumentKind = "stack" if name == STACK else "target"
    paths = [full_path(each, kind) for each in removals]
    document = edited(base, assignments(texts, kind), paths)
    return Change(access=access, name=name, stored=stored, text=document_text(document))


def carry_out(change: Change, options: Options) -> int | None:
    """Check, show, confirm and write a change; the number of the new version.

    None when nothing was written: nothing differs, or it was only to be tried.

    Raises:
        CommandError: the document would not be valid.
    """
    effect = change.access.tuning.effect(change.name, change.text)
    _refuse_problems(change, effect)
    is_json = options.output is Output.JSON
    report: dict[str, Any] = {
        "document": change.name,
        "on_version": change.stored.version if change.stored else 0,
        "changes": plain_changes(change.changes),
        "written_version": None,
    }
    if not is_json:
        _print_change(change, effect)
    if options.what_if:
        from bedrock_autoscaler.cli.settings.what_if import report_what_if  # noqa: PLC0415 - loads the ledger

        report["what_if"] = report_what_if(change.access, effect, options)
    elif change.stored is not None and change.text == change.stored.text:
        if not is_json:
            typer.echo("nothing differs; nothing was written")
    else:
        report["written_version"] = _write(change, effect, options)
    if is_json:
        print_json(report)
    version: int | None = report["written_version"]
    return version


def stored_object(access: StackAccess, name: str, stored: StoredVersion | None) -> dict[str, Any]:
    """What is stored of a document; nothing where a target has none of its own.

    Raises:
        CommandError: there is no such document, or it is no JSON object.
    """
    if stored is None:
        known = access.tuning.parameters.documents().texts
        if name in known or name in {DEFAULTS, STACK}:
            return {}
        raise CommandError(
            f"there is no document {access.stored.parameter(name)}; documents: "
            f"{', '.join(sorted(known)) or 'none'}. `bedrock-autoscaler targets add {name}` makes "
            "a new target"
        )
    try:
        return read_object(stored.text)
    except ValueError as error:
        raise CommandError(
            f"{access.stored.parameter(name)}, version {stored.version}: {error}; put a whole "
            f"document in its place by --file, or `bedrock-autoscaler settings rollback {name}`"
        ) from error


def change_lines(changes: Sequence[FieldChange]) -> list[str]:
    """Each change on a line."""
    return [f"{one.path}: {_shown(one.before)} -> {_shown(one.after)}" for one in changes]


def plain_changes(changes: Sequence[FieldChange]) -> list[dict[str, object]]:
    """The changes as JSON values; a field that a document lacks is left out there."""
    return [
        {
            "field": one.path,
            **{
                key: value
                for key, value in (("before", one.before), ("after", one.after))
                if value is not MISSING
            },
        }
        for one in changes
    ]


def _print_change(change: Change, effect: Effect) -> None:
    stored = change.stored
    base = f"version {stored.version}" if stored else "a new document"
    typer.secho(f"{change.access.stored.parameter(change.name)}, over {base}", bold=True)
    for line in change_lines(change.changes) or ["no field differs"]:
        typer.echo(f"  {line}")
    for before, after in effect.targets():
        if after is None and before is not None:
            typer.echo(f"  target {before.name} would no longer be in force")
        if after is not None and after.mode is Mode.ACT:
            for line in spending_lines(after, effect.after, change.access.clock.now()):
                typer.echo(f"  {line}")
        if after is not None and not is_elsewhere(change.access.place, after):
            _warn_of_model(change.access.place, before, after)


def _warn_of_model(place: Place, before: Target | None, after: Target) -> None:
    """A new model that the stack may not buy would be bought by nobody, and the old one stay."""
    bought = after.provisioned
    if bought is None or (
        before is not None
        and before.provisioned is not None
        and before.provisioned.model_id == bought.model_id
    ):
        return
    if not may_buy(place, bought.model_id):
        command = permit_purchases(place, bought.model_id)
        typer.echo(f"  the stack may not buy {bought.model_id} yet: {command}")


def _refuse_problems(change: Change, effect: Effect) -> None:
    if not effect.problems:
        return
    texts = [
        f"{problem.document}: {f'{problem.field}: ' if problem.field else ''}{problem.message}"
        for problem in effect.problems
    ]
    if change.name == STACK and effect.before.stack is None:
        texts.append(
            "the first document has all four caps, which without one are the sums over the "
            f"targets: {caps_command(caps_of(effect.before.rails))}"
        )
    raise CommandError(f"nothing was written to {change.name}: {'; '.join(texts)}")


def _write(change: Change, effect: Effect, options: Options) -> int:
    if not options.yes:
        typer.confirm("Write it?", abort=True, err=options.output is Output.JSON)
    after = change.stored.version if change.stored else 0
    written = change.access.stored.write(
        change.name, change.text, after=after, why=options.why.strip()
    )
    if options.output is not Output.JSON:
        typer.echo(f"written as version {written}; the next tick reads it")
        for _, target in effect.targets():
            if target is not None:
                typer.echo(f"  {target.name} decides under settings {target.settings_version}")
    return written


def _object_or_nothing(stored: StoredVersion | None) -> dict[str, Any]:
    try:
        return {} if stored is None else read_object(stored.text)
    except ValueError:
        return {}


def _file_object(file: Path) -> dict[str, Any]:
    text = read_text(file)
    try:
        return read_object(text)
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from error


def _shown(value: object) -> str:
    if value is MISSING:
        return "(not set)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
