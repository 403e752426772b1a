"""`decisions explain`: what a reason code means, and what a person can do about it."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from dataclasses import asdict
from typing import Annotated

import typer

from bedrock_autoscaler.cli.decisions.choosing import require_codes
from bedrock_autoscaler.cli.output import Output, OutputOption, print_json

EXAMPLE = "Example: bedrock-autoscaler decisions explain shrink_cooldown"


def explain(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="CODE", help="Default: all of them.")
    ] = None,
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what a reason code means and what to do about it."""
    from bedrock_autoscaler.report.reasons import reason_help

    require_codes(tuple(codes or ()))
    known = reason_help()
    rows = [known[code] for code in codes] if codes else list(known.values())
    if output is Output.JSON:
        print_json([asdict(row) for row in rows])
        return
    for number, row in enumerate(rows):
        if number:
            typer.echo()
        typer.echo(f"{typer.style(row.code, bold=True)} ({row.section})")
        typer.echo(f"  {row.meaning}")
        typer.echo(f"  What to do: {row.remedy}")
