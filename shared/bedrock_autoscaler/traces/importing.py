"""The public formats that can be made into a trace, by name."""

from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.traces.azure import read_azure
from bedrock_autoscaler.traces.burstgpt import read_burstgpt
from bedrock_autoscaler.traces.cloudwatch import read_cloudwatch
from bedrock_autoscaler.traces.formats import Gaps, ImportOptions, TraceFormat
from bedrock_autoscaler.traces.servegen import read_servegen


def import_trace(source: TraceFormat, files: Sequence[Path], options: ImportOptions) -> Trace:
    """One trace from at least one file of one format; several files are added up.

    Raises:
        TraceError: a file is not what the format says.
    """
    match source:
        case TraceFormat.BURSTGPT:
            return read_burstgpt(files, options.epoch)
        case TraceFormat.AZURE_2023:
            return read_azure(files, zoned=False)
        case TraceFormat.AZURE_2024:
            return read_azure(files, zoned=True)
        case TraceFormat.SERVEGEN:
            return read_servegen(files, options.epoch, options.seed)
        case TraceFormat.CLOUDWATCH:
            return read_cloudwatch(
                files,
                gaps_are_zero=options.gaps is Gaps.ZERO,
                attempts_per_call=options.attempts_per_call,
            )
        case _:
            assert_never(source)
