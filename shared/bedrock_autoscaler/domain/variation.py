"""Fast and slow variation of demand around what was expected, beyond the noise of single calls.

Source: docs/model.md, section "Classes".
"""

from dataclasses import dataclass

import numpy as np

from bedrock_autoscaler.domain.bins import BINS_PER_DAY, BINS_PER_HOUR
from bedrock_autoscaler.domain.observation import Series

_LEVEL_REACH = 3 * BINS_PER_HOUR
_WORST_BLOCK = 6 * BINS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """Variation relative to the mean demand.

    Attributes:
        fast: faster than hours, over the whole window.
        fast_robust: the same without its worst 6 hours.
        fast_day: the same over the newest 24 hours.
        slow: of the level over hours.
        episodes: separate bursts in the newest 24 hours.
    """

    fast: float
    fast_robust: float
    fast_day: float
    slow: float
    episodes: float


NO_VARIATION = Variation(fast=0.0, fast_robust=0.0, fast_day=0.0, slow=0.0, episodes=0.0)


def measure_variation(load: Series, expected: Series, shot_size: float) -> Variation:
    """The variation of these bins; none where no demand was seen.

    Args:
        load: demand per bin.
        expected: demand per bin at a constant level, above 0.
        shot_size: variance of a bin per unit of expected demand when only chance acts.
    """
    known = ~np.isnan(load)
    filled = np.nan_to_num(load)
    count = int(np.count_nonzero(known))
    total = float(filled.sum())
    if total <= 0:
        return NO_VARIATION
    mean = total / count
    level = _surrounding(filled, expected * known)
    fitted = level * expected
    gap = np.where(known, (filled - fitted) ** 2 - shot_size * fitted, 0.0)
    rest = float(gap.sum()) - _worst_block(gap)
    newest = slice(-BINS_PER_DAY, None)
    day_mean = float(filled[newest].mean())
    return Variation(
        fast=_root(float(gap.sum()) / count) / mean,
        fast_robust=_root(rest / max(count - _WORST_BLOCK, 1)) / mean,
        fast_day=_root(float(gap[newest].mean())) / day_mean if day_mean > 0 else 0.0,
        slow=_root(float((((level - 1.0) * expected)[known] ** 2).mean())) / mean,
        episodes=_episodes(filled[newest], fitted[newest], shot_size),
    )


def _root(value: float) -> float:
    return float(np.sqrt(max(value, 0.0)))


def _surrounding(load: Series, expected: Series) -> Series:
    """Sum of demand over sum of expectation within 3 hours on both sides; 1 without any."""
    top = np.concatenate([[0.0], np.cumsum(load)])
    bottom = np.concatenate([[0.0], np.cumsum(expected)])
    position = np.arange(len(load))
    low = np.maximum(position - _LEVEL_REACH, 0)
    high = np.minimum(position + _LEVEL_REACH + 1, len(load))
    below = bottom[high] - bottom[low]
    level: Series = np.divide(top[high] - top[low], below, out=np.ones(len(load)), where=below > 0)
    return level


def _worst_block(gap: Series) -> float:
    """The largest sum over 6 hours in a row."""
    sums = np.concatenate([[0.0], np.cumsum(gap)])
    if len(gap) <= _WORST_BLOCK:
        return float(sums[-1])
    return float(np.max(sums[_WORST_BLOCK:] - sums[:-_WORST_BLOCK]))


def _episodes(load: Series, fitted: Series, shot_size: float) -> float:
    """Bursts: more than twice the fit and clear of noise, an hour apart."""
    high = (load > 2 * fitted) & (load - fitted > 4 * np.sqrt(shot_size * fitted))
    where = np.flatnonzero(high)
    if not where.size:
        return 0.0
    return float(1 + np.count_nonzero(np.diff(where) > BINS_PER_HOUR))
