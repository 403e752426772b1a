"""What each term was said to save, and what it has saved so far.

Source: docs/commitments.md, section "Savings".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bedrock_autoscaler.domain.commitments.studying import uncommitted_usd
from bedrock_autoscaler.domain.commitments.terms import Term, terms_of
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import HOUR, floor_hour

_MONTHS_DIFFER = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TermSaving:
    """The books of one term.

    Attributes:
        since, until: the whole hours that are booked.
        paid_usd: for these hours, and for those of them that were read.
        predicted_usd: the saving that its advice gave for as many hours; None: no advice is on
            record.
        realised_usd: what its units would have cost without a commitment, less what was paid for
            the same hours.
        hours, known_hours: booked, and read: the saving rests on the latter.
    """

    decision_id: str
    units: int
    commitment: Commitment
    since: datetime
    until: datetime
    paid_usd: float
    predicted_usd: float | None
    realised_usd: float
    hours: float
    known_hours: float


def term_savings(
    target: Target,
    purchases: Iterable[PurchaseIntent],
    traffic: Traffic,
    decisions: Sequence[Decision],
) -> tuple[TermSaving, ...]:
    """The books of each term of a target, oldest first.

    Terms that were bought earlier stand below later ones.

    Args:
        target: with the unit rate that is in use.
        purchases: all that the ledger keeps.
        traffic: whole hours of kept history; what is before it is not booked.
        decisions: capacity decisions, in which the advice behind each purchase is looked up.
    """
    found: list[TermSaving] = []
    held: list[PurchaseIntent] = []
    committed = (one for one in purchases if one.commitment is not Commitment.NONE)
    for intent in sorted(committed, key=lambda one: one.recorded_at):
        if intent.billed_from is None:
            continue
        first = sum(
            one.model_units
            for one in held
            if one.ended_at is None or one.ended_at > intent.billed_from
        )
        levels = range(first, first + intent.model_units)
        booked = _booked(target, intent, traffic, levels)
        found.append(replace(booked, predicted_usd=_predicted(target, booked, intent, decisions)))
        held.append(intent)
    return tuple(found)


def _booked(target: Target, intent: PurchaseIntent, traffic: Traffic, levels: range) -> TermSaving:
    begun = intent.billed_from or intent.recorded_at
    since = max(traffic.start, _next_hour(begun))
    until = max(min(traffic.end, floor_hour(intent.ended_at or traffic.end)), since)
    part = span(traffic, since, until)
    usd, known = uncommitted_usd(target, part, levels)
    hourly = float(intent.usd_per_hour)
    hours = (until - since) / HOUR
    return TermSaving(
        decision_id=intent.decision_id,
        units=intent.model_units,
        commitment=intent.commitment,
        since=since,
        until=until,
        paid_usd=hourly * hours,
        predicted_usd=None,
        realised_usd=usd - hourly * known,
        hours=hours,
        known_hours=known,
    )


def _predicted(
    target: Target, booked: TermSaving, intent: PurchaseIntent, decisions: Sequence[Decision]
) -> float | None:
    """The saving that the newest advice before the purchase gave for as many units and hours."""
    price = target.provisioned.price if target.provisioned else None
    terms = terms_of(price) if price else ()
    term = next((one for one in terms if one.commitment is intent.commitment), None)
    if term is None:
        return None
    for decision in sorted(decisions, key=lambda one: one.scheduled_at, reverse=True):
        if decision.scheduled_at > intent.recorded_at:
            continue
        for reason in decision.reasons:
            numbers = dict(reason.numbers)
            if reason.code is not ReasonCode.COMMITMENT_PAYS or not _is_of(numbers, term):
                continue
            by_unit_hour = numbers["saving_usd"] / numbers["units"] / _hours(numbers)
            return by_unit_hour * booked.units * booked.hours
    return None


def _is_of(numbers: dict[str, float], term: Term) -> bool:
    """Whether an advice is for this term; older ones count fewer days for a month."""
    return abs(_hours(numbers) / term.hours - 1.0) <= _MONTHS_DIFFER


def _hours(numbers: dict[str, float]) -> float:
    """How long an advice takes its term to be."""
    return numbers["term_usd"] / numbers["units"] / numbers["usd_per_hour"]


def _next_hour(moment: datetime) -> datetime:
    whole = moment.replace(minute=0, second=0, microsecond=0)
    return whole if whole == moment else whole + HOUR
