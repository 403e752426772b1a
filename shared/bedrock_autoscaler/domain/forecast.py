"""Futures of demand: samples for the coming billing period from several simple experts.

Each expert turns history into a set of equally likely demands for the window that a unit
ordered now would serve. None of them is trusted for good: sizing weighs them by what following
them would have cost lately.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_DAY = 1440
_SATURDAY = 5
_LEVEL_FLOOR = 0.25
_LEVEL_BOUND = 4.0
_LEVEL_POWER = 0.7
_LONG_STEP = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Future:
    """Equally likely demands, in model units, of minutes in the window."""

    name: str
    samples: Series


def futures(demand: Demand, now: datetime, *, lead: int, horizon: int) -> tuple[Future, ...]:
    """The experts' samples for the minutes [now + lead, now + lead + horizon).

    Experts: `same_days` (this window on each of the last 7 days at today's level),
    `same_weekdays` (14 days, weekdays or weekends alone), `last_hour`, `last_3_hours`,
    `last_3_days`, `blend` (same_days and last_hour) and `zero`. An expert without data is
    left out; `zero` is always there.

    Args:
        lead: minutes until the window begins.
        horizon: its length in minutes.
    """
    load = demand.load
    recent = _known(load[-60:])
    by_day = _daily_windows(demand, now, lead, horizon)
    same_days = [window for age, _, window in by_day if age <= 7]
    weekend = _is_weekend(now + lead * MINUTE)
    same_weekdays = [window for _, day, window in by_day if _is_weekend(day) is weekend]
    ratio = _level_ratio(demand, now)
    found = [
        ("same_days", _joined(same_days) * ratio),
        ("same_weekdays", _joined(same_weekdays) * ratio),
        ("last_hour", recent),
        ("last_3_hours", _known(load[-180:])),
        ("last_3_days", _known(load[-3 * _DAY :: _LONG_STEP])),
    ]
    kept = [Future(name=name, samples=samples) for name, samples in found if samples.size]
    if same_days and recent.size:
        kept.append(Future(name="blend", samples=_blend(found[0][1], recent)))
    kept.append(Future(name="zero", samples=np.zeros(1)))
    return tuple(kept)


def _daily_windows(
    demand: Demand, now: datetime, lead: int, horizon: int
) -> list[tuple[int, datetime, Series]]:
    """(age in days, moment, known minutes) of the same clock window on earlier days."""
    first = whole_minutes(now - demand.start) + lead
    windows = []
    for age in range(1, 15):
        begin = first - age * _DAY
        if begin + horizon > len(demand) or begin < 0:
            continue
        known = _known(demand.load[begin : begin + horizon])
        if known.size:
            windows.append((age, now + (lead - age * _DAY) * MINUTE, known))
    return windows


def _level_ratio(demand: Demand, now: datetime) -> float:
    """How today's last hour compares with the same hour of the last 7 days, damped."""
    recent = _known(demand.load[-60:])
    if not recent.size:
        return 1.0
    level = float(recent.mean()) + _LEVEL_FLOOR
    last = len(demand)
    ratios = []
    for age in range(1, 8):
        end = last - age * _DAY
        if end - 60 < 0:
            break
        then = _known(demand.load[end - 60 : end])
        if then.size:
            ratios.append(level / (float(then.mean()) + _LEVEL_FLOOR))
    if not ratios:
        return 1.0
    bounded = float(np.clip(np.median(ratios), 1 / _LEVEL_BOUND, _LEVEL_BOUND))
    return float(bounded**_LEVEL_POWER)


def _blend(seasonal: Series, recent: Series) -> Series:
    """Both sets in equal weight: the smaller one is repeated."""
    times = max(1, seasonal.size // recent.size)
    return np.concatenate([seasonal, np.tile(recent, times)])


def _joined(windows: list[Series]) -> Series:
    return np.concatenate(windows) if windows else np.empty(0)


def _known(series: Series) -> Series:
    return series[~np.isnan(series)]


def _is_weekend(moment: datetime) -> bool:
    return moment.weekday() >= _SATURDAY
