"""Commitment advice: what part of the base would be cheaper on a term, and what may go wrong.

Advice only. Nothing here, and nothing that follows from it, is an action.

Source: docs/model.md, section "Commitments".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

import numpy as np

from bedrock_autoscaler.domain.classes.features import measure
from bedrock_autoscaler.domain.classes.labels import burstiness_limit, first_match
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy, LevelStudy
from bedrock_autoscaler.domain.decision import Label
from bedrock_autoscaler.domain.economics.costs import Economics, build_economics
from bedrock_autoscaler.domain.target import (
    Classifying,
    Commitment,
    GuardRails,
    Target,
    UnitPrice,
)
from bedrock_autoscaler.domain.traffic.demand import Demand, estimate_demand
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from bedrock_autoscaler.domain.units import HOUR, MINUTE, significant

STUDY_DAYS = 56
"""History that a study looks at; a term of six months needs all of it."""

LEAST_HISTORY_DAYS = 30
"""Without so much history nothing is said on any term."""

EVALUATED_EVERY = timedelta(days=7)
"""A ladder is worth a person's attention once a week; what it rests on is renewed daily."""

_DAY_MINUTES = 1440
_WEEK, _MONTH = 7, 28
_CLASS_DAYS = 14
_LEAST_KNOWN = 0.5
_MARGIN = 1.03
_MOST_LEVELS = 64
_DIGITS = 6
_ROUNDING = 1e-9
_LASTING = frozenset({Label.STEADY, Label.SEASONAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term that is sold, and how much history it takes.

    AWS does not publish how many days its months have; 30 are assumed.
    """

    commitment: Commitment
    length: timedelta
    days_needed: int
    usd_per_hour: float

    @property
    def hours(self) -> float:
        """Length in hours."""
        return self.length / HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What a person has agreed to at most, units on a term included.

    Attributes:
        units: held at once.
        usd_per_hour: for all of them together.
    """

    units: int
    usd_per_hour: float

    @classmethod
    def of(cls, rails: GuardRails) -> "Ceiling":
        """The guard rails of a target, which bind a commitment like any purchase."""
        return cls(units=rails.max_units, usd_per_hour=float(rails.max_usd_per_hour))


NO_CEILING = Ceiling(units=10**9, usd_per_hour=float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentAdvice:
    """Units that would be cheaper on a term, lowest levels first; money over the whole term.

    Attributes:
        first_level: number of the first unit advised on; those below are on a term already.
        quantile: share of the newest 28 days in which demand would not have filled these units.
        utilization: of these units over 28 days; `utilization_two_months` over 56.
        term_usd: price of all units for the whole term, due whatever happens.
        saving_usd: against no commitment, if the term is like the cheaper of the spans looked at.
        saving_low_usd, saving_high_usd: if the whole term is like the worst, or the best, of the
            weeks looked at.
        spent_share: what these levels cost in the newest 28 days as a share of `term_usd`.
        regret_halved_usd: lost against no commitment if demand halves tomorrow.
        regret_ended_usd: lost if demand ends tomorrow.
    """

    commitment: Commitment
    units: int
    first_level: int
    usd_per_hour: float
    quantile: float
    utilization: float
    utilization_two_months: float
    term_usd: float
    saving_usd: float
    spent_share: float
    regret_halved_usd: float
    regret_ended_usd: float
    saving_low_usd: float = 0.0
    saving_high_usd: float = 0.0


# -- the study ---------------------------------------------------------------------------------


def study_commitment(
    target: Target, traffic: Traffic, *, model_ends_at: datetime | None
) -> CommitmentStudy | None:
    """What the traffic says, level by level; None while a price or the unit rate is unknown.

    Args:
        target: with the unit rate that is in use.
        traffic: up to 56 days, ending now; anything before is left out.
        model_ends_at: end of life of the model; None unknown.
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
    for level in range(_MOST_LEVELS if len(days) else 0):
        study = _level(days, level, economics)
        if max(study.week_usd, study.month_usd, study.two_months_usd) < lowest / 2:
            break
        found.append(study)
    return tuple(found)


def _level(days: Series, level: int, economics: Economics) -> LevelStudy:
    costs = _daily_usd(days, level, economics)
    used = np.clip(days - level, 0.0, 1.0)
    month = days[-_MONTH:]
    values = {
        "week_usd": _mean(costs[-_WEEK:]),
        "month_usd": _mean(costs[-_MONTH:]),
        "two_months_usd": _mean(costs),
        "halved_usd": _mean(_daily_usd(month / 2, level, economics)),
        "utilization": _mean(used[-_MONTH:]),
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
    return np.where(read >= _LEAST_KNOWN * _DAY_MINUTES, spent / np.maximum(read, 1.0), np.nan)


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
    """Newest days in a row, back from now, at whose end the class was steady or seasonal."""
    limit = burstiness_limit(rules, economics.break_even)
    days = len(demand) // _DAY_MINUTES
    ends = (len(demand) - back * _DAY_MINUTES for back in range(days))
    return sum(1 for _ in takewhile(lambda end: _lasts(demand, end, rules, limit), ends))


def _lasts(demand: Demand, end: int, rules: Classifying, limit: float) -> bool:
    """Whether the two weeks before a minute were steady or seasonal; thin data is neither."""
    start = max(end - _CLASS_DAYS * _DAY_MINUTES, 0)
    part = Demand(
        start=demand.start + start * MINUTE,
        load=demand.load[start:end],
        requests=demand.requests[start:end],
    )
    return first_match(measure(part), rules, limit, favoured=Label.STEADY) in _LASTING


# -- the advice --------------------------------------------------------------------------------


def terms_of(price: UnitPrice) -> tuple[Term, ...]:
    """The terms that are sold, the longest first."""
    offers = (
        (Commitment.SIX_MONTHS, 180, STUDY_DAYS, price.six_months_usd_per_hour),
        (Commitment.ONE_MONTH, 30, LEAST_HISTORY_DAYS, price.one_month_usd_per_hour),
    )
    return tuple(
        Term(
            commitment=commitment,
            length=timedelta(days=days),
            days_needed=needed,
            usd_per_hour=float(usd),
        )
        for commitment, days, needed, usd in offers
        if usd is not None
    )


def is_long_enough(study: CommitmentStudy, term: Term) -> bool:
    """Whether history and class last for this term; a twentieth of the minutes may be missing."""
    return study.known_days >= 0.95 * term.days_needed and study.steady_days >= term.days_needed


def ends_in_time(study: CommitmentStudy, term: Term, now: datetime) -> bool:
    """Whether the term is over before the model is, as far as is known."""
    return study.model_ends_at is None or now + term.length <= study.model_ends_at


def advise(
    study: CommitmentStudy,
    price: UnitPrice,
    *,
    committed_units: int,
    now: datetime,
    ceiling: Ceiling = NO_CEILING,
) -> tuple[CommitmentAdvice, ...]:
    """What would be cheaper on a term, the longer term first; empty when nothing would.

    A level is advised on while the lower of its cost over the whole span and over the newest week
    is above the price of the term by 3%, and while all units on a term stay below the ceiling.

    Args:
        study: of the day.
        price: with the terms that are sold.
        committed_units: on a term already; taken to cost what the dearest term does.
        now: a term must end before the model does.
        ceiling: what a person has agreed to.
    """
    found = []
    first = committed_units
    terms = terms_of(price)
    spent = committed_units * max((term.usd_per_hour for term in terms), default=0.0)
    for term in terms:
        if not (is_long_enough(study, term) and ends_in_time(study, term, now)):
            continue
        room = _room(ceiling, term, first, spent)
        chosen = _paying(study.levels[first:], term)[:room]
        if chosen:
            found.append(_advice(chosen, term, first))
            first += len(chosen)
            spent += len(chosen) * term.usd_per_hour
    return tuple(found)


def _room(ceiling: Ceiling, term: Term, units: int, usd_per_hour: float) -> int:
    """Further units that the ceiling leaves room for."""
    by_money = (ceiling.usd_per_hour - usd_per_hour) / term.usd_per_hour
    return int(max(min(float(ceiling.units - units), by_money + _ROUNDING), 0.0))


def _paying(levels: Sequence[LevelStudy], term: Term) -> list[LevelStudy]:
    """The levels from the first on whose cost is above the price of the term."""
    least = _MARGIN * term.usd_per_hour
    return list(takewhile(lambda level: sure_usd(level, term) > least, levels))


def sure_usd(level: LevelStudy, term: Term) -> float:
    """USD per hour that the level costs without a commitment, by the more cautious span."""
    is_long = term.days_needed > LEAST_HISTORY_DAYS
    span = level.two_months_usd if is_long else level.month_usd
    return min(span, level.week_usd)


def _advice(levels: Sequence[LevelStudy], term: Term, first: int) -> CommitmentAdvice:
    term_usd = len(levels) * term.usd_per_hour * term.hours
    halved_usd = sum(level.halved_usd for level in levels) * term.hours
    spent = sum(level.month_usd for level in levels) * _MONTH * 24
    weeks = _sums_by_week(levels, term)
    return CommitmentAdvice(
        commitment=term.commitment,
        units=len(levels),
        first_level=first + 1,
        usd_per_hour=term.usd_per_hour,
        quantile=1.0 - levels[-1].share_above,
        utilization=float(np.mean([level.utilization for level in levels])),
        utilization_two_months=float(np.mean([level.utilization_two_months for level in levels])),
        term_usd=term_usd,
        saving_usd=sum(sure_usd(level, term) for level in levels) * term.hours - term_usd,
        spent_share=spent / term_usd,
        regret_halved_usd=max(term_usd - halved_usd, 0.0),
        regret_ended_usd=term_usd,
        saving_low_usd=min(weeks) * term.hours - term_usd,
        saving_high_usd=max(weeks) * term.hours - term_usd,
    )


def _sums_by_week(levels: Sequence[LevelStudy], term: Term) -> list[float]:
    """USD per hour of all levels together, week by week; the safe figure while none is known."""
    sums = [sum(week) for week in zip(*(level.weekly_usd for level in levels), strict=False)]
    return sums or [sum(sure_usd(level, term) for level in levels)]
