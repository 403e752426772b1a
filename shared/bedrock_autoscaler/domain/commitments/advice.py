"""Commitment advice: what part of the base would be cheaper on a term, and what may go wrong.

Advice only. Nothing here, and nothing that follows from it, is an action.

Source: docs/model.md, section "Commitments".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

import numpy as np

from bedrock_autoscaler.domain.commitments.studies import (
    MONTH_DAYS,
    MOST_LEVELS,
    CommitmentStudy,
    LevelStudy,
)
from bedrock_autoscaler.domain.commitments.terms import LEAST_HISTORY_DAYS, Term, terms_of
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership
from bedrock_autoscaler.domain.target import Commitment, GuardRails, UnitPrice

EVALUATED_EVERY = timedelta(days=7)
"""A ladder is worth a person's attention once a week; what it rests on is renewed daily."""

_MARGIN = 1.03
_ROUNDING = 1e-9


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
    def of(cls, rails: GuardRails, fleet: Fleet, price: UnitPrice) -> "Ceiling":
        """The guard rails of a target, which bind a commitment like any purchase.

        What others hold and the target may not use takes up room all the same.
        """
        foreign = (pt for pt in fleet.throughputs if pt.ownership is Ownership.UNMANAGED)
        lent = fleet.lasting_units - fleet.committed_units
        units = sum(pt.model_units for pt in foreign) - lent
        dollars = rails.max_usd_per_hour - units * price.usd_per_hour
        return cls(units=rails.max_units - units, usd_per_hour=float(dollars))


NO_CEILING = Ceiling(units=10**9, usd_per_hour=float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentAdvice:
    """Units that would be cheaper on a term, lowest levels first; money over the whole term.

    Attributes:
        first_level: number of the first unit advised on; those below are there already.
        quantile: share of the newest 28 days in which demand would not have filled these units.
        utilization: of these units over 28 days; `utilization_two_months` over 56.
        term_usd: price of all units for the whole term, due whatever happens.
        saving_usd: against no commitment, if the term is like the cheaper of the spans looked at.
        saving_low_usd, saving_high_usd: if the whole term is like the worst, or the best, of the
            weeks looked at; `saving_usd` lies between them.
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


def is_long_enough(study: CommitmentStudy, term: Term) -> bool:
    """Whether history and class last for this term."""
    is_lasting = study.steady_days >= term.days_needed
    return is_lasting and is_known_for(study, term.days_needed)


def is_known_for(study: CommitmentStudy, days: int) -> bool:
    """Whether so much history was read; a twentieth of the minutes may be missing."""
    return study.known_days >= 0.95 * days


def ends_in_time(study: CommitmentStudy, term: Term, now: datetime) -> bool:
    """Whether the term is over before the model is, as far as is known."""
    return study.model_ends_at is None or now + term.length <= study.model_ends_at


def unstudied(lasting_units: int) -> str | None:
    """Why nothing is known of a level above so many units; None when it may be."""
    if lasting_units < MOST_LEVELS:
        return None
    return f"no more than {MOST_LEVELS} units are studied, and {lasting_units} are there already"


def advise(
    study: CommitmentStudy,
    price: UnitPrice,
    *,
    lasting_units: int,
    now: datetime,
    ceiling: Ceiling = NO_CEILING,
) -> tuple[CommitmentAdvice, ...]:
    """What would be cheaper on a term, the longer term first; empty when nothing would.

    A level is advised on while the lower of its cost over the whole span and over the newest week
    is above the price of the term by 3%, and while it and all units below it stay within the
    ceiling, as a purchase will: those below cost the dearest price of a unit there.

    Args:
        study: of the day.
        price: with the terms that are sold.
        lasting_units: on a term already, or of others that serve the target.
        now: a term must end before the model does.
        ceiling: what a person has agreed to.
    """
    found = []
    first = lasting_units
    terms = terms_of(price)
    dearest = max(float(price.usd_per_hour), *(term.usd_per_hour for term in terms), 0.0)
    for term in terms:
        if not (is_long_enough(study, term) and ends_in_time(study, term, now)):
            continue
        room = _room(ceiling, term, first, first * dearest)
        chosen = _paying(study.levels[first:], term)[:room]
        if chosen:
            found.append(_advice(chosen, term, first))
            first += len(chosen)
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
    spent = sum(level.month_usd for level in levels) * MONTH_DAYS * 24
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
    """USD per hour of all levels together: the safe figure, and week by week.

    The safe one may be below every week, since what was worst differs from level to level.
    """
    sums = [sum(week) for week in zip(*(level.weekly_usd for level in levels), strict=False)]
    return [sum(sure_usd(level, term) for level in levels), *sums]
