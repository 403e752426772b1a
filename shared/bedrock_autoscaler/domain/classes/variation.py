"""Fast and slow variation of demand around what was expected, beyond the noise of single calls.

Source: docs/model.md, section "Classes".
"""

from dataclasses import dataclass

import numpy as np

from bedrock_autoscaler.domain.traffic.bins import BINS_PER_DAY, BINS_PER_HOUR
from bedrock_autoscaler.domain.traffic.observation import Series

_LEVEL_REACH = 3 * BINS_PER_HOUR
_WORST_BLOCK = 6 * BINS_PER_HOUR
_LONGEST_SPELL = 12 * BINS_PER_HOUR
"""A crowd of up to 6 hours shows in the level 3 hours before and after it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """Variation relative to the mean demand.

    Attributes:
        fast: faster than hours, over the whole window.
        fast_robust: the same without its worst 6 hours.
        fast_day: the same over the newest 24 hours.
        slow: of the level over hours.
        slow_lasting: what is left of it without a single step or a single spell of 12 hours,
            whichever explains more.
        episodes: separate bursts in the newest 24 hours.
    """

    fast: float
    fast_robust: float
    fast_day: float
    slow: float
    slow_lasting: float
    episodes: float


NO_VARIATION = Variation(
    fast=0.0, fast_robust=0.0, fast_day=0.0, slow=0.0, slow_lasting=0.0, episodes=0.0
)


def measure_variation(load: Series, expected: Series, shot_size: float) -> Variation:
    """The variation of these bins; none where no demand was seen.

    Args:
        load: demand per bin.
        expected: demand per bin at a constant level, above 0.
        shot_size: variance of a bin per unit of expected demand when only chance acts.
    """
    known = ~np.isnan(load)
    filled = np.where(known, load, 0.0)
    count = int(np.count_nonzero(known))
    total = float(filled.sum())
    if total <= 0:
        return NO_VARIATION
    mean = total / count
    level = _surrounding(filled, expected * known)
    fitted = level * expected
    gap = np.where(known, (filled - fitted) ** 2 - shot_size * fitted, 0.0)
    rest = float(gap.sum()) - _worst_block(gap, _WORST_BLOCK)
    newest = slice(-BINS_PER_DAY, None)
    slow, lasting = _slow(((level - 1.0) * expected)[known] / mean)
    return Variation(
        fast=_root(float(gap.sum()) / count) / mean,
        fast_robust=_root(rest / max(count - _WORST_BLOCK, 1)) / mean,
        fast_day=_of_day(filled[newest], gap[newest], int(np.count_nonzero(known[newest]))),
        slow=slow,
        slow_lasting=lasting,
        episodes=_episodes(filled[newest], fitted[newest], shot_size),
    )


def _root(value: float) -> float:
    return float(np.sqrt(max(value, 0.0)))


def _of_day(load: Series, gap: Series, count: int) -> float:
    """Fast variation of one day, relative to that day's mean."""
    total = float(load.sum())
    return _root(float(gap.sum()) / count) * count / total if total > 0 else 0.0


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


def _slow(off: Series) -> tuple[float, float]:
    """(root mean square, what a single step or a single spell does not explain of it)."""
    count = len(off)
    square = off**2
    whole = float(square.sum())
    sums = np.cumsum(off)
    sizes = np.arange(1, count)
    before = sums[:-1]
    stepped = before**2 / sizes + (sums[-1] - before) ** 2 / (count - sizes)
    without_step = whole - float(stepped.max(initial=0.0))
    without_spell = whole - _worst_block(square, _LONGEST_SPELL)
    return _root(whole / count), _root(min(without_step, without_spell) / count)


def _worst_block(values: Series, length: int) -> float:
    """The largest sum over so many values in a row."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    if len(values) <= length:
        return float(sums[-1])
    return float(np.max(sums[length:] - sums[:-length]))


def _episodes(load: Series, fitted: Series, shot_size: float) -> float:
    """Bursts: more than twice the fit and clear of noise, an hour apart."""
    high = (load > 2 * fitted) & (load - fitted > 4 * np.sqrt(shot_size * fitted))
    where = np.flatnonzero(high)
    if not where.size:
        return 0.0
    return float(1 + np.count_nonzero(np.diff(where) > BINS_PER_HOUR))
