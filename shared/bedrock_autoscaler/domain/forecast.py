"""Futures of demand: samples for the coming billing period from several simple experts.

Each expert turns history into a set of equally likely demands for the window that a unit
ordered now would serve. None of them is trusted for good: sizing weighs them by what following
them would have cost lately. Source: docs/model.md, section "Forecast".
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_DAY = 1440
_HOUR = 60
_SATURDAY = 5
_NEAR_DAYS = 7
_FAR_DAYS = 14
_LEVEL_FLOOR = 0.25
_LEVEL_BOUND = 4.0
_LEVEL_POWER = 0.7
_LONG_STEP = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Future:
    """Equally likely demands, in model units, of minutes in the window; empty when unknown."""

    name: str
    samples: Series


def futures(
    demand: Demand, now: datetime, *, lead: int, horizon: int, gaps_as: float | None = None
) -> tuple[Future, ...]:
    """The experts' samples for the minutes [now + lead, now + lead + horizon).

    Experts: `same_days` (this window on each of the last 7 days at today's level),
    `same_weekdays` (14 days, weekdays or weekends alone), `last_hour`, `last_3_hours`,
    `last_3_days`, `blend` (same_days and last_hour) and `zero`. Which of them there are depends
    on the length of the history alone; `zero` is always there.

    Args:
        demand: the history, oldest first.
        now: the moment of the decision.
        lead: minutes until the window begins.
        horizon: its length in minutes.
        gaps_as: demand that a gap stands for: 0 to grow on what was seen alone, full use to
            shrink on what was seen alone. By default gaps are left out.
    """
    load = demand.load if gaps_as is None else np.nan_to_num(demand.load, nan=gaps_as)
    by_day = _daily_windows(load, demand.start, now + lead * MINUTE, horizon)
    weekend = _is_weekend(now + lead * MINUTE)
    near = [window for age, _, window in by_day if age <= _NEAR_DAYS]
    alike = [window for _, day, window in by_day if _is_weekend(day) is weekend]
    ratio = _level_ratio(demand.load, gaps_as)
    recent = load[-_HOUR:]
    same_days = _joined(near) * ratio
    found = [
        ("same_days", same_days),
        ("same_weekdays", _joined(alike) * ratio),
        ("last_hour", recent),
        ("last_3_hours", load[-3 * _HOUR :]),
        ("last_3_days", load[-3 * _DAY :: _LONG_STEP]),
        ("blend", _blend(same_days, recent)),
        ("zero", np.zeros(1)),
    ]
    return tuple(
        Future(name=name, samples=samples[~np.isnan(samples)])
        for name, samples in found
        if samples.size
    )


def _daily_windows(
    load: Series, start: datetime, begin: datetime, horizon: int
) -> list[tuple[int, datetime, Series]]:
    """(age in days, moment, minutes) of the same clock window on earlier days, newest first."""
    first = whole_minutes(begin - start)
    windows = []
    for age in range(1, _FAR_DAYS + 1):
        position = first - age * _DAY
        if 0 <= position <= len(load) - horizon:
            day = begin - age * _DAY * MINUTE
            windows.append((age, day, load[position : position + horizon]))
    return windows


def _level_ratio(load: Series, gaps_as: float | None) -> float:
    """How the last hour compares with the same hour of the last 7 days, bounded and damped.

    Where gaps stand for full use, a last hour with a gap has the highest ratio there is, and a
    gap in an earlier hour counts as nothing: no gap then makes the ratio smaller.
    """
    highest = float(_LEVEL_BOUND**_LEVEL_POWER)
    is_cautious = gaps_as is not None and gaps_as > 0
    recent = load[-_HOUR:]
    if is_cautious and np.isnan(recent).any():
        return highest
    level = _mean(recent, 0.0 if gaps_as == 0 else None)
    if level is None:
        return 1.0
    ratios = []
    for age in range(1, _NEAR_DAYS + 1):
        end = len(load) - age * _DAY
        if end < _HOUR:
            break
        then = _mean(load[end - _HOUR : end], 0.0 if is_cautious else None)
        if then is not None:
            ratios.append((level + _LEVEL_FLOOR) / (then + _LEVEL_FLOOR))
    if not ratios:
        return 1.0
    bounded = float(np.clip(np.median(ratios), 1 / _LEVEL_BOUND, _LEVEL_BOUND))
    return float(bounded**_LEVEL_POWER)


def _mean(series: Series, gaps_as: float | None) -> float | None:
    """Mean of the series, its gaps left out or counted; None when nothing is left."""
    values = series[~np.isnan(series)] if gaps_as is None else np.nan_to_num(series, nan=gaps_as)
    return float(values.mean()) if values.size else None


def _blend(seasonal: Series, recent: Series) -> Series:
    """Both sets in equal weight: the smaller one is repeated."""
    if not seasonal.size or not recent.size:
        return np.empty(0)
    return np.concatenate([seasonal, np.tile(recent, max(1, seasonal.size // recent.size))])


def _joined(windows: list[Series]) -> Series:
    return np.concatenate(windows) if windows else np.empty(0)


def _is_weekend(moment: datetime) -> bool:
    return moment.weekday() >= _SATURDAY
