"""BurstGPT: requests of a campus service to GPT-3.5 and GPT-4.

Source: the README of github.com/HPMLL/BurstGPT (releases 1.1 and 2.0), read 2026-11-21: a CSV
with one row a request; `Timestamp` in seconds from 0:00:00 of the first day, `Request tokens`,
`Response tokens`. Release 2.0 adds `Session ID` and `Elapsed time`, so columns go by name.
A failed request has 0 response tokens; somebody asked for it, so it counts.
"""

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.traces.requests import RequestCounter
from bedrock_autoscaler.traces.source import columns_of, field, number, open_text, whole_number

COLUMNS = ("Timestamp", "Request tokens", "Response tokens")


def read_burstgpt(files: Sequence[Path], epoch: datetime) -> Trace:
    """All requests of `files` by minute; second 0 of the source is `epoch`.

    Raises:
        TraceError: a header or a value that the format does not have, or no request.
    """
    counter = RequestCounter(epoch)
    for path in files:
        with open_text(path) as file:
            rows = csv.reader(file)
            second, request, response = columns_of(path, next(rows, []), COLUMNS)
            for line, row in enumerate(rows, start=2):
                counter.add(
                    int(number(path, line, field(path, line, row, second)) // 60),
                    whole_number(path, line, field(path, line, row, request)),
                    whole_number(path, line, field(path, line, row, response)),
                )
    return counter.trace(files)
