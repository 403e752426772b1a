"""`settings`: reading and changing the documents in Parameter Store."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, override

import typer
from typer.core import TyperCommand

from bedrock_autoscaler.cli.deployed import DEFAULT_STACK, StackOption, YesOption, access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.settings.changing import Change
    from bedrock_autoscaler.cli.stack import StackAccess

app = typer.Typer(
    help="Read and change settings in Parameter Store, and see first what a change would do.",
    no_args_is_help=True,
)
INVALID = 1
"""Exit status when a document is invalid."""

TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="A target, or `defaults`, or `stack`.")
]
ReadArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="A target, `defaults`, `stack`, or `switch`.")
]
WhatIfOption = Annotated[
    bool,
    typer.Option(
        "--what-if",
        help="Decide the last days again under the new values, print what would differ, and "
        "write nothing.",
    ),
]
DaysOption = Annotated[
    float, typer.Option(min=0.01, max=28, help="Days of stored decisions for --what-if.")
]
WhyOption = Annotated[
    str, typer.Option(help="Kept with the version as its description, for `settings history`.")
]
IfVersionOption = Annotated[
    int | None,
    typer.Option(min=0, help="Refuse unless this version is the newest (0: there is none)."),
]


class _WithFields(TyperCommand):
    """A command whose help ends with every threshold, its range and its effect."""

    @override
    def format_help(self, ctx: typer.Context, formatter: object) -> None:  # type: ignore[override]  # typer passes its own kinds of click's classes
        """The usual help, then the fields; they are read from the parser when asked for."""
        from bedrock_autoscaler.adapters.documents.fields import thresholds
        from bedrock_autoscaler.cli.settings.fields import print_fields

        super().format_help(ctx, formatter)  # type: ignore[arg-type]  # as above
        print_fields(thresholds())


@app.command(epilog="Example: bedrock-autoscaler settings show chat")
def show(
    target: ReadArgument,
    *,
    every: Annotated[bool, typer.Option("--all", help="Shipped values too.")] = False,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what is in force, where each value comes from, and what is wrong with the document."""
    from bedrock_autoscaler.cli.settings.in_force import print_standing, standing_of

    standing = standing_of(access_to(stack), target)
    if output is Output.JSON:
        print_json(standing.to_document())
    else:
        print_standing(standing, every=every)


