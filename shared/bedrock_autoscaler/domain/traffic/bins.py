"""Demand in 5-minute bins aligned to the clock: the grain at which traffic is classified."""

from dataclasses import dataclass
from datetime import datetime
from math import isnan

import numpy as np

from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

BIN_MINUTES = 5
BINS_PER_HOUR = 12
BINS_PER_DAY = 288
HOURS_PER_DAY = 24
_LEAST_MINUTES = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bins:
    """Sums of 5 minutes; NaN where fewer than 3 of them were read.

    Attributes:
        start: of the first bin, a multiple of 5 minutes of the clock.
        load: model-unit minutes; requests: calls.
    """

    start: datetime
    load: Series
    requests: Series


def to_bins(demand: Demand) -> Bins:
    """Whole bins of the demand; a bin with a gap is scaled up from its known minutes."""
    into_bin = whole_minutes(demand.start - demand.start.replace(minute=0)) % BIN_MINUTES
    skip = -into_bin % BIN_MINUTES
    usable = max(len(demand) - skip, 0) // BIN_MINUTES * BIN_MINUTES
    load = demand.load[skip : skip + usable].reshape(-1, BIN_MINUTES)
    requests = demand.requests[skip : skip + usable].reshape(-1, BIN_MINUTES)
    start = demand.start + skip * MINUTE
    if not demand.has_gaps:
        return Bins(start=start, load=load.sum(axis=1), requests=requests.sum(axis=1))
    scale = _scale(load)
    return Bins(
        start=start,
        load=np.nansum(load, axis=1) * scale,
        requests=np.nansum(requests, axis=1) * scale,
    )


def known_sums(minutes: Series) -> Series:
    """Sums of 5 minutes along the last axis, its oldest odd minutes left out; NaN as in `Bins`."""
    usable = minutes.shape[-1] // BIN_MINUTES * BIN_MINUTES
    first = minutes.shape[-1] - usable
    blocks = minutes[..., first:].reshape(*minutes.shape[:-1], -1, BIN_MINUTES)
    sums: Series = blocks.sum(axis=-1)
    if isnan(sums.sum()):
        sums = np.nansum(blocks, axis=-1) * _scale(blocks)
    return sums


def _scale(blocks: Series) -> Series:
    """What makes the known minutes of each block stand for all 5; NaN where they are too few."""
    known = np.count_nonzero(~np.isnan(blocks), axis=-1)
    scale: Series = np.where(known >= _LEAST_MINUTES, BIN_MINUTES / np.maximum(known, 1), np.nan)
    return scale


def mean_known(blocks: Series, axis: int = -1) -> Series:
    """Mean of the known values along an axis; NaN where none is known."""
    sums: Series = blocks.sum(axis=axis)
    if blocks.shape[axis] and not isnan(sums.sum()):
        return np.divide(sums, blocks.shape[axis])
    known = np.count_nonzero(~np.isnan(blocks), axis=axis)
    sums = np.nansum(blocks, axis=axis)
    mean: Series = np.divide(sums, known, out=np.full(sums.shape, np.nan), where=known > 0)
    return mean
