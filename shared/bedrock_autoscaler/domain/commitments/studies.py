"""What eight weeks say about committing to a part of the base, level by level, as values."""

from dataclasses import dataclass
from datetime import datetime, timedelta

OLDEST_STUDY = timedelta(days=3)
"""A study is renewed daily; an older one says that its ground cannot be read."""

MONTH_DAYS = 28
"""Newest days that a study takes for a month: four whole weeks."""

MOST_LEVELS = 64
"""So many levels are studied at most; what stands above them is unknown, not idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelStudy:
    """One model unit's worth of demand: what serving it without a commitment costs.

    All money is in USD per hour at the prices of the day of the study. The cost of an hour is what
    the level avoids on demand, but at most the price of a unit without commitment.

    Attributes:
        week_usd, month_usd, two_months_usd: mean over the newest 7, 28 and 56 days.
        halved_usd: as `month_usd`, had demand been half of what it was.
        utilization, utilization_two_months: how full the unit would have been over 28 and 56 days.
        share_above: minutes of the newest 28 days in which demand filled the whole level, 0 to 1.
        weekly_usd: mean of each week looked at, the oldest first.
    """

    week_usd: float
    month_usd: float
    two_months_usd: float
    halved_usd: float
    utilization: float
    utilization_two_months: float
    share_above: float
    weekly_usd: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentStudy:
    """The newest eight weeks of one target, looked at once a day.

    Attributes:
        at: end of the minutes that it rests on.
        known_days: of history that were read, at most 56.
        steady_days: newest days in a row at whose end the class was steady or seasonal.
        levels: from the first unit on, as far as a unit could ever be worth a term.
        model_ends_at: end of life of the model; None: none was announced. Nothing is studied while
            the life cycle cannot be read.
    """

    at: datetime
    known_days: float
    steady_days: int
    levels: tuple[LevelStudy, ...]
    model_ends_at: datetime | None
