"""What a user could run instead: each baseline is a plan, scored by the same replay.

None of them sees the publication lag: they are given the newest minute, which flatters them.
`best_static` and `static_peak` also know the scored traffic beforehand.
"""

from collections import deque
from collections.abc import Callable, Mapping
from math import ceil
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.marginal import OverflowCost
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.timeline import Plan

type Ints = NDArray[np.int64]
type Floats = NDArray[np.float64]

_HOUR = 60
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY

# Application Auto Scaling on a custom metric: a target of 70% and its two alarms.
_TARGET = 0.70
_LOW_SHARE = 0.9
_HIGH_MINUTES = 3
_LOW_MINUTES = 15
_COOLDOWN_MINUTES = 5
# The Horizontal Pod Autoscaler's tolerance and its window of recommendations.
_HPA_TOLERANCE = 0.1
_HPA_WINDOW_MINUTES = 5


def all_on_demand(replay: Replay) -> Plan:
    """No unit at any time."""
    return _constant(replay, 0)


def static_peak(replay: Replay) -> Plan:
    """Units for the highest minute of the scored traffic, held throughout."""
    return _constant(replay, ceil(float(replay.demand[replay.score_from :].max())))


def best_static(replay: Replay) -> Plan:
    """The number of units with the least objective, held throughout; knows the traffic."""
    peak = ceil(float(replay.demand[replay.score_from :].max()))
    best, least = _constant(replay, 0), float("inf")
    # The objective is convex in the units: both the bill for units and that of overflow are.
    for units in range(peak + 1):
        plan = _constant(replay, units)
        objective = replay.score(plan).objective_usd
        if objective >= least:
            break
        best, least = plan, objective
    return best


def target_tracking(replay: Replay, target: float = _TARGET) -> Plan:
    """Target tracking at 70%, or another target use, with AWS defaults.

    Use is the demand of a minute over the units ordered at the time. After 3 successive minutes
    above the target the units become the mean demand of those minutes / target, rounded up and
    never fewer, at most every 5 minutes. After 15 successive minutes below 0.9 x target, counted
    anew after each decrease, they become the highest demand of those minutes / target, rounded up,
    not within 5 minutes of another change. One unit at first and at least.
    """
    demand = replay.demand.tolist()
    units = np.empty(len(demand), dtype=np.int64)
    held, high, low = 1, 0, 0
    last_rise = last_change = -_COOLDOWN_MINUTES
    units[0] = held
    for row in range(1, len(demand)):
        use = demand[row - 1] / held
        high = high + 1 if use > target else 0
        low = low + 1 if use < _LOW_SHARE * target else 0
        wanted = held
        if high >= _HIGH_MINUTES and row - last_rise >= _COOLDOWN_MINUTES:
            recent = demand[row - _HIGH_MINUTES : row]
            wanted = max(held, ceil(sum(recent) / _HIGH_MINUTES / target))
        elif low >= _LOW_MINUTES and row - last_change >= _COOLDOWN_MINUTES:
            wanted = max(1, ceil(max(demand[row - _LOW_MINUTES : row]) / target))
        if wanted != held:
            last_change, low = row, 0
            last_rise = row if wanted > held else last_rise
            held = wanted
        units[row] = held
    return Plan(units=units)


def hpa(replay: Replay) -> Plan:
    """A loop like the Horizontal Pod Autoscaler at 70%.

    Each minute, where the last minute's demand / units / 0.7 is off 1 by more than 0.1, the
    recommendation is demand / 0.7 rounded up; a decrease goes to the highest recommendation of
    the last 5 minutes only. At least one unit.
    """
    demand = replay.demand.tolist()
    units = np.empty(len(demand), dtype=np.int64)
    held = 1
    units[0] = held
    recent: deque[int] = deque(maxlen=_HPA_WINDOW_MINUTES)
    for row in range(1, len(demand)):
        ratio = demand[row - 1] / held / _TARGET
        off = abs(ratio - 1) > _HPA_TOLERANCE
        recent.append(max(1, ceil(demand[row - 1] / _TARGET)) if off else held)
        held = recent[-1] if recent[-1] > held else min(held, max(recent))
        units[row] = held
    return Plan(units=units)


def hour_of_week(replay: Replay) -> Plan:
    """Units for each hour by marginal value over the same hour of earlier weeks.

    Without an earlier week the same hour of earlier days is used, without that nothing is held.
    Units are ordered so as to be in service at the full hour.
    """
    minutes = len(replay.demand)
    cost = OverflowCost.of(replay)
    hours = -(-minutes // _HOUR)
    wanted = np.zeros(hours, dtype=np.int64)
    for hour in range(hours):
        for season in (_WEEK, _DAY):
            starts = np.arange(hour * _HOUR - season, -1, -season)
            if len(starts):
                rows = (starts[:, None] + np.arange(_HOUR)).ravel()
                wanted[hour] = units_worth_holding(replay, cost, rows)
                break
    by_minute = np.repeat(wanted, _HOUR)[:minutes]
    ahead = np.minimum(np.arange(minutes) + replay.scenario.creation_minutes, minutes - 1)
    return Plan(units=np.maximum(by_minute, by_minute[ahead]))


def newsvendor(replay: Replay) -> Plan:
    """A fixed number of units, set each midnight by the critical fractile of the last 7 days.

    The unit-hours pay while a unit's expected saving is at least its price; nothing is held on
    the first day.
    """
    minutes = len(replay.demand)
    cost = OverflowCost.of(replay)
    units = np.zeros(minutes, dtype=np.int64)
    start = replay.trace.start
    # Days of the calendar in UTC, whatever minute the trace starts at.
    midnight = (_DAY - (start.hour * _HOUR + start.minute)) % _DAY or _DAY
    for row in range(midnight, minutes, _DAY):
        rows = np.arange(max(0, row - _WEEK), row)
        units[row : row + _DAY] = units_worth_holding(replay, cost, rows)
    return Plan(units=units)


def units_worth_holding(replay: Replay, cost: OverflowCost, rows: Ints) -> int:
    """How many units save at least their price on average over some minutes.

    Savings fall from unit to unit, so the count is found by bisection.
    """
    price = replay.scenario.unit_hour / _HOUR * len(rows)
    low, high = 0, ceil(float(replay.demand[rows].max()))
    while low < high:
        middle = (low + high) // 2
        bills = cost.usd(np.array([[middle], [middle + 1]], dtype=np.float64), rows[None, :])
        saving = float(bills[0].sum() - bills[1].sum())
        low, high = (middle + 1, high) if saving >= price else (low, middle)
    return low


BASELINES: Mapping[str, Callable[[Replay], Plan]] = MappingProxyType(
    {
        "all_on_demand": all_on_demand,
        "static_peak": static_peak,
        "best_static": best_static,
        "target_tracking": target_tracking,
        "hpa": hpa,
        "hour_of_week": hour_of_week,
        "newsvendor": newsvendor,
    }
)


def _constant(replay: Replay, units: int) -> Plan:
    return Plan(units=np.full(len(replay.trace), units, dtype=np.int64))
