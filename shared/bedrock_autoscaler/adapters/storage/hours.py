"""One hour of minute history as compressed bytes, and many of them as arrays."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.observation import METRICS, Series, Traffic
from bedrock_autoscaler.domain.units import HOUR, whole_minutes

MINUTES = 60
# Little-endian doubles on every processor, so that the same values give the same bytes.
_FLOATS = np.dtype("<f8")

type Values = Mapping[str, NDArray[np.float64]]
"""By `ModelId`: one row per metric of METRICS, one column per minute of the hour."""


def pack(values: Values) -> bytes:
    """A line of JSON that names the rows, then the rows; compressed. Equal values, equal bytes."""
    names = sorted(values)
    header = json.dumps({"model_ids": names, "metrics": METRICS}, separators=(",", ":"))
    rows = b"".join(_plain(values[name]).astype(_FLOATS).tobytes() for name in names)
    return zlib.compress(header.encode() + b"\n" + rows)


def unpack(content: bytes, subject: str) -> Values:
    """The values of `pack`; a metric that the content does not know is 0.

    Raises:
        ObservationError: the content is damaged; the message starts with `subject`.
    """
    try:
        header, rows = zlib.decompress(content).split(b"\n", maxsplit=1)
        names = json.loads(header)
        model_ids, metrics = names["model_ids"], names["metrics"]
        stored = np.frombuffer(rows, dtype=_FLOATS).reshape(len(model_ids), len(metrics), MINUTES)
    except (KeyError, ValueError, zlib.error) as error:
        raise ObservationError(f"{subject} is damaged: {type(error).__name__}") from error
    if metrics != list(METRICS):
        stored = _rearranged(stored, metrics)
    return dict(zip(model_ids, stored, strict=True))


def patched(known: Values, fresh: Values) -> Values:
    """`fresh`, with what was known before for its gaps and for the `ModelId`s it lacks."""
    merged = dict(known)
    for name, rows in fresh.items():
        merged[name] = np.where(np.isnan(rows), known[name], rows) if name in known else rows
    return merged


def is_blank(values: Values) -> bool:
    """Whether no minute is known."""
    return all(np.isnan(rows).all() for rows in values.values())


def cut_hour(traffic: Mapping[str, Traffic], hour: datetime) -> Values:
    """The rows of one hour that all of these traffics cover."""
    values = {}
    for name, part in traffic.items():
        first = whole_minutes(hour - part.start)
        series = [getattr(part, metric)[first : first + MINUTES] for metric in METRICS]
        values[name] = np.array(series, dtype=np.float64)
    return values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembly:
    """Traffic over [start, end), apart and together."""

    traffic: Mapping[str, Traffic]
    total: Traffic


def assemble(hours: Sequence[tuple[datetime, Values]], start: datetime, end: datetime) -> Assembly:
    """Hours as traffic over [start, end), with gaps where no hour has a value."""
    minutes = whole_minutes(end - start)
    names = sorted({name for _, values in hours for name in values})
    apart = {name: np.full((len(METRICS), minutes), np.nan) for name in names}
    together = np.full((len(METRICS), minutes), np.nan)
    for hour, values in hours:
        at = whole_minutes(hour - start)
        inside = slice(max(at, 0), min(at + MINUTES, minutes))
        part = slice(inside.start - at, inside.stop - at)
        for name, rows in values.items():
            apart[name][:, inside] = rows[:, part]
        together[:, inside] = np.sum(list(values.values()), axis=0)[:, part]
    return Assembly(
        traffic={name: _to_traffic(rows, start) for name, rows in apart.items()},
        total=_to_traffic(together, start),
    )


def whole_hours(traffic: Mapping[str, Traffic]) -> list[datetime]:
    """The clock hours that every one of these traffics covers wholly."""
    if not traffic:
        return []
    start = max(part.start for part in traffic.values())
    end = min(part.end for part in traffic.values())
    first = start.replace(minute=0, second=0, microsecond=0)
    if first < start:
        first += HOUR
    return [first + index * HOUR for index in range(max((end - first) // HOUR, 0))]


def _plain(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same values with one kind of NaN and one kind of zero."""
    return np.where(np.isnan(rows), np.nan, rows + 0.0)


def _rearranged(stored: NDArray[np.float64], metrics: Sequence[str]) -> NDArray[np.float64]:
    rows = np.zeros((stored.shape[0], len(METRICS), MINUTES))
    for index, metric in enumerate(METRICS):
        if metric in metrics:
            rows[:, index] = stored[:, metrics.index(metric)]
    # A gap is a gap in all series.
    gaps = np.isnan(stored).any(axis=1)
    rows[np.broadcast_to(gaps[:, np.newaxis], rows.shape)] = np.nan
    return rows


def _to_traffic(rows: NDArray[np.float64], start: datetime) -> Traffic:
    series: dict[str, Series] = dict(zip(METRICS, rows, strict=True))
    return Traffic(start=start, **series)
