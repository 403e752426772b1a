"""Traces: what callers asked for, one row a minute without gaps."""

import gzip
import math
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.domain.units import MINUTE, iso

HEADER = "minute,invocations,input_tokens,output_tokens"
_COLUMNS = HEADER.split(",")
_GZIP_MAGIC = b"\x1f\x8b"
MOST_AMOUNT = 1e15
"""Amounts beyond it are slips, and their products may be too large for a number."""

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9001, 1, 1, tzinfo=UTC)
"""Between these, moments some months away can still be told."""

# Everything that a minute or a plain number is made of; `nan`, `inf` and `1_000` fall out here.
_FOREIGN = re.compile(r"[^0-9.eE+\-:TZ,\n]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """Demand of one workload, minute by minute.

    Attributes:
        name: the file name without its ending.
        start: the first minute, aware, in UTC.
        invocations: requests of each minute; fractions are allowed.
        input_tokens: their input tokens, summed over the minute.
        output_tokens: their output tokens, summed over the minute.

    The arrays are read-only, of equal length, and hold numbers from 0 to `MOST_AMOUNT`.
    """

    name: str
    start: datetime
    invocations: NDArray[np.float64]
    input_tokens: NDArray[np.float64]
    output_tokens: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        name: str,
        start: datetime,
        columns: tuple[Iterable[float], Iterable[float], Iterable[float]],
    ) -> "Trace":
        """A trace from any three columns: invocations, input tokens and output tokens.

        Raises:
            ValueError: the columns differ in length, or hold a negative, too large or non-finite
                number, or the minutes lie outside the years 1970 to 9000.
        """
        arrays = [np.array(tuple(column), dtype=np.float64) for column in columns]
        if len({len(array) for array in arrays}) != 1:
            raise ValueError(f"trace {name}: columns differ in length")
        for column, array in zip(_COLUMNS[1:], arrays, strict=True):
            if not ((array >= 0) & (array <= MOST_AMOUNT)).all():
                raise ValueError(
                    f"trace {name}: {column} holds a negative or non-finite number, or one above "
                    f"{MOST_AMOUNT:g}"
                )
        if not has_room(start, len(arrays[0])):
            raise ValueError(f"trace {name}: {OUTSIDE_YEARS}")
        return cls(
            name=name,
            start=start,
            invocations=_frozen(arrays[0]),
            input_tokens=_frozen(arrays[1]),
            output_tokens=_frozen(arrays[2]),
        )

    def __len__(self) -> int:
        return len(self.invocations)

    @property
    def end(self) -> datetime:
        """The minute after the last one."""
        return self.minute_at(len(self))

    def minute_at(self, index: int) -> datetime:
        """The start of the row's minute."""
        return self.start + index * MINUTE

    def index_of(self, minute: datetime) -> int:
        """The row of a minute; negative or past the end where the minute is outside.

        Raises:
            ValueError: the moment is not the start of a minute of this trace's grid.
        """
        offset = minute - self.start
        if offset % MINUTE:
            raise ValueError(f"{minute.isoformat()} is not a whole minute")
        return offset // MINUTE

    def equivalents(self, output_weight: float) -> NDArray[np.float64]:
        """Input equivalents of each minute: input + output_weight x output tokens."""
        return self.input_tokens + output_weight * self.output_tokens

    def scaled(self, factor: float) -> "Trace":
        """The same traffic with all three columns multiplied.

        Raises:
            ValueError: the factor is negative or not finite, or a product is too large.
        """
        if not math.isfinite(factor) or factor < 0:
            raise ValueError(f"scale {factor!r} must be a finite number, at least 0")
        with np.errstate(over="ignore"):
            products = [
                column * factor
                for column in (self.invocations, self.input_tokens, self.output_tokens)
            ]
        if any((product > MOST_AMOUNT).any() for product in products):
            raise ValueError(
                f"scale {factor!r} makes a minute of {self.name} larger than {MOST_AMOUNT:g}"
            )
        return replace(
            self,
            invocations=_frozen(products[0]),
            input_tokens=_frozen(products[1]),
            output_tokens=_frozen(products[2]),
        )

    def cut(self, minutes: int) -> "Trace":
        """The first `minutes` rows, and nothing of the later ones."""
        return replace(
            self,
            invocations=self.invocations[:minutes],
            input_tokens=self.input_tokens[:minutes],
            output_tokens=self.output_tokens[:minutes],
        )


OUTSIDE_YEARS = "the minutes run past the years 1970 to 9000"


def has_room(start: datetime, minutes: int) -> bool:
    """Whether so many minutes from `start` on lie in the years 1970 to 9000."""
    return _FIRST <= start < _END and minutes <= (_END - start) // MINUTE


def read_trace(path: Path) -> Trace:
    """The trace in a `.csv` or `.csv.gz` file.

    Raises:
        TraceError: the file cannot be read, or its header, a minute or a number is wrong.
    """
    header, *lines = _lines(path)
    if header != HEADER:
        raise TraceError(path, 1, f"header {header[:80]!r} is unknown; expected {HEADER!r}")
    if not lines:
        raise TraceError(path, 2, "the trace has no minute")
    rows = [line.split(",") for line in lines]
    _check_shape(path, lines, rows)
    start = _parse_minute(path, 2, rows[0][0])
    _check_minutes(path, start, [row[0] for row in rows])
    values = _parse_numbers(path, rows)
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return Trace(
        name=name,
        start=start,
        invocations=_frozen(values[:, 0]),
        input_tokens=_frozen(values[:, 1]),
        output_tokens=_frozen(values[:, 2]),
    )


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace as `.csv`, or as `.csv.gz` when the name ends in `.gz`.

    Whole numbers are written without a fraction, others so that they are read back exactly.
    The same trace gives the same bytes.
    """
    columns = (trace.invocations, trace.input_tokens, trace.output_tokens)
    lines = [HEADER]
    for index in range(len(trace)):
        numbers = ",".join(_number(float(column[index])) for column in columns)
        lines.append(f"{iso(trace.minute_at(index))},{numbers}")
    data = ("\n".join(lines) + "\n").encode("ascii")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def _frozen(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """A contiguous array that refuses to be written to."""
    result = np.ascontiguousarray(array, dtype=np.float64)
    result.setflags(write=False)
    return result


def _number(value: float) -> str:
    """The shortest spelling that reads back as the same number."""
    return str(int(value)) if value.is_integer() else repr(value)


def _lines(path: Path) -> list[str]:
    """The file's lines without their ends; the gzip form is known by its first bytes."""
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP_MAGIC):
            data = gzip.decompress(data)
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = bytes(error.object).count(b"\n", 0, error.start) + 1
        raise TraceError(path, line, "the text is not UTF-8") from error
    except (EOFError, zlib.error) as error:
        raise TraceError(path, None, f"the gzip data are damaged: {error}") from error
    except OSError as error:
        raise TraceError(path, None, f"cannot be read: {error.strerror or error}") from error
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return lines


