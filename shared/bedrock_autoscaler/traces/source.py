"""Reading source files; a `TraceError` names the file, the line and the reason."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.trace import MOST_AMOUNT, Trace

MOST_MINUTES = 10 * 366 * 24 * 60
"""From the first to the last: ten years. More is a slip in a date, and fills the memory."""

type Floats = NDArray[np.float64]


@contextmanager
def open_text(path: Path) -> Iterator[TextIOWrapper]:
    """The text of a file, unpacked when its name ends in `.gz`.

    Raises:
        TraceError: it cannot be opened, unpacked, or read as UTF-8 or as the CSV that it is
            taken for meanwhile.
    """
    try:
        with _opened(path) as file:
            yield file
    except UnicodeDecodeError as error:
        raise TraceError(path, None, "is not UTF-8 text; is it the right file?") from error
    except csv.Error as error:
        raise TraceError(path, None, f"is not CSV: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(path, None, f"cannot be read: {reason}") from error


def _opened(path: Path) -> TextIOWrapper:
    # A byte order mark, which some exports begin with, is no part of the first column's name.
    if path.suffix == ".gz":
        return gzip.open(path, mode="rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def read_json(path: Path) -> object:
    """The JSON document in a file.

    Raises:
        TraceError: it cannot be read, or is none.
    """
    with open_text(path) as file:
        text = file.read()
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise TraceError(path, error.lineno, f"is not JSON: {error.msg}") from error
    except ValueError as error:
        raise TraceError(path, None, f"is not usable JSON: {error}") from error
    except RecursionError as error:
        raise TraceError(path, None, "is not usable JSON: nested too deeply") from error
    return document


def check_span(path: Path, minutes: int) -> None:
    """Refuse what would make a trace of very many minutes.

    Raises:
        TraceError: it would.
    """
    if minutes > MOST_MINUTES:
        reason = (
            f"has {minutes:,} minutes from the first to the last; a trace has at most "
            f"{MOST_MINUTES:,}, ten years"
        )
        raise TraceError(path, None, reason)


def trace_of(
    path: Path, name: str, start: datetime, columns: tuple[Floats, Floats, Floats]
) -> Trace:
    """A trace from its columns: invocations, input tokens and output tokens.

    Raises:
        TraceError: a sum is too large, or the minutes are not in the years that a trace may have.
    """
    try:
        return Trace.of(name, start, columns)
    except ValueError as error:
        raise TraceError(path, None, str(error)) from error


def columns_of(path: Path, header: Sequence[str], names: Sequence[str]) -> list[int]:
    """The positions of the named columns.

    Raises:
        TraceError: one is missing.
    """
    found = [name.strip() for name in header]
    missing = [name for name in names if name not in found]
    if missing:
        raise TraceError(
            path, 1, f"column {missing[0]!r} is missing; the header is {','.join(found)!r}"
        )
    return [found.index(name) for name in names]


def field(path: Path, line: int, row: Sequence[str], index: int) -> str:
    """One field of a row.

    Raises:
        TraceError: the row is too short.
    """
    if index >= len(row):
        raise TraceError(path, line, f"has {len(row)} fields, expected at least {index + 1}")
    return row[index]


def number(path: Path, line: int, text: str) -> float:
    """A number from 0 to `MOST_AMOUNT`.

    Raises:
        TraceError: it is none.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise TraceError(path, line, f"{text!r} is not a number") from error
    if not 0 <= value <= MOST_AMOUNT:
        raise TraceError(path, line, f"{text!r} is negative or not finite, or above 1e+15")
    return value


def whole_number(path: Path, line: int, text: str) -> int:
    """A whole number from 0 to `MOST_AMOUNT`.

    Raises:
        TraceError: it is none.
    """
    value = number(path, line, text)
    if value != int(value):
        raise TraceError(path, line, f"{text!r} is not a whole number of tokens")
    return int(value)
