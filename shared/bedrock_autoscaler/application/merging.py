"""Cutting, overlaying and adding traffic without ever turning a gap into a zero."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.observation import METRICS, Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes


def gap(start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end), none of which was read."""
    minutes = max(whole_minutes(end - start), 0)
    return Traffic(start=start, **{name: np.full(minutes, np.nan) for name in METRICS})


def window(traffic: Traffic, start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end) of `traffic`; gaps where it does not reach."""
    minutes = max(whole_minutes(end - start), 0)
    offset = whole_minutes(start - traffic.start)
    return Traffic(
        start=start,
        **{name: _cut(getattr(traffic, name), offset, minutes) for name in METRICS},
    )


def overlaid(older: Traffic | None, newer: Traffic, start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end): what `newer` read, and what `older` knows where it did not."""
    fresh = window(newer, start, end)
    if older is None:
        return fresh
    known = window(older, start, end)
    unread = np.isnan(fresh.invocations)
    return Traffic(
        start=start,
        **{name: np.where(unread, getattr(known, name), getattr(fresh, name)) for name in METRICS},
    )


def added(parts: Iterable[Traffic], start: datetime, end: datetime) -> Traffic:
    """The sum over [start, end): a minute that is a gap in one part is a gap of the sum.

    The sum of no parts is a gap, since nothing was read.
    """
    cut = [window(part, start, end) for part in parts]
    if not cut:
        return gap(start, end)
    return Traffic(
        start=start,
        **{name: np.sum([getattr(part, name) for part in cut], axis=0) for name in METRICS},
    )


def first_gap(traffic: Traffic) -> datetime:
    """The first minute that was not read, or the end of the series when all were."""
    missing = np.flatnonzero(np.isnan(traffic.invocations))
    return traffic.start + int(missing[0]) * MINUTE if missing.size else traffic.end


def _cut(series: Series, offset: int, minutes: int) -> Series:
    """`minutes` elements from index `offset` on, which may lie outside; NaN out there."""
    found = np.full(minutes, np.nan)
    first, last = max(offset, 0), min(offset + minutes, len(series))
    if first < last:
        found[first - offset : last - offset] = series[first:last]
    return found
