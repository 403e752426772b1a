"""What to do about a term that ends: keep, shrink or drop it, with the dollars.

AWS renews a commitment unless a person acts, and no part of this software acts on one. Whether a
renewed term locks for its whole length again is not published; the dollars are for a whole one.

Source: docs/commitments.md, section "Renewal".
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile

from bedrock_autoscaler.domain.commitments.advice import is_known_for, sure_usd
from bedrock_autoscaler.domain.commitments.studies import (
    MOST_LEVELS,
    OLDEST_STUDY,
    CommitmentStudy,
    LevelStudy,
)
from bedrock_autoscaler.domain.commitments.terms import LEAST_HISTORY_DAYS, Term, terms_of
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput
from bedrock_autoscaler.domain.target import Commitment, UnitPrice
from bedrock_autoscaler.domain.units import count_text, iso, moment_text, units_text

MILESTONE_DAYS = (30, 14, 7, 3, 1)
"""Days before the end of a term on which a person hears of it."""

_DAY = timedelta(days=1)


class RenewalVerdict(StrEnum):
    """What a renewal would be worth."""

    KEEP = "keep"
    SHRINK = "shrink"
    DROP = "drop"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """One term that is about to end.

    Attributes:
        kept_units: units that are worth the term again.
        renewal_usd: due when AWS renews all units for another term.
        saving_usd: of the kept units over that term, against no commitment, by the more
            cautious of the spans that the study looks at.
        wasted_usd: what the units that are not kept would cost beyond their worth, which ends
            with the model.
        halved_usd: lost on the kept units if demand halves tomorrow.
        because: what the verdict rests on.
    """

    arn: str
    units: int
    commitment: Commitment
    ends_at: datetime
    verdict: RenewalVerdict
    kept_units: int
    renewal_usd: float
    saving_usd: float
    wasted_usd: float
    halved_usd: float
    because: str


def milestone(ends_at: datetime, now: datetime) -> int | None:
    """The number of days before the end whose day it is; None on all other days."""
    left = (ends_at - now) / _DAY
    return next((days for days in MILESTONE_DAYS if days - 1 < left <= days), None)


def renewal_of(
    pt: ProvisionedThroughput,
    others: Iterable[ProvisionedThroughput],
    study: CommitmentStudy | None,
    *,
    price: UnitPrice | None,
    now: datetime,
) -> Renewal:
    """The verdict on one commitment.

    Its units stand above those of the other terms that end later, since these cannot be given up
    before, and above those of others that serve the target and are not ours to give up.

    Args:
        pt: under a term.
        others: that serve the target, whoever owns them; `pt` may be among them.
        study: the newest; None while there is none.
        price: of the day; None unknown.
        now: the present moment.

    Raises:
        ValueError: `pt` is under no term.
    """
    if pt.committed_until is None:
        raise ValueError(f"{pt.arn} is under no term")
    sold = terms_of(price) if price else ()
    term = next((term for term in sold if term.commitment is pt.commitment), None)
    plain = Renewal(
        arn=pt.arn,
        units=pt.model_units,
        commitment=pt.commitment,
        ends_at=pt.committed_until,
        verdict=RenewalVerdict.UNKNOWN,
        kept_units=0,
        renewal_usd=pt.model_units * term.usd_per_hour * term.hours if term else 0.0,
        saving_usd=0.0,
        wasted_usd=0.0,
        halved_usd=0.0,
        because="the price of its term is not known",
    )
    if term is None:
        return plain
    if study is None or now - study.at > OLDEST_STUDY:
        return replace(plain, because="its use could not be studied")
    if not is_known_for(study, LEAST_HISTORY_DAYS):
        days = f"{study.known_days:.0f} days of its use are known"
        return replace(plain, because=f"{days}; it needs {LEAST_HISTORY_DAYS}")
    first = sum(other.model_units for other in others if _outlasts(other, pt))
    if first + pt.model_units > MOST_LEVELS == len(study.levels):
        return replace(plain, because=f"no more than {MOST_LEVELS} units are studied")
    levels = study.levels[first : first + pt.model_units]
    return _decided(plain, levels, study.model_ends_at, term)


def _outlasts(other: ProvisionedThroughput, pt: ProvisionedThroughput) -> bool:
    if other.ownership is Ownership.UNMANAGED:
        return other.is_routable
    if other.committed_until is None or pt.committed_until is None or other.arn == pt.arn:
        return False
    return (other.committed_until, other.arn) > (pt.committed_until, pt.arn)


def _decided(
    plain: Renewal, levels: tuple[LevelStudy, ...], model_ends_at: datetime | None, term: Term
) -> Renewal:
    """The verdict in place of none."""
    worths = [sure_usd(level, term) for level in levels]
    idle = [-term.usd_per_hour] * (plain.units - len(levels))
    gains = [worth - term.usd_per_hour for worth in worths] + idle
    if model_ends_at is not None and plain.ends_at + term.length > model_ends_at:
        kept, because = 0, f"the model ends on {iso(model_ends_at)}, before a further term would"
        served = max((model_ends_at - plain.ends_at) / term.length, 0.0)
        gains = [served * worth - term.usd_per_hour for worth in worths] + idle
    else:
        kept = sum(1 for _ in takewhile(lambda gain: gain > 0, gains))
        because = (
            "without a commitment its units would cost "
            f"{', '.join(f'{worth:.2f}' for worth in worths) or 'nothing'} USD an hour by the more "
            f"cautious of the past weeks, the term costs {term.usd_per_hour:.2f}"
        )
    lost = sum(term.usd_per_hour - level.halved_usd for level in levels[:kept])
    return replace(
        plain,
        verdict=_verdict(kept, plain.units),
        kept_units=kept,
        saving_usd=sum(gains[:kept]) * term.hours,
        wasted_usd=sum(max(-gain, 0.0) for gain in gains[kept:]) * term.hours,
        halved_usd=max(lost * term.hours, 0.0),
        because=because,
    )


def _verdict(kept: int, units: int) -> RenewalVerdict:
    if kept == units:
        return RenewalVerdict.KEEP
    return RenewalVerdict.SHRINK if kept else RenewalVerdict.DROP


def sentence(renewal: Renewal, days: int) -> str:
    """What a person reads: the verdict, the dollars, and who has to act."""
    said = {
        RenewalVerdict.KEEP: "keep: let it renew",
        RenewalVerdict.SHRINK: (
            f"shrink: delete it when its term ends and agree to {renewal.kept_units} of its "
            f"{units_text(renewal.units)} anew"
        ),
        RenewalVerdict.DROP: "drop: delete it when its term ends",
        RenewalVerdict.UNKNOWN: "no verdict: a person must decide",
    }[renewal.verdict]
    money = (
        ""
        if renewal.verdict is RenewalVerdict.UNKNOWN
        else (
            f" Renewed whole it costs {renewal.renewal_usd:,.0f} USD for another term; "
            f"{units_text(renewal.kept_units)} of it would save {renewal.saving_usd:,.0f}, the "
            f"others waste {renewal.wasted_usd:,.0f}; if demand halves, what is kept loses "
            f"{renewal.halved_usd:,.0f}."
        )
    )
    return (
        f"the term of {renewal.arn} ends at {moment_text(renewal.ends_at)}, in "
        f"{count_text(days, 'day')} or less. {said}, since {renewal.because}.{money} AWS renews it "
        "unless a person acts"
    )
