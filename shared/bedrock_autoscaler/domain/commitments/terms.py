"""The terms that are sold, and how much history each of them takes."""

from dataclasses import dataclass
from datetime import timedelta

from bedrock_autoscaler.domain.target import Commitment, UnitPrice
from bedrock_autoscaler.domain.units import HOUR

STUDY_DAYS = 56
"""History that a study looks at; a term of six months needs all of it."""

LEAST_HISTORY_DAYS = 30
"""Without so much history nothing is said on any term."""

MONTH = timedelta(days=31)
"""The longest that a month of a term may be; AWS does not publish how many days it has."""

SIX_MONTHS = timedelta(days=184)
"""The longest that six months in a row may be: from March to August, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term that is sold, and how much history it takes.

    Attributes:
        length: the longest it may be, so that its dollars and its end are not understated.
    """

    commitment: Commitment
    length: timedelta
    days_needed: int
    usd_per_hour: float

    @property
    def hours(self) -> float:
        """Length in hours."""
        return self.length / HOUR


def terms_of(price: UnitPrice) -> tuple[Term, ...]:
    """The terms that are sold, the longest first."""
    offers = (
        (Commitment.SIX_MONTHS, SIX_MONTHS, STUDY_DAYS, price.six_months_usd_per_hour),
        (Commitment.ONE_MONTH, MONTH, LEAST_HISTORY_DAYS, price.one_month_usd_per_hour),
    )
    return tuple(
        Term(
            commitment=commitment,
            length=length,
            days_needed=needed,
            usd_per_hour=float(usd),
        )
        for commitment, length, needed, usd in offers
        if usd is not None
    )
