"""`traces`: making trace files, from public data or from a seed."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.output import (
    CommandError,
    Output,
    OutputOption,
    print_json,
    refuse_source,
    writing,
)
from bedrock_autoscaler.traces.formats import SAMPLE_SEED, Gaps, ImportOptions, TraceFormat

if TYPE_CHECKING:
    from bedrock_autoscaler.backtest.trace import Trace

app = typer.Typer(help="Make trace files.", no_args_is_help=True)

OutPath = Annotated[
    Path, typer.Option("--out", "-o", help="File to write: .csv, or .csv.gz to pack it.")
]


@app.command(
    "import",
    epilog="Example: bedrock-autoscaler traces import BurstGPT_1.csv --format burstgpt"
    " --out burstgpt.csv.gz",
)
def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Files of one format, added up. ServeGen: each client's chunk-N-trace.csv, with"
            " its chunk-N-dataset.json beside it.",
        ),
    ],
    source: Annotated[TraceFormat, typer.Option("--format", help="Format of the files.")],
    out: OutPath,
    *,
    epoch: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="Date of second 0 (burstgpt, servegen), in UTC."),
    ] = datetime(2024, 1, 1),  # noqa: DTZ001 - made UTC below; typer parses dates without a zone
    seed: Annotated[int, typer.Option(help="Of the drawn requests (servegen).")] = 1,
    gaps: Annotated[
        Gaps,
        typer.Option(help="Minutes that were not read (cloudwatch): refuse them, or take 0."),
    ] = Gaps.REFUSE,
    attempts_per_call: Annotated[
        float, typer.Option(min=1, help="Throttles of one throttled call (cloudwatch).")
    ] = 3.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make one trace from public data or from a CloudWatch export.

    Formats: BurstGPT; the Azure LLM inference traces of 2023 and 2024; ServeGen clients, whose
    requests are drawn from their published rates and distributions; the JSON of `aws cloudwatch
    get-metric-data` with query ids invocations, input_tokens, output_tokens, throttles and
    heartbeat, or these and a suffix.
    """
    from bedrock_autoscaler.traces.importing import import_trace

    _refuse_ending(out)
    refuse_source("--out", out, files)
    options = ImportOptions(
        epoch=epoch.replace(tzinfo=UTC),
        seed=seed,
        gaps=gaps,
        attempts_per_call=attempts_per_call,
    )
    _write(import_trace(source, files, options), out, output)


@app.command(epilog="Example: bedrock-autoscaler traces sample --out examples/sample.csv.gz")
def sample(
    out: OutPath,
    *,
    seed: Annotated[int, typer.Option(help="Another seed, another sample.")] = SAMPLE_SEED,
    output: OutputOption = Output.TABLE,
) -> None:
    """Generate the sample: fifteen days of an office assistant, of which the demo replays the last.

    Working days peak in the afternoon, weekends carry a fifth, nights are idle, and on the last
    day a batch job triples the traffic for forty minutes.
    """
    from bedrock_autoscaler.traces.sample import sample_trace

    _refuse_ending(out)
    _write(sample_trace(seed), out, output)


def _refuse_ending(out: Path) -> None:
    """Refuse a file that would not look like a trace.

    Raises:
        CommandError: its name ends otherwise.
    """
    if not out.name.endswith((".csv", ".csv.gz")):
        raise CommandError(f"--out {out}: give a file that ends in .csv, or in .csv.gz to pack it")


def _write(trace: "Trace", out: Path, output: Output) -> None:
    from bedrock_autoscaler.backtest.trace import write_trace
    from bedrock_autoscaler.domain.units import iso

    with writing(out):
        write_trace(trace, out)
    summary = {
        "file": str(out),
        "start": iso(trace.start),
        "minutes": len(trace),
        "invocations": float(trace.invocations.sum()),
        "input_tokens": float(trace.input_tokens.sum()),
        "output_tokens": float(trace.output_tokens.sum()),
    }
    if output is Output.JSON:
        print_json(summary)
        return
    typer.echo(
        f"{out}: {len(trace):,} minutes from {summary['start']}, "
        f"{summary['invocations']:,.0f} requests, {summary['input_tokens']:,.0f} input and "
        f"{summary['output_tokens']:,.0f} output tokens"
    )
