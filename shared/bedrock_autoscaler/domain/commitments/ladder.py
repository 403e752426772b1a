"""The ladder of a target: a base on terms, a flexible layer without, and overflow on demand.

Evaluated once a week. It is advice: the base is bought by a person's consent alone.

Source: docs/commitments.md.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from bedrock_autoscaler.domain.commitments.advice import (
    EVALUATED_EVERY,
    NO_CEILING,
    Ceiling,
    CommitmentAdvice,
    advise,
    ends_in_time,
    is_long_enough,
    unstudied,
)
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy, LevelStudy
from bedrock_autoscaler.domain.commitments.terms import terms_of
from bedrock_autoscaler.domain.target import Commitment, UnitPrice

_HELD_MOSTLY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What one evaluation says.

    Attributes:
        at: of the study that it rests on.
        lasting_units: on a term already, or of others that serve the target.
        base: units that would be cheaper on a term, the lowest levels first.
        flexible_units: above all these; without a commitment they would be held at least half of
            the newest week.
        flexible_usd_per_hour: what they cost so.
        overflow_usd_per_hour: what the levels above cost, nearly all of it on demand.
        refused: terms that were looked at and why each is out of the question.
    """

    at: datetime
    lasting_units: int
    base: tuple[CommitmentAdvice, ...]
    flexible_units: int
    flexible_usd_per_hour: float
    overflow_usd_per_hour: float
    refused: tuple[tuple[Commitment, str], ...]

    @property
    def regret_halved_usd(self) -> float:
        """Lost on the whole base if demand halves tomorrow."""
        return sum(one.regret_halved_usd for one in self.base)

    @property
    def regret_ended_usd(self) -> float:
        """Lost on the whole base if demand ends tomorrow."""
        return sum(one.regret_ended_usd for one in self.base)


def is_due(previous: datetime | None, now: datetime) -> bool:
    """Whether a week has passed since the previous ladder."""
    return previous is None or now - previous >= EVALUATED_EVERY


def build_ladder(
    study: CommitmentStudy,
    price: UnitPrice,
    *,
    lasting_units: int,
    now: datetime,
    ceiling: Ceiling = NO_CEILING,
    obstacle: str | None = None,
) -> Ladder:
    """The ladder that a study supports.

    Args:
        study: of the day; at least 30 days must be known, and steady or seasonal.
        price: of a unit, with the terms that are sold.
        lasting_units: on a term already, or of others that serve the target.
        now: a term must end before the model does.
        ceiling: what a person has agreed to.
        obstacle: what forbids every term, such as a price that is too old; None: nothing does.
    """
    obstacle = obstacle or unstudied(lasting_units)
    base = (
        advise(study, price, lasting_units=lasting_units, now=now, ceiling=ceiling)
        if obstacle is None
        else ()
    )
    first = lasting_units + sum(one.units for one in base)
    above = study.levels[first:]
    least = _HELD_MOSTLY * float(price.usd_per_hour)
    flexible = tuple(takewhile(lambda level: level.week_usd >= least, above))
    return Ladder(
        at=study.at,
        lasting_units=lasting_units,
        base=base,
        flexible_units=len(flexible),
        flexible_usd_per_hour=_hourly(flexible),
        overflow_usd_per_hour=_hourly(above[len(flexible) :]),
        refused=_refused(study, price, now, base)
        if obstacle is None
        else tuple((term.commitment, obstacle) for term in terms_of(price)),
    )


def _hourly(levels: tuple[LevelStudy, ...]) -> float:
    return sum(level.week_usd for level in levels)


def _refused(
    study: CommitmentStudy, price: UnitPrice, now: datetime, base: tuple[CommitmentAdvice, ...]
) -> tuple[tuple[Commitment, str], ...]:
    """Why a term that is sold is not advised on."""
    advised = frozenset(one.commitment for one in base)
    found = []
    for term in terms_of(price):
        if term.commitment in advised:
            continue
        if not is_long_enough(study, term):
            why = (
                f"{study.known_days:.0f} days are known and {study.steady_days} of them were "
                f"steady or seasonal in a row; it needs {term.days_needed} of both"
            )
        elif not ends_in_time(study, term, now):
            why = "it would run past the end of the model"
        else:
            why = "no further unit within the ceiling was used enough to pay on it"
        found.append((term.commitment, why))
    return tuple(found)
