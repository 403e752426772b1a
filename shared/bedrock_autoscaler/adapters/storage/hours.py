"""Hours cut out of traffic, and what an earlier reading of an hour still knows."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from bedrock_autoscaler.adapters.storage.blocks import Values
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import HOUR, whole_minutes

MINUTES = 60


def patched(known: Values, fresh: Values) -> Values:
    """`fresh`, with what was known before for its gaps and for the `ModelId`s it lacks."""
    merged = dict(known)
    for name, rows in fresh.items():
        merged[name] = np.where(np.isnan(rows), known[name], rows) if name in known else rows
    return merged


def are_same(one: Values, other: Values) -> bool:
    """Whether both know the same of the same `ModelId`s; a gap equals a gap."""
    return one.keys() == other.keys() and all(
        np.array_equal(rows, other[name], equal_nan=True) for name, rows in one.items()
    )


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
