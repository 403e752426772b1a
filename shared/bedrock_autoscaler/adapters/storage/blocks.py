"""Minute values as bytes: blocks of one length, and many of them as arrays.

A block is a line of JSON that names its rows, then the rows. Most sums are small whole numbers, so
that a row has the narrowest form that holds its values exactly, and a row of zeros none. Blocks of
one line are read with a handful of operations however many there are; what a decision costs depends
on it. The first form, compressed doubles, can still be read.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

TOTAL = ""
"""Stands where a `ModelId` does for the sum of all, in a block whose hours differ in theirs."""

_NARROW = b"{"
_ZEROS = "0"
_WHOLE = ("<u2", "<u4")
_HIGHEST = {form: int(np.iinfo(form).max) for form in _WHOLE}
"""Stands for a gap."""
_FLOATS = "<f8"
_HOUR_MINUTES = 60

type Values = Mapping[str, NDArray[np.float64]]
"""By `ModelId`: one row per metric of METRICS, one column per minute."""

type Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """What the first line of a block says.

    Attributes:
        rows: (ModelId, index in METRICS or None, form) of each row that is stored.
        metrics: these indices, each once.
        record: all rows of one block.
        is_foreign: its metrics are not METRICS, so that gaps must be carried over.
    """

    minutes: int
    model_ids: tuple[str, ...]
    rows: tuple[tuple[str, int | None, str], ...]
    metrics: frozenset[int]
    record: np.dtype[Any]
    is_foreign: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembly:
    """Traffic over [start, end), apart and together."""

    traffic: Mapping[str, Traffic]
    total: Traffic


def pack(values: Values) -> bytes:
    """One block. Equal values, equal bytes."""
    names = sorted(values)
    forms: list[list[str]] = []
    stored: list[bytes] = []
    minutes = 0
    for name in names:
        minutes = values[name].shape[1]
        forms.append([_form(row) for row in values[name]])
        stored += [
            _narrowed(row, form)
            for row, form in zip(values[name], forms[-1], strict=True)
            if form != _ZEROS
        ]
    header = {"model_ids": names, "metrics": METRICS, "minutes": minutes, "forms": forms}
    line = json.dumps(header, separators=(",", ":"))
    return line.encode() + b"\n" + b"".join(stored)


def unpack(content: bytes, subject: str) -> Values:
    """The values of `pack`; a metric that the content does not know is 0.

    Raises:
        ObservationError: the content is damaged; the message starts with `subject`.
    """
    layout, record = _opened(content, subject)
    found = {name: np.zeros((len(METRICS), layout.minutes)) for name in layout.model_ids}
    _fill(found, layout, record, range(len(METRICS)))
    return found


def assemble(
    blocks: Sequence[tuple[datetime, bytes]], start: datetime, end: datetime, subject: str
) -> Assembly:
    """Blocks, ascending and without overlap, as traffic over [start, end).

    Gaps stand where no block has a value. The total of a block is the sum of its own `ModelId`s.
    Metrics that are zero in every block share one series.

    Raises:
        ObservationError: a content is damaged; the message starts with `subject`.
    """
    if not blocks:
        gap = _gaps((1, whole_minutes(end - start)))
        return Assembly(traffic={}, total=_to_traffic(gap, [0] * len(METRICS), start))
    opened = [(at, *_opened(content, subject)) for at, content in blocks]
    first = opened[0][0]
    last = opened[-1][0] + opened[-1][1].minutes * MINUTE
    places = _places([layout for _, layout, _ in opened])
    shape = (max(places) + 1, whole_minutes(last - first))
    names = sorted({name for _, layout, _ in opened for name in layout.model_ids} - {TOTAL})
    is_plain = len(names) == 1 and all(layout.model_ids == tuple(names) for _, layout, _ in opened)
    has_holes = not is_plain or sum(layout.minutes for _, layout, _ in opened) < shape[1]
    apart = {name: _gaps(shape) if has_holes else np.empty(shape) for name in names}
    total = apart[names[0]] if is_plain else _gaps(shape)
    for layout, at, count, record in _runs(opened):
        place = whole_minutes(at - first)
        columns = slice(place, place + count * layout.minutes)
        within = {
            name: (total if name == TOTAL else apart[name])[:, columns] for name in layout.model_ids
        }
        for name, rows in within.items():
            rows[_blank(layout, name, places)] = 0.0
        _fill(within, layout, record, places)
        if not is_plain and TOTAL not in within:
            total[:, columns] = np.sum(list(within.values()), axis=0)
    inside = slice(whole_minutes(start - first), whole_minutes(end - first))
    cut = {name: _cut(rows, inside) for name, rows in apart.items()}
    return Assembly(
        traffic={name: _to_traffic(rows, places, start) for name, rows in cut.items()},
        total=_to_traffic(cut[names[0]] if is_plain else _cut(total, inside), places, start),
    )


def _places(layouts: Sequence[Layout]) -> Sequence[int]:
    """By metric, its row; those that no block stores are zero wherever anything is known."""
    if any(layout.is_foreign for layout in layouts):
        return range(len(METRICS))
    stored = sorted({index for layout in layouts for index in layout.metrics})
    return [stored.index(i) if i in stored else len(stored) for i in range(len(METRICS))]


def _blank(layout: Layout, name: str, places: Sequence[int]) -> list[int]:
    """The rows that a `ModelId`'s blocks leave at 0; all where one may name the gaps of others."""
    if layout.is_foreign:
        return list(places)
    stored = {places[index] for own, index, _ in layout.rows if own == name and index is not None}
    return [place for place in range(max(places) + 1) if place not in stored]


