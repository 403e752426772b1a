"""`demo`: a day of traffic through the deployed application, on this machine."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

EXAMPLE = "Example: bedrock-autoscaler demo --trace ../shared/traces/burstgpt-week1.csv.gz"


def demo(
    *,
    trace: Annotated[
        Path | None, typer.Option(help="A trace file; default: the shipped sample.")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day to replay, in UTC; default: the last one."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the report and the export of the ledger.")
    ] = Path("out/demo"),
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Leave it all running for other commands until Ctrl-C; Enter lets time pass.",
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Deploy the application to a local AWS and replay a day of traffic through it.

    Starts a fake of Amazon Bedrock and the AWS emulator on loopback, runs sam build and sam
    deploy, loads the days before as metric history, and then fires the deployed schedules minute
    by minute on virtual time while callers follow the published routing table. No call leaves
    this machine. Ends with the cost beside all on-demand and static peak, the decision log, and
    an HTML report.
    """
    try:
        from bedrock_world.demo.run import DemoError, DemoOptions, run_demo
    except ImportError as error:
        raise CommandError(
            f"the demo needs the repository and its environment ({error.name} is missing);"
            " run it by `make demo`"
        ) from error

    options = DemoOptions(
        trace=trace,
        day=day.date() if day is not None else None,
        out=out,
        keep=keep,
        is_quiet=output is Output.JSON,
    )
    try:
        summary = run_demo(options)
    except DemoError as error:
        raise CommandError(str(error)) from error
    if output is Output.JSON:
        print_json(summary.to_document())
