"""`backtest`: what the policy would have done and cost on a trace, beside the alternatives."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import DEFAULT_STACK, StackOption, access_to
from bedrock_autoscaler.cli.output import (
    CommandError,
    Output,
    OutputOption,
    print_json,
    refuse_source,
    write_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bedrock_autoscaler.backtest.run import BacktestResult
    from bedrock_autoscaler.cli.backtest.recorded_traffic import Files


class UnreadMinutes(StrEnum):
    """What becomes of minutes that nobody can tell silent from unread."""

    LONGEST = "longest"
    REFUSE = "refuse"
    ZERO = "zero"


_DAYS = 14.0
EXAMPLE = (
    "Example: bedrock-autoscaler backtest examples/sample.csv.gz --scale 15.43"
    " --scenario examples/scenario.json --report report.json"
)


def backtest(
    trace: Annotated[
        Path | None,
        typer.Argument(
            metavar="TRACE", help="Demand per minute, .csv or .csv.gz.", show_default=False
        ),
    ] = None,
    *,
    scenario: Annotated[
        Path | None, typer.Option(help="Prices, unit rate, quotas and delays (JSON).")
    ] = None,
    from_cloudwatch: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Read this target's own minutes instead, and take prices, rate and quotas of it.",
        ),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(min=1, max=14, show_default="14", help="With --from-cloudwatch: so far back."),
    ] = None,
    unread: Annotated[
        UnreadMinutes | None,
        typer.Option(
            show_default="longest",
            help="With --from-cloudwatch, minutes that may be silent or unread: replay the longest"
            " stretch without one, refuse, or take them for silent.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="With --from-cloudwatch: the trace file to write; TARGET.csv.gz."),
    ] = None,
    stack: StackOption = DEFAULT_STACK,
    settings: Annotated[
        Path | None,
        typer.Option(help="The document that a target has in SSM; default: shipped defaults."),
    ] = None,
    scale: Annotated[float, typer.Option(help="Multiplies all three traffic columns.")] = 1.0,
    score_from: Annotated[
        str | None,
        typer.Option(help="First scored minute (ISO 8601, UTC); what is before is warm-up."),
    ] = None,
    timeline: Annotated[
        Path | None, typer.Option(help="File to write the decisions to (JSON lines).")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="File to write the scores to (JSON).")] = None,
    html: Annotated[Path | None, typer.Option(help="File to write a page with plots to.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Replay the decision core over a trace: its cost beside all on-demand, static peak and more.

    Exit status 0; 2 for unusable input, with one line on standard error that names the file, the
    line and the reason.
    """
    from bedrock_autoscaler.backtest.run import run_backtest
    from bedrock_autoscaler.cli.backtest.policies import core_policy

    if from_cloudwatch is not None:
        if trace is not None:
            raise CommandError("give a trace or --from-cloudwatch, not both")
        files = _fetched(
            from_cloudwatch,
            days=_DAYS if days is None else days,
            unread=unread or UnreadMinutes.LONGEST,
            out=out,
            own=(scenario, settings),
            stack=stack,
            output=output,
        )
        trace, scenario, settings = files.trace, files.scenario, files.settings
    else:
        _refuse_unused({"--days": days, "--unread": unread, "--out": out})
    trace, scenario = _both(trace, scenario)
    written = {"--timeline": timeline, "--report": report, "--html": html}
    _refuse_sources(written, (trace, scenario, settings))
    result = run_backtest(
        trace, scenario, core_policy, settings_path=settings, scale=scale, score_from=score_from
    )
    if timeline is not None:
        write_text(timeline, result.timeline_text())
    if report is not None:
        write_text(report, result.report_text())
    if html is not None:
        write_text(html, _page(result, trace, scenario, scale))
    if output is Output.JSON:
        print_json(result.report.to_document())
    else:
        _print_table(result)


def _fetched(
    target: str,
    *,
    days: float,
    unread: UnreadMinutes,
    out: Path | None,
    own: tuple[Path | None, Path | None],
    stack: str,
    output: Output,
) -> "Files":
    """The target's traffic, and the prices and settings that are not `own`, written to files."""
    from bedrock_autoscaler.cli.backtest.recorded_traffic import fetch

    is_quiet = output is Output.JSON
    access = access_to(stack)
    scenario, settings = own
    files = fetch(
        access,
        target,
        days=days,
        out=out,
        unread=unread,
        scenario=scenario,
        settings=settings,
        is_quiet=is_quiet,
    )
    for note in files.notes:
        typer.echo(note, err=True)
    if not is_quiet:
        typer.echo(
            f"again: bedrock-autoscaler backtest {files.trace} --scenario {files.scenario} "
            f"--settings {files.settings}"
        )
    return files


def _both(trace: Path | None, scenario: Path | None) -> tuple[Path, Path]:
    """The two files that every replay needs.

    Raises:
        CommandError: one of them is missing.
    """
    if trace is None:
        raise CommandError("a TRACE is missing; --from-cloudwatch TARGET brings both")
    if scenario is None and not trace.exists():
        raise CommandError(f"{trace}: there is no such file; --scenario is missing too")
    if scenario is None:
        raise CommandError("--scenario is missing; --from-cloudwatch TARGET brings both")
    return trace, scenario


def _refuse_unused(given: "Mapping[str, object]") -> None:
    """Refuse options that say something only of traffic that is read from CloudWatch."""
    for option, value in given.items():
        if value is not None:
            raise CommandError(f"{option} goes with --from-cloudwatch; a trace is replayed whole")


def _refuse_sources(written: "Mapping[str, Path | None]", read: "Sequence[Path | None]") -> None:
    """Refuse to write a file, here by its option, over one that is read."""
    for option, path in written.items():
        if path is not None:
            refuse_source(option, path, [source for source in read if source is not None])


def _page(result: "BacktestResult", trace: Path, scenario: Path, scale: float) -> str:
    from datetime import datetime

    from bedrock_autoscaler.backtest.documents import read_scenario
    from bedrock_autoscaler.backtest.replay import Replay
    from bedrock_autoscaler.backtest.trace import read_trace
    from bedrock_autoscaler.report.backtest import backtest_page

    scaled = read_trace(trace).scaled(scale)
    first = scaled.index_of(datetime.fromisoformat(str(result.report.trace["score_from"])))
    replay = Replay(scaled, read_scenario(scenario), first)
    return backtest_page(result.report, replay, result.timeline)


def _print_table(result: "BacktestResult") -> None:
    from rich.console import Console
    from rich.table import Table

    report = result.report
    least = report.clairvoyant.objective_usd
    title = f"{report.trace['name']}: {report.scored_minutes:,} scored minutes"
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("", no_wrap=True)
    for heading in ("USD", "/optimum", "throttled", "used", "peak", "changes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, score in report.scores().items():
        table.add_row(
            report.policy_name if name == "policy" else name.replace("_", " "),
            f"{score.total_usd:,.2f}",
            f"{score.objective_usd / least:.3f}" if least > 0 else "",
            f"{score.throttled_tokens:.2%}",
            f"{score.pt_utilisation:.0%}",
            f"{score.peak_units}",
            f"{score.changes}",
        )
    Console().print(table)
