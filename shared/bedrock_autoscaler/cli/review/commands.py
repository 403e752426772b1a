"""`report` and `review`: the decisions of some days as a page, in a file or live."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.decisions.choosing import (
    DEFAULT_STACK,
    Criteria,
    FromOption,
    SinceOption,
    StackOption,
    TargetOption,
    UntilOption,
    open_ledger,
    targets_of,
)
from bedrock_autoscaler.cli.output import CommandError, write_text

if TYPE_CHECKING:
    from datetime import datetime

    from bedrock_autoscaler.report.review import Head

REPORT_EXAMPLE = "Example: bedrock-autoscaler report --days 30 --out november.html"
REVIEW_EXAMPLE = "Example: bedrock-autoscaler review --stack bedrock-autoscaler"
PORT = 8765

OutOption = Annotated[Path, typer.Option(help="File to write.")]


def report(
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    target: TargetOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="So many days, where --since is absent.")
    ] = 30,
    out: OutOption = Path("report.html"),
) -> None:
    """Write one HTML file with every decision and its evidence; it needs no network."""
    from bedrock_autoscaler.cli.money.savings import span_of
    from bedrock_autoscaler.domain.units import moment_text
    from bedrock_autoscaler.report.building import payloads_from
    from bedrock_autoscaler.report.review import review_page

    ledger = open_ledger(source, stack)
    criteria, now = Criteria(since=since, until=until), ledger.now()
    start, end = span_of(criteria, now, days)
    payloads = payloads_from(
        ledger.sources,
        targets_of(ledger, target),
        start,
        end,
        is_open=criteria.window[1] > now,
    )
    if not payloads:
        raise CommandError(
            f"no decision from {moment_text(start)} to {moment_text(end)}; `decisions list` shows "
            "the newest ones"
        )
    page = review_page(_head(source, stack, end), payloads)
    write_text(out, page)
    decisions = sum(payload.head["decisions"] for payload in payloads)
    typer.echo(f"{out}: {decisions:,} decisions, {len(page) / 1e6:.1f} MB")


def review(
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    target: TargetOption = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="So many days up to now.")] = 7,
    every: Annotated[int, typer.Option(min=5, help="Seconds between two looks.")] = 30,
    port: Annotated[int, typer.Option(min=0, help="On 127.0.0.1; 0: any free one.")] = PORT,
) -> None:
    """Serve the same page live to a browser on this machine, until Ctrl-C."""
    from dataclasses import replace

    from bedrock_autoscaler.cli.review.serving import ReviewServer
    from bedrock_autoscaler.report.building import Following

    ledger = open_ledger(source, stack)
    following = Following(
        sources=ledger.sources, names=targets_of(ledger, target), length=timedelta(days=days)
    )
    head = replace(_head(source, stack, ledger.now()), every_seconds=every)
    try:
        server = ReviewServer(port, head=head, look=lambda: following.refresh(ledger.now()))
    except OSError as error:
        raise CommandError(f"port {port} cannot be had: {error.strerror}; try --port 0") from error
    with server:
        typer.echo(f"{server.address} shows the review; Ctrl-C ends it")
        server.serve_forever()


def _head(source: Path | None, stack: str, end: "datetime") -> "Head":
    from bedrock_autoscaler import __version__
    from bedrock_autoscaler.domain.units import iso
    from bedrock_autoscaler.report.review import Head

    where = f"stack {stack}" if source is None else f"the export {source.name}"
    return Head(
        title="Review of Bedrock capacity",
        made=f"Made of {where} as of {iso(end)} by bedrock-autoscaler {__version__}.",
        place=f"--stack {stack}" if source is None else f"--from {source.name}",
    )
