"""Whether demand has just jumped to several times what this hour of the day ever asks for.

A flag, not a class: a crowd passes, and the class stays. Source: docs/model.md, "Spikes".
"""

from dataclasses import dataclass

import numpy as np

from bedrock_autoscaler.domain.thresholds import Classifying
from bedrock_autoscaler.domain.traffic.bins import BIN_MINUTES, known_sums
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series, known_total

_DAY = 1440
_DAYS = 7
_REACH = 30
_OLDEST_RECENT, _NEWEST_RECENT = 75, 15
_LEVEL_MINUTES = 360
_LEVEL_BOUNDS = (0.5, 4.0)
"""A lull shorter than the level's 6 hours must not make the return of usual demand a spike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """The newest 5 minutes against what they may be.

    Attributes:
        demand: in them, model-unit minutes.
        limit: above which they are a spike, model-unit minutes. Where the last hour alone explains
            them, it is what that hour allows; else what the usual day allows, which is more.
        calls: in them, in lots.
    """

    demand: float
    limit: float
    calls: float

    def is_flagged(self, rules: Classifying) -> bool:
        """Whether it is a spike and made of enough calls to say so."""
        return self.demand > self.limit and self.calls >= rules.spike_min_requests


def measure_spike(
    demand: Demand, *, shot_noise: float, lot: float, rules: Classifying
) -> Spike | None:
    """The newest 5 minutes; None while they or a day to compare them with are unknown.

    Args:
        demand: the history up to the newest settled minute.
        shot_noise: of the target, a factor on Poisson noise.
        lot: calls that come at once.
        rules: how far above the expected is a spike.
    """
    load, calls = demand.load, demand.requests
    newest = float(known_sums(load[-BIN_MINUTES:])[-1]) if len(load) >= BIN_MINUTES else np.nan
    if np.isnan(newest):
        return None
    lowest = _lowest_recent(load)
    arrived = known_total(calls[-BIN_MINUTES:]) / lot
    if newest <= rules.spike_factor * lowest:
        return Spike(demand=newest, limit=rules.spike_factor * lowest, calls=arrived)
    usual = _usual(load)
    if np.isnan(usual):
        return None
    expected = max(usual, lowest)
    total_calls = known_total(calls[-_DAY:])
    size = lot * known_total(load[-_DAY:]) / total_calls if total_calls > 0 else 0.0
    noise = float(np.sqrt(shot_noise * size * expected))
    return Spike(
        demand=newest,
        limit=max(rules.spike_factor * expected, expected + rules.spike_sigmas * noise),
        calls=arrived,
    )


def _usual(load: Series) -> float:
    """Highest 5 minutes around this time of day, the median of 7 days, at today's level."""
    around = _earlier_days(load, before=_REACH + BIN_MINUTES, after=_REACH)
    if not len(around):
        return np.nan
    highest = np.max(np.nan_to_num(known_sums(around), nan=-np.inf), axis=1)
    highest = highest[np.isfinite(highest)]
    if not highest.size:
        return np.nan
    return float(np.median(highest)) * _level(load)


def _level(load: Series) -> float:
    """Demand of the newest 6 hours relative to the same hours of the last days."""
    now = load[-_LEVEL_MINUTES - _NEWEST_RECENT : -_NEWEST_RECENT]
    then = _earlier_days(load, before=_LEVEL_MINUTES + _NEWEST_RECENT, after=-_NEWEST_RECENT)
    means = [float(day[~np.isnan(day)].mean()) for day in then if not np.isnan(day).all()]
    if not means or np.isnan(now).all():
        return 1.0
    usual = float(np.median(means))
    if usual <= 0:
        return 1.0
    ratio = float(now[~np.isnan(now)].mean()) / usual
    return min(max(ratio, _LEVEL_BOUNDS[0]), _LEVEL_BOUNDS[1])


def _earlier_days(load: Series, *, before: int, after: int) -> Series:
    """A row for each of the last 7 days: minutes from `before` to `after` around this time."""
    ends = [len(load) - day * _DAY for day in range(1, _DAYS + 1)]
    rows = [load[end - before : end + after] for end in ends if end >= before]
    return np.array(rows) if rows else np.empty((0, before + after))


def _lowest_recent(load: Series) -> float:
    """The lowest 5 minutes of the hour that ended a quarter of an hour ago; 0 if unknown."""
    recent = known_sums(load[-_OLDEST_RECENT:-_NEWEST_RECENT])
    recent = recent[~np.isnan(recent)]
    return float(recent.min()) if recent.size else 0.0