def _check_shape(path: Path, lines: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Every row has four fields made of digits and the signs of minutes and numbers.

    Raises:
        TraceError: at the first row that has not.
    """
    expected = len(_COLUMNS)
    for index, row in enumerate(rows):
        if len(row) != expected:
            reason = f"{len(row)} fields, expected {expected}: {HEADER}"
            raise TraceError(path, index + 2, reason if lines[index] else "the row is empty")
    text = "\n".join(lines)
    foreign = _FOREIGN.search(text)
    if foreign:
        number = text.count("\n", 0, foreign.start())
        _blame_field(path, number + 2, rows[number])


def _parse_minute(path: Path, line: int, text: str) -> datetime:
    """A minute in ISO 8601 with an explicit UTC.

    Raises:
        TraceError: it is not a date and time, not in UTC, or not a whole minute.
    """
    try:
        minute = datetime.fromisoformat(text)
    except ValueError as error:
        raise TraceError(path, line, f"minute {text[:40]!r} is not ISO 8601") from error
    if minute.utcoffset() != timedelta(0):
        raise TraceError(path, line, f"minute {text!r} is not UTC; write it with a trailing Z")
    if minute.second or minute.microsecond:
        raise TraceError(path, line, f"minute {text!r} is not a whole minute")
    return minute.astimezone(UTC)


def _check_minutes(path: Path, start: datetime, texts: Sequence[str]) -> None:
    """The rows' minutes follow one another.

    Raises:
        TraceError: at the first minute that is malformed, missing, doubled, out of order, or
            outside the years 1970 to 9000.
    """
    if not has_room(start, len(texts)):
        room = max((_END - start) // MINUTE, 0) if start >= _FIRST else 0
        raise TraceError(path, room + 2, OUTSIDE_YEARS)
    first = np.datetime64(start.replace(tzinfo=None), "m")
    spelled = np.datetime_as_string(first + np.arange(len(texts))).tolist()
    if texts == [f"{minute}:00Z" for minute in spelled]:
        return
    # Another spelling of UTC is allowed; what follows is slower and finds the faulty line.
    expected = start
    for index, text in enumerate(texts):
        minute = _parse_minute(path, index + 2, text)
        if minute != expected:
            fault = "a gap before" if minute > expected else "a repeated or earlier"
            reason = f"{fault} minute {iso(minute)}; expected {iso(expected)}"
            raise TraceError(path, index + 2, reason)
        expected += MINUTE


def _parse_numbers(path: Path, rows: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """The three number columns of all rows.

    Raises:
        TraceError: at the first field that is not a number from 0 to `MOST_AMOUNT`.
    """
    fields = chain.from_iterable(row[1:] for row in rows)
    try:
        values = np.fromiter(map(float, fields), np.float64, 3 * len(rows)).reshape(-1, 3)
    except ValueError:
        for index, row in enumerate(rows):
            if not all(_is_amount(field) for field in row[1:]):
                _blame_field(path, index + 2, row)
        raise
    faulty = np.flatnonzero(~((values >= 0) & (values <= MOST_AMOUNT)).all(axis=1))
    if faulty.size:
        number = int(faulty[0])
        _blame_field(path, number + 2, rows[number])
    return values


def _is_amount(text: str) -> bool:
    """Whether a field is a plain number from 0 to `MOST_AMOUNT`."""
    try:
        value = float(text)
    except ValueError:
        return False
    return 0 <= value <= MOST_AMOUNT and not _FOREIGN.search(text)


def _blame_field(path: Path, line: int, row: Sequence[str]) -> NoReturn:
    """Raise for the first field of a row that is known to be at fault.

    Raises:
        TraceError: always.
    """
    for column, text in zip(_COLUMNS[1:], row[1:], strict=True):
        if not _is_amount(text):
            reason = f"{column} is {text[:40]!r}; it must be a number from 0 to {MOST_AMOUNT:g}"
            raise TraceError(path, line, reason)
    raise TraceError(path, line, f"minute {row[0][:40]!r} is not ISO 8601")
