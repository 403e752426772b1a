"""Azure LLM inference traces of 2023 and 2024: requests of two services.

Source: AzureLLMInferenceDataset2023.md and AzureLLMInferenceDataset2024.md of
github.com/Azure/AzurePublicDataset, read 2026-11-21: a CSV with one row a request and the
columns `TIMESTAMP`, `ContextTokens`, `GeneratedTokens`. The files of 2023 write the time
without a zone and with seven decimals (`2023-11-16 18:17:03.9799600`), those of 2024 in UTC
(`2024-05-10 00:00:00.009930+00:00`), both with a whole second now and then.
"""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.domain.units import as_utc
from bedrock_autoscaler.traces.requests import RequestCounter
from bedrock_autoscaler.traces.source import columns_of, field, open_text, whole_number

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")

_EPOCH = datetime(2023, 1, 1, tzinfo=UTC)
_MINUTE_CHARACTERS = len("2024-05-10 00:00")


def read_azure(files: Sequence[Path], *, zoned: bool) -> Trace:
    """All requests of `files` by minute.

    Args:
        files: CSV files of one release.
        zoned: True for the release of 2024, whose times carry their zone; a time of the other
            release is taken for UTC.

    Raises:
        TraceError: a header or a value that the release does not have, or no request.
    """
    counter = RequestCounter(_EPOCH)
    for path in files:
        with open_text(path) as file:
            rows = csv.reader(file)
            time, context, generated = columns_of(path, next(rows, []), COLUMNS)
            for line, row in enumerate(rows, start=2):
                text = field(path, line, row, time)
                moment = _minute(text[:_MINUTE_CHARACTERS], _zone(text))
                if moment is None or (moment.tzinfo is not None) is not zoned:
                    raise TraceError(path, line, _refusal(text, zoned=zoned))
                counter.add(
                    counter.minute_of(moment if zoned else moment.replace(tzinfo=UTC)),
                    whole_number(path, line, field(path, line, row, context)),
                    whole_number(path, line, field(path, line, row, generated)),
                )
    return counter.trace(files)


def _zone(text: str) -> str:
    """The zone that a time ends in; empty without one."""
    rest = text[_MINUTE_CHARACTERS:]
    at = max(rest.find("+"), rest.find("-"), rest.find("Z"))
    return rest[at:] if at >= 0 else ""


@lru_cache(maxsize=4096)
def _minute(minute: str, zone: str) -> datetime | None:
    """The minute in UTC, or without a zone when there is none; None when it is no time.

    A week of requests has millions of rows and ten thousand minutes, hence the cache.
    """
    try:
        moment = datetime.fromisoformat(minute + zone)
        return as_utc(moment) if moment.tzinfo is not None else moment
    except (ValueError, OverflowError):
        return None


def _refusal(text: str, *, zoned: bool) -> str:
    example = "2024-05-10 00:00:00.009930+00:00" if zoned else "2023-11-16 18:17:03.9799600"
    return f"time {text!r} is not of the form {example!r}; is it the other release?"
