"""`python -m benchmarks`: what the policy costs on traces, beside the alternatives and the optimum.

Every option can also be given as a variable: `make bench SAMPLE=12 SCENARIOS=claude50-x2`.
"""

import sys
from os import process_cpu_count
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.table import Table

from bedrock_autoscaler.backtest.errors import BacktestError
from benchmarks.order import (
    DEFAULT_TRACES,
    Bounds,
    Order,
    Traffic,
    UnusableError,
    chosen_scenarios,
    find_traffic,
    pairs_of,
)
from benchmarks.report import Origin, Report, report_on, write
from benchmarks.running import run_pairs
from benchmarks.sheets import Sheet
from benchmarks.surroundings import ROOT, commit, machine, python

_RESULTS = ROOT / "benchmarks" / "results"
_UNUSABLE = 2
# Wide enough for the widest table where the output is no terminal.
_WIDTH = 140


def bench(
    *,
    traces: Annotated[
        Path | None,
        typer.Option(envvar="TRACES", help=f"Folder of traces; default {DEFAULT_TRACES}."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(envvar="SAMPLE", min=1, help="So many traces, spread evenly.")
    ] = None,
    scenarios: Annotated[
        str | None, typer.Option(envvar="SCENARIOS", help="Names with commas; default all nine.")
    ] = None,
    policy_only: Annotated[
        bool,
        typer.Option("--policy-only", envvar="POLICY_ONLY", help="Our policy and the optimum."),
    ] = False,
    bounds: Annotated[
        Bounds, typer.Option(envvar="BOUNDS", help="Bounds on changes per day.")
    ] = Bounds.LIFTED,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; default one a core.")
    ] = None,
    cache: Annotated[
        bool, typer.Option(help="Remember what optima cost, in .cache/optima.")
    ] = True,
    name: Annotated[
        str | None, typer.Option(help="Keep the results under this name, whatever was run.")
    ] = None,
) -> None:
    """Score the policy on every trace in every scenario, beside what could be used instead.

    Scores are objective / optimum. Exit status 0; 1 where a published check value differs; 2 for
    unusable options, with one line on standard error.
    """
    try:
        order = Order(
            traces=traces,
            sample=sample,
            scenarios=chosen_scenarios(scenarios),
            policy_only=policy_only,
            bounds=bounds,
            workers=workers or process_cpu_count() or 1,
            remember=cache,
            name=name,
        )
        traffic = find_traffic(order)
        agrees = run(order, traffic, Console(width=None if sys.stdout.isatty() else _WIDTH))
    except (UnusableError, BacktestError) as error:
        typer.echo(f"benchmarks: {error}", err=True)
        raise typer.Exit(_UNUSABLE) from error
    if not agrees:
        raise typer.Exit(1)


def run(order: Order, traffic: Traffic, console: Console) -> bool:
    """Run, print and keep; whether the check values agree.

    Raises:
        BacktestError: a trace cannot be used.
    """
    began = perf_counter()
    console.print(f"Traffic: {traffic.words}.", highlight=False)
    pairs = pairs_of(order, traffic.sources)
    with _progress(console) as progress:
        bar = progress.add_task(
            f"{len(pairs)} pairs of trace and scenario",
            total=sum(pair.source.minutes for pair in pairs),
        )
        results, checked = run_pairs(
            pairs,
            () if traffic.is_generated else traffic.found,
            workers=order.workers,
            on_done=lambda minutes: progress.advance(bar, minutes),
        )
    report = report_on(
        results,
        checked,
        origin=Origin(
            command=order.command,
            traffic=traffic.words,
            commit=commit(),
            machine=machine(),
            python=python(),
            seconds=round(perf_counter() - began, 1),
        ),
        policies=tuple(order.policies()),
        yardstick=traffic.yardstick,
    )
    show(report, console)
    keep(report, order, traffic, console)
    return not checked.differing


def show(report: Report, console: Console) -> None:
    """Print the tables, and the verdict last, where it is seen."""
    for sheet in report.sheets:
        console.print(_table(sheet))
    for line in report.lines:
        console.print(line, highlight=False)
    origin = report.origin
    console.print(
        f"{origin.seconds:.0f} s on {origin.machine}; {origin.python}; commit {origin.commit}",
        highlight=False,
    )


def keep(report: Report, order: Order, traffic: Traffic, console: Console) -> None:
    """Write the results of a whole run, or of any that was given a name."""
    suffix = "-generated" if traffic.is_generated else ""
    name = order.name or (f"cost-{order.bounds}{suffix}" if order.is_whole else None)
    if name is None:
        console.print("Not kept: only a part was run (--name keeps it).", highlight=False)
        return
    for path in write(report, _RESULTS, name):
        console.print(f"Kept {path.relative_to(ROOT)}", highlight=False)


def _progress(console: Console) -> Progress:
    return Progress(
        "{task.description}",
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        transient=True,
    )


def _table(sheet: Sheet) -> Table:
    table = Table(title=sheet.title, title_justify="left", box=None, header_style="bold")
    for number, heading in enumerate(sheet.headings):
        table.add_column(heading, justify="left" if number < sheet.left else "right", no_wrap=True)
    for row in sheet.rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    typer.run(bench)
