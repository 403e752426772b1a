"""Reading source files; a `TraceError` names the file, the line and the reason."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from math import isfinite
from pathlib import Path

from bedrock_autoscaler.backtest.errors import TraceError


@contextmanager
def open_text(path: Path) -> Iterator[TextIOWrapper]:
    """The text of a file, unpacked when its name ends in `.gz`.

    Raises:
        TraceError: it cannot be opened, unpacked or read as UTF-8.
    """
    try:
        with _opened(path) as file:
            yield file
    except UnicodeDecodeError as error:
        raise TraceError(path, None, "is not UTF-8 text; is it the right file?") from error
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(path, None, f"cannot be read: {reason}") from error


def _opened(path: Path) -> TextIOWrapper:
    # A byte order mark, which some exports begin with, is no part of the first column's name.
    if path.suffix == ".gz":
        return gzip.open(path, mode="rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


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
    """A finite number of at least 0.

    Raises:
        TraceError: it is none.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise TraceError(path, line, f"{text!r} is not a number") from error
    if not isfinite(value) or value < 0:
        raise TraceError(path, line, f"{text!r} is negative or not finite")
    return value


def whole_number(path: Path, line: int, text: str) -> int:
    """A whole number of at least 0.

    Raises:
        TraceError: it is none.
    """
    value = number(path, line, text)
    if value != int(value):
        raise TraceError(path, line, f"{text!r} is not a whole number of tokens")
    return int(value)
