"""What the traffic of eight weeks says about committing, level by level.

Source: docs/model.md, section "Commitments".
"""

from dataclasses import replace
from datetime import datetime
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.classes.features import measure
from bedrock_autoscaler.domain.classes.labels import burstiness_limit, first_match
from bedrock_autoscaler.domain.commitments.studies import (
    MONTH_DAYS,
    MOST_LEVELS,
    CommitmentStudy,
    LevelStudy,
)
from bedrock_autoscaler.domain.commitments.terms import STUDY_DAYS, terms_of
from bedrock_autoscaler.domain.decision import Label
from bedrock_autoscaler.domain.economics.costs import Economics, build_economics
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.thresholds import Classifying
from bedrock_autoscaler.domain.traffic.demand import Demand, estimate_demand
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE, significant

_DAY_MINUTES = 1440
_WEEK = 7
_CLASS_DAYS = 14
_LEAST_CLASS_DAYS = 3
_LEAST_KNOWN = 0.5
_DIGITS = 6
_LASTING = frozenset({Label.STEADY, Label.SEASONAL})


def study_commitment(
    target: Target, traffic: Traffic, *, model_ends_at: datetime | None
) -> CommitmentStudy | None:
    """What the traffic says, level by level; None while a price or the unit rate is unknown.

    None as well when no day of the newest week was read: what nobody saw is not idle.

    Args:
        target: with the unit rate that is in use.
        traffic: up to 56 days, ending now; anything before is left out.
        model_ends_at: end of life of the model; None: none is announced.
    """
    bought = target.provisioned
    traffic = traffic.since(traffic.end - STUDY_DAYS * _DAY_MINUTES * MINUTE)
    economics = build_economics(target, traffic.since(traffic.end - _WEEK * _DAY_MINUTES * MINUTE))
    if economics is None or bought is None or bought.unit_rate is None or bought.price is None:
        return None
    attempts = target.thresholds.observing.attempts_per_call
    demand = estimate_demand(traffic, bought.unit_rate, attempts)
    known = float(np.count_nonzero(~np.isnan(demand.load))) / _DAY_MINUTES
    lowest = min((term.usd_per_hour for term in terms_of(bought.price)), default=None)
    days = _whole_days(demand.load)
    if not _is_read(days[-_WEEK:]).any():
        return None
    return CommitmentStudy(
        at=traffic.end,
        known_days=significant(known, _DIGITS),
        steady_days=_steady_days(demand, target.thresholds.classifying, economics),
        levels=_levels(days, economics, lowest) if lowest is not None else (),
        model_ends_at=model_ends_at,
    )


def _whole_days(load: Series) -> Series:
    """The series in rows of a day, the newest last; older minutes without a whole day are left."""
    days = len(load) // _DAY_MINUTES
    return load[len(load) - days * _DAY_MINUTES :].reshape(days, _DAY_MINUTES)


def _levels(days: Series, economics: Economics, lowest: float) -> tuple[LevelStudy, ...]:
    """Levels until one is worth less than half of the cheapest term in every span."""
    found = []
    for level in range(MOST_LEVELS):
        study = _level(days, level, economics)
        if max(study.week_usd, study.month_usd, study.two_months_usd) < lowest / 2:
            break
        found.append(study)
    return tuple(found)


def _level(days: Series, level: int, economics: Economics) -> LevelStudy:
    costs = _daily_usd(days, level, economics)
    used = np.clip(days - level, 0.0, 1.0)
    month = days[-MONTH_DAYS:]
    values = {
        "week_usd": _mean(costs[-_WEEK:]),
        "month_usd": _mean(costs[-MONTH_DAYS:]),
        "two_months_usd": _mean(costs),
        "halved_usd": _mean(_daily_usd(month / 2, level, economics)),
        "utilization": _mean(used[-MONTH_DAYS:]),
        "utilization_two_months": _mean(used),
        "share_above": _mean(np.where(np.isnan(month), np.nan, month >= level + 1)),
    }
    weekly = [_mean(week) for week in _weeks(costs)]
    return LevelStudy(
        **{name: significant(value, _DIGITS) for name, value in values.items()},
        weekly_usd=tuple(significant(value, _DIGITS) for value in weekly),
    )