@app.command(epilog="Example: bedrock-autoscaler settings get chat guard_rails.max_units")
def get(
    target: TargetArgument,
    field: Annotated[
        str | None,
        typer.Argument(
            metavar="FIELD", help="Its value in force; default: the document as stored."
        ),
    ] = None,
    *,
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Print the document as it is stored, or the value of one field in force, as JSON."""
    import json

    from bedrock_autoscaler.cli.settings.fields import value_at
    from bedrock_autoscaler.cli.settings.in_force import standing_of

    access = access_to(stack)
    if field is not None:
        typer.echo(json.dumps(value_at(standing_of(access, target).effective, field, target)))
        return
    stored = access.stored.newest(target)
    if stored is None:
        raise CommandError(f"there is no document {access.stored.parameter(target)}")
    typer.echo(stored.text)


@app.command(
    "set",
    cls=_WithFields,
    epilog="Example: bedrock-autoscaler settings set chat guard_rails.max_units=3 --what-if",
)
def set_(
    target: TargetArgument,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD=VALUE", help="Dotted path and JSON, or a bare word."),
    ] = None,
    *,
    unset: Annotated[
        list[str] | None, typer.Option(help="A field to leave out, so that a default holds.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A whole document to put in place of the stored one.")
    ] = None,
    what_if: WhatIfOption = False,
    days: DaysOption = 7,
    why: WhyOption = "",
    if_version: IfVersionOption = None,
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change fields of a document in one write, after checking the whole of it.

    A change is refused when the document is not valid with it, with the field and its range, and
    when another write came between. Parameter Store has no conditional write: the version is
    looked at just before, and its number tells afterwards whether another write slipped in within
    that moment; that one is then put back, and this one is reported as refused.
    """
    from bedrock_autoscaler.cli.settings.changing import Options, carry_out, change_of

    change = change_of(
        access_to(stack), target, changes or (), removals=unset or (), file=file, version=if_version
    )
    carry_out(change, Options(what_if=what_if, days=days, why=why, yes=yes, output=output))


@app.command(epilog="Example: bedrock-autoscaler settings rollback chat --to 4 --what-if")
def rollback(
    target: TargetArgument,
    *,
    to: Annotated[
        int | None,
        typer.Option(min=1, help="Version to write again; default: the last other valid one."),
    ] = None,
    what_if: WhatIfOption = False,
    days: DaysOption = 7,
    why: WhyOption = "",
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write an earlier version again, as a new version, when it is still valid."""
    from bedrock_autoscaler.cli.settings.changing import Options, carry_out

    change, version = _earlier(access_to(stack), target, to)
    why = why or f"as version {version}"
    carry_out(change, Options(what_if=what_if, days=days, why=why, yes=yes, output=output))


@app.command(epilog="Example: bedrock-autoscaler settings validate")
def validate(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="Default: all documents.")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="Check this text as the document of the one TARGET.")
    ] = None,
    defaults: Annotated[
        Path | None, typer.Option(help="With --file: the document `defaults`; no call to AWS.")
    ] = None,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check documents: each problem with its field and what is allowed there.

    Exit status 1 when one is invalid. The last valid text of such a document stays in force.
    """
    from bedrock_autoscaler.cli.settings.validating import check_file, check_stored, print_checked

    if file is not None:
        if names is None or len(names) != 1:
            raise CommandError("--file checks one document: name its TARGET")
        checked = [check_file(names[0], file, defaults, lambda: access_to(stack))]
    else:
        checked = check_stored(access_to(stack), names or ())
    if output is Output.JSON:
        print_json([one.to_document() for one in checked])
    else:
        print_checked(checked)
    if any(one.problem is not None for one in checked):
        raise typer.Exit(INVALID)


@app.command(epilog="Example: bedrock-autoscaler settings diff chat --from 3")
def diff(
    target: TargetArgument,
    *,
    first: Annotated[
        int | None, typer.Option("--from", min=1, help="Default: the version before the newest.")
    ] = None,
    last: Annotated[int | None, typer.Option("--to", min=1, help="Default: the newest.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Compare the newest version with this file instead.")
    ] = None,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Compare two versions of a document field by field."""
    from bedrock_autoscaler.cli.settings.changing import change_lines, plain_changes
    from bedrock_autoscaler.cli.settings.versions import compared

    found = compared(access_to(stack), target, first=first, last=last, file=file)
    if output is Output.JSON:
        print_json(plain_changes(found.changes))
        return
    typer.secho(f"{target}: {found.before} -> {found.after}", bold=True)
    for line in change_lines(found.changes) or ["no difference"]:
        typer.echo(f"  {line}")


@app.command(epilog="Example: bedrock-autoscaler settings history chat")
def history(
    target: ReadArgument,
    *,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the versions of a document: when, by whom, why, what changed, and whether it is valid.

    Parameter Store keeps the newest 100.
    """
    from bedrock_autoscaler.cli.settings.versions import history_of, print_history

    entries = history_of(access_to(stack), target)
    if output is Output.JSON:
        print_json([entry.to_document() for entry in entries])
    else:
        print_history(target, entries)


@app.command(epilog="Example: bedrock-autoscaler settings explain sizing.grow_margin")
def explain(
    field: Annotated[
        str | None,
        typer.Argument(metavar="FIELD", help="A field, its last part, or a section; default: all."),
    ] = None,
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print fields with range, shipped value and effect; docs/tuning.md has a case for each."""
    from dataclasses import asdict

    from bedrock_autoscaler.adapters.documents.fields import fields_of
    from bedrock_autoscaler.cli.settings.fields import chosen, print_fields

    found = fields_of() if field is None else chosen(field)
    if output is Output.JSON:
        print_json([asdict(one) for one in found])
    else:
        print_fields(found)


def _earlier(access: "StackAccess", name: str, to: int | None) -> "tuple[Change, int]":
    from bedrock_autoscaler.cli.settings.changing import Change
    from bedrock_autoscaler.cli.settings.versions import earlier_version

    newest, earlier = earlier_version(access, name, to)
    change = Change(access=access, name=name, stored=newest, text=earlier.text)
    return change, earlier.version
