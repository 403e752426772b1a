"""Traffic put together: side by side over `ModelId`s, end to end over time.

Nothing here changes a series in place, so that what needs no change is handed on as it is.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

import numpy as np

from bedrock_autoscaler.domain.traffic.observation import Series, Traffic, each_series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes


def combine(parts: Sequence[Traffic]) -> Traffic:
    """The sum of traffics over the same minutes; a gap in one is a gap in the sum.

    Raises:
        ValueError: there is no part, or their minutes differ.
    """
    spans = {(part.start, len(part)) for part in parts}
    if len(spans) != 1:
        message = f"cannot add traffics that cover {len(spans)} different spans of minutes"
        raise ValueError(message)
    if len(parts) == 1:
        return parts[0]
    return Traffic(start=parts[0].start, **each_series(_sum, *parts))


def _sum(*parts: Series) -> Series:
    return reduce(np.add, parts)


def remainder(whole: Traffic, parts: Sequence[Traffic]) -> Traffic:
    """What of `whole` none of its parts carries, never below nothing.

    A minute that a part lacks takes nothing away.
    """
    fitted = (span(part, whole.start, whole.end) for part in parts)
    return Traffic(start=whole.start, **each_series(_less, whole, *fitted))


def _less(whole: Series, *parts: Series) -> Series:
    carried = (np.where(np.isnan(part), 0.0, part) for part in parts)
    return np.maximum(whole - sum(carried, start=np.zeros(len(whole))), 0.0)


def join(older: Traffic, newer: Traffic) -> Traffic:
    """`older`, then the minutes of `newer` after its end, with gaps for minutes in between.

    What the two have in common stays as `older` has it. An empty `older` adds no minutes.
    """
    rest = newer.since(older.end)
    if not len(older):
        return rest
    if not len(rest):
        return older
    missing = np.full(whole_minutes(rest.start - older.end), np.nan)
    return Traffic(
        start=older.start,
        **each_series(lambda old, new: np.concatenate([old, missing, new]), older, rest),
    )


def span(traffic: Traffic, start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end) of `traffic`, with gaps where it has none."""
    minutes = max(whole_minutes(end - start), 0)
    offset = whole_minutes(start - traffic.start)
    first, last = max(offset, 0), min(offset + minutes, len(traffic))
    if last - first == minutes:
        whole = minutes == len(traffic)
        return traffic if whole else _cut(traffic, first, last)

    def fitted(series: Series) -> Series:
        fits = np.empty(minutes)
        fits.fill(np.nan)
        if last > first:
            fits[first - offset : last - offset] = series[first:last]
        return fits

    return Traffic(start=start, **each_series(fitted, traffic))


def _cut(traffic: Traffic, first: int, last: int) -> Traffic:
    """So many of its minutes, as views."""
    return Traffic(
        start=traffic.start + first * MINUTE,
        **each_series(lambda series: series[first:last], traffic),
    )