def _gaps(shape: tuple[int, int]) -> Rows:
    return np.full(shape, np.nan)


def _cut(rows: Rows, inside: slice) -> Rows:
    """The columns of `inside`, which may reach beyond either end; there are gaps then."""
    width = rows.shape[1]
    if inside.start >= 0 and inside.stop <= width:
        return rows[:, inside]
    fitted = _gaps((rows.shape[0], max(inside.stop - inside.start, 0)))
    first, last = max(inside.start, 0), min(inside.stop, width)
    if last > first:
        fitted[:, first - inside.start : last - inside.start] = rows[:, first:last]
    return fitted


# -- rows --------------------------------------------------------------------------------------


def _form(row: Rows) -> str:
    """The narrowest form that holds the row exactly; its highest number stands for a gap."""
    if not row.any():
        return _ZEROS
    known = row[~np.isnan(row)]
    if np.all((known >= 0) & (known == np.floor(known))):
        largest = float(known.max(initial=0.0))
        for form in _WHOLE:
            if largest < _HIGHEST[form]:
                return form
    return _FLOATS


def _narrowed(row: Rows, form: str) -> bytes:
    gaps = np.isnan(row)
    if form == _FLOATS:
        # One kind of NaN and one kind of zero.
        return np.where(gaps, np.nan, row + 0.0).astype(_FLOATS).tobytes()
    return np.where(gaps, _HIGHEST[form], row).astype(form).tobytes()


def _fill(
    values: Values, layout: Layout, record: bytes | memoryview, places: Sequence[int]
) -> None:
    """Put the rows of all records, one after the other, into `values`; the others stay.

    Args:
        values: by `ModelId`.
        layout: of each record.
        record: one or several of them, end to end.
        places: by metric, its row in the values.
    """
    if not layout.rows:
        return
    records = np.frombuffer(record, layout.record)
    for field, (name, index, form) in enumerate(layout.rows):
        stored = records[f"f{field}"]
        if layout.is_foreign:
            place = None if index is None else places[index]
            whole = stored.reshape(-1)
            _fill_foreign(values[name], whole, _gaps_in(whole, form), place)
        elif index is not None:
            # A line for each record, as they are stored: nothing is copied but the values.
            row = values[name][places[index]].reshape(stored.shape)
            row[:] = stored
            if form == _FLOATS or stored.max(initial=0) == _HIGHEST[form]:
                row[_gaps_in(stored, form)] = np.nan


def _gaps_in(stored: NDArray[Any], form: str) -> NDArray[np.bool_]:
    return np.isnan(stored) if form == _FLOATS else stored == _HIGHEST[form]


def _fill_foreign(
    rows: Rows, stored: NDArray[Any], gaps: NDArray[np.bool_], place: int | None
) -> None:
    """A gap is a gap in all series, those that are not known here among them."""
    rows[:, gaps] = np.nan
    if place is not None:
        row = rows[place]
        np.copyto(row, stored, where=~np.isnan(row))
        row[gaps] = np.nan


def _runs(
    opened: Sequence[tuple[datetime, Layout, memoryview]],
) -> Iterator[tuple[Layout, datetime, int, bytes]]:
    """Blocks of one layout that follow one another without a gap, as one: so many, end to end."""
    run: list[tuple[datetime, Layout, memoryview]] = []
    end = opened[0][0]
    for entry in opened:
        at, layout, _ = entry
        if run and (layout is not run[0][1] or at != end):
            yield _as_one(run)
            run = []
        run.append(entry)
        end = at + layout.minutes * MINUTE
    yield _as_one(run)


def _as_one(
    run: Sequence[tuple[datetime, Layout, memoryview]],
) -> tuple[Layout, datetime, int, bytes]:
    at, layout, _ = run[0]
    return layout, at, len(run), b"".join([record for _, _, record in run])


# -- bytes -------------------------------------------------------------------------------------


def _opened(content: bytes, subject: str) -> tuple[Layout, memoryview]:
    """What the block says of itself, and its rows, which are not copied."""
    try:
        if not content.startswith(_NARROW):
            content = zlib.decompress(content)
        end = content.index(b"\n")
        layout = _layout(content[:end])
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ObservationError(f"{subject} is damaged: {type(error).__name__}") from error
    rows = memoryview(content)[end + 1 :]
    if len(rows) != layout.record.itemsize:
        raise ObservationError(f"{subject} is damaged: {len(rows)} bytes in its rows")
    return layout, rows


@lru_cache(maxsize=1_024)
def _layout(line: bytes) -> Layout:
    header = json.loads(line)
    names, metrics = tuple(header["model_ids"]), tuple(header["metrics"])
    minutes = header.get("minutes", _HOUR_MINUTES)
    forms = header.get("forms") or [[_FLOATS] * len(metrics)] * len(names)
    rows = tuple(
        (name, METRICS.index(metric) if metric in METRICS else None, form)
        for name, own in zip(names, forms, strict=True)
        for metric, form in zip(metrics, own, strict=True)
        if form != _ZEROS
    )
    record = np.dtype([(f"f{i}", form, (minutes,)) for i, (_, _, form) in enumerate(rows)])
    return Layout(
        minutes=minutes,
        model_ids=names,
        rows=rows,
        metrics=frozenset(index for _, index, _ in rows if index is not None),
        record=record,
        is_foreign=metrics != METRICS,
    )


def _to_traffic(rows: Rows, places: Sequence[int], start: datetime) -> Traffic:
    # One view of each row: what is one object goes on being worked out once.
    own: list[Series] = list(rows)
    series = {name: own[place] for name, place in zip(METRICS, places, strict=True)}
    return Traffic(start=start, **series)