def _weeks(days: Series) -> list[Series]:
    """Whole weeks, back from the newest day, those without a known day left out."""
    whole = len(days) // _WEEK * _WEEK
    weeks = days[len(days) - whole :].reshape(-1, _WEEK)
    return [week for week in weeks if not np.isnan(week).all()]


def _daily_usd(days: Series, level: int, economics: Economics) -> Series:
    """What the level costs without a commitment, USD per hour of each day; NaN for unread days.

    In each hour it costs what it avoids elsewhere, but at most a unit's price: a unit without
    commitment can be given up by the hour, so that a level that fills up by day alone is paid for
    by day alone.
    """
    hourly, minutes = _hourly_usd(days.reshape(-1, 60), level, economics)
    by_day = minutes.reshape(len(days), -1)
    read = by_day.sum(axis=1)
    spent = (hourly.reshape(len(days), -1) * by_day).sum(axis=1)
    return np.where(_is_read(days), spent / np.maximum(read, 1.0), np.nan)


def _is_read(days: Series) -> NDArray[np.bool_]:
    """Of each day, whether at least half of it is known."""
    return (~np.isnan(days)).mean(axis=1) >= _LEAST_KNOWN


def _hourly_usd(hours: Series, level: int, economics: Economics) -> tuple[Series, Series]:
    """(USD per hour, minutes known) of the level in each hour, which has a row of minutes."""
    load = np.nan_to_num(hours)
    with_unit = np.add(*economics.overflow_usd(np.maximum(load - level - 1, 0.0)))
    without = np.add(*economics.overflow_usd(np.maximum(load - level, 0.0)))
    known = ~np.isnan(hours)
    minutes: Series = known.sum(axis=1).astype(np.float64)
    avoided = np.where(known, without - with_unit, 0.0).sum(axis=1) / np.maximum(minutes, 1.0)
    return np.minimum(avoided, economics.unit_usd), minutes


def uncommitted_usd(target: Target, traffic: Traffic, levels: range) -> tuple[float, float]:
    """(USD, hours): what some levels would have cost without a commitment over known hours.

    By the same arithmetic and prices as a study; hours of which less than half was read are left
    out, so that a saving is never booked for what nobody saw. No hours while a price is unknown.

    Args:
        target: with the unit rate that is in use.
        traffic: whole hours, from the first one that is asked for.
        levels: counted from 0.
    """
    economics, bought = build_economics(target, traffic), target.provisioned
    if economics is None or bought is None or bought.unit_rate is None:
        return 0.0, 0.0
    attempts = target.thresholds.observing.attempts_per_call
    load = estimate_demand(traffic, bought.unit_rate, attempts).load
    hours = load[: len(load) // 60 * 60].reshape(-1, 60)
    known = (~np.isnan(hours)).mean(axis=1) >= _LEAST_KNOWN
    usd = sum(_hourly_usd(hours[known], level, economics)[0].sum() for level in levels)
    return float(usd), float(np.count_nonzero(known))


def _mean(values: Series) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else 0.0


def _steady_days(demand: Demand, rules: Classifying, economics: Economics) -> int:
    """Newest days in a row, back from now, at whose end the class was steady or seasonal.

    The oldest days are judged together, since fewer do not show that days repeat.
    """
    limit = burstiness_limit(rules, economics.break_even)
    first = min(_LEAST_CLASS_DAYS * _DAY_MINUTES, len(demand))
    ends = range(len(demand), first - 1, -_DAY_MINUTES)
    lasting = sum(1 for _ in takewhile(lambda end: _lasts(demand, end, rules, limit), ends))
    return lasting if lasting < len(ends) else len(demand) // _DAY_MINUTES


def _lasts(demand: Demand, end: int, rules: Classifying, limit: float) -> bool:
    """Whether the two weeks before a minute were steady or seasonal; thin data is neither.

    Where the history begins within them, half of what there is must be known, and no more.
    """
    start = max(end - _CLASS_DAYS * _DAY_MINUTES, 0)
    if end < _CLASS_DAYS * _DAY_MINUTES:
        rules = replace(rules, min_history_hours=min(rules.min_history_hours, end // 60 // 2))
    part = Demand(
        start=demand.start + start * MINUTE,
        load=demand.load[start:end],
        requests=demand.requests[start:end],
    )
    return first_match(measure(part), rules, limit, favoured=Label.STEADY) in _LASTING
