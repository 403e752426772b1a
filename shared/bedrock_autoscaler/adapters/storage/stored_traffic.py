"""How traffic, and references to the history of it, are stored: as arrays and runs of hours."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from math import isinf, isnan
from typing import Annotated, Any

import numpy as np
from pydantic import PlainSerializer, PlainValidator

from bedrock_autoscaler.application.ports.history import HistoryReference
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic, all_series
from bedrock_autoscaler.domain.units import HOUR, iso

_EXACT_INTEGERS = 2.0**53


def traffic_to_plain(traffic: Traffic) -> dict[str, Any]:
    """Start, minutes, and each series that is not all zeros; a gap is null.

    Whole numbers are written without a fraction, which most sums are.

    Raises:
        ValueError: a value is infinite.
    """
    stored: dict[str, Any] = {"start": iso(traffic.start), "minutes": len(traffic)}
    zeros: Series | None = None
    for name, values in zip(METRICS, all_series(traffic), strict=True):
        # Most series without a point are one and the same.
        if values is zeros:
            continue
        if _is_zero(values):
            zeros = values
        else:
            stored[name] = _to_numbers(values)
    return stored


def traffic_from_plain(stored: Mapping[str, Any]) -> Traffic:
    """The traffic of `traffic_to_plain`.

    Raises:
        ValueError: a member is missing, unknown or of the wrong shape.
    """
    unknown = stored.keys() - {"start", "minutes", *METRICS}
    if unknown:
        raise ValueError(f"traffic has unknown members {sorted(unknown)}")
    minutes = int(stored["minutes"])
    zeros = np.zeros(minutes)
    # None becomes NaN by the conversion to float.
    series = {
        name: np.array(stored[name], dtype=np.float64) if name in stored else zeros
        for name in METRICS
    }
    if any(values.shape != (minutes,) for values in series.values()):
        raise ValueError(f"traffic of {minutes} minutes has a series of another length")
    return Traffic(start=datetime.fromisoformat(stored["start"]), **series)


def _is_zero(values: Series) -> bool:
    """Whether all are 0, without a sign: no bit is set then."""
    return values.tobytes() == bytes(values.nbytes)


def _to_numbers(values: Series) -> Sequence[float | int | None]:
    # Most are whole; a decision keeps an hour of them, too few for operations on arrays to pay.
    return [
        int(value) if 0 < value < _EXACT_INTEGERS and value.is_integer() else _to_number(value)
        for value in values.tolist()
    ]


def _to_number(value: float) -> float | int | None:
    if value == 0:
        return value
    if isnan(value):
        return None
    if isinf(value):
        raise ValueError("traffic holds an infinite value")
    is_short = value.is_integer() and abs(value) < _EXACT_INTEGERS
    return int(value) if is_short else value


def _read_traffic(stored: object) -> Traffic:
    if not isinstance(stored, Mapping):
        raise ValueError("traffic is not an object")  # noqa: TRY004 - pydantic reports ValueError
    try:
        return traffic_from_plain(stored)
    except (KeyError, TypeError) as error:
        raise ValueError(f"traffic cannot be read: {error}") from error


type StoredTraffic = Annotated[
    Traffic, PlainValidator(_read_traffic), PlainSerializer(traffic_to_plain)
]


def _write_reference(reference: HistoryReference) -> dict[str, Any]:
    """Hours that follow one another in the same revision as (first hour, how many, revision)."""
    return {
        "start": iso(reference.start),
        "end": iso(reference.end),
        "sha256": reference.sha256,
        "runs": list(_runs(reference.revisions)),
    }


def _runs(revisions: Sequence[tuple[datetime, int]]) -> Iterator[tuple[str, int, int]]:
    if not revisions:
        return
    (begun, number), count = revisions[0], len(revisions)
    # Hours ascend, so that as many as fit in between are all of them.
    is_whole = revisions[-1][0] - begun == (count - 1) * HOUR
    if is_whole and {revision for _, revision in revisions} == {number}:
        yield iso(begun), count, number
        return
    first = 0
    for index in range(1, len(revisions) + 1):
        hour, revision = revisions[first]
        following = (hour + (index - first) * HOUR, revision)
        if index == len(revisions) or revisions[index] != following:
            yield iso(hour), index - first, revision
            first = index


def _read_reference(stored: object) -> HistoryReference:
    """The reference of `_write_reference`, or of before, with a pair for each hour."""
    if not isinstance(stored, Mapping):
        raise ValueError("a reference to history is not an object")  # noqa: TRY004 - as above
    try:
        if "runs" in stored:
            revisions = [
                pair for hour, count, number in stored["runs"] for pair in _run(hour, count, number)
            ]
        else:
            revisions = [
                (datetime.fromisoformat(hour), int(revision))
                for hour, revision in stored["revisions"]
            ]
        return HistoryReference(
            start=datetime.fromisoformat(stored["start"]),
            end=datetime.fromisoformat(stored["end"]),
            revisions=tuple(revisions),
            sha256=str(stored["sha256"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a reference to history cannot be read: {error}") from error


@lru_cache(maxsize=256)
def _run(hour: str, count: int, number: int) -> tuple[tuple[datetime, int], ...]:
    """One run, hour by hour; targets that are decided together name the same hours."""
    first = datetime.fromisoformat(hour)
    return tuple((first + index * HOUR, number) for index in range(count))


type StoredReference = Annotated[
    HistoryReference, PlainValidator(_read_reference), PlainSerializer(_write_reference)
]
