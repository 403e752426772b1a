"""What a decision asks a person for: a term that would pay, or a purchase above the limit.

Asking changes nothing: silence is a no, and what is not answered in time is forgotten.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from math import isclose

from bedrock_autoscaler.domain.commitments.terms import Term, terms_of
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.decision import Decision, Purchase, Situation
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Loop, ProvisionedOption
from bedrock_autoscaler.domain.units import units_text, usd

TERM_ANSWER = timedelta(days=7)
"""How long a term may be agreed to: advice is a week old at most when it is followed."""

CHANGE_ANSWER = timedelta(hours=12)
"""How long a large purchase may be agreed to: demand moves on within a working day."""

REMEMBERED = timedelta(days=2)
"""How long after its end a request is still looked at, so that a late answer is named as late."""

_HOURS_AGREE = 1e-6
_MILLIONTH = Decimal("0.000001")


def requests_of(decision: Decision, situation: Situation) -> tuple[Request, ...]:
    """What this decision asks for; the same again within a week or a day has the same id."""
    bought, sizing = situation.target.provisioned, situation.target.thresholds.sizing
    if (
        decision.loop is not Loop.CAPACITY
        or situation.is_late
        or situation.unreachable
        or bought is None
    ):
        return ()
    if bought.price is None:
        return ()
    is_open = _is_term_open(decision, situation)
    found = []
    for reason in decision.reasons:
        if reason.code is ReasonCode.COMMITMENT_PAYS and not is_open:
            found += list(_for_term(reason, decision, bought, sizing.max_units_per_purchase))
        elif reason.code is ReasonCode.APPROVAL_NEEDED:
            found.append(_for_change(reason, decision, bought.model_id))
    return tuple(found)


def _is_term_open(decision: Decision, situation: Situation) -> bool:
    """Whether units are on their way under a term, or may be, that the advice does not know of."""
    bought = (one for one in decision.actions if isinstance(one, Purchase))
    is_bought = any(one.commitment is not Commitment.NONE for one in bought)
    return is_bought or situation.fleet.open_purchase_units > 0


def is_repeated(wanted: Request, asked: Iterable[Request]) -> bool:
    """Whether a term was asked for less than a week before, whatever was answered.

    Two consents to the same units would buy them twice. Terms that are asked for at the same moment
    are for different units.

    Args:
        wanted: what would be asked.
        asked: of the same target.
    """
    return wanted.term is not Commitment.NONE and any(
        before.term is not Commitment.NONE
        and before.asked_at != wanted.asked_at
        and wanted.asked_at - before.asked_at < TERM_ANSWER
        for before in asked
    )


def _for_term(
    reason: Reason, decision: Decision, bought: ProvisionedOption, most: int
) -> Iterator[Request]:
    """The request for a term that pays; none where the advice names no term that is sold.

    It is for no more units than one purchase may have; advice on the others comes again.
    """
    numbers, now = dict(reason.numbers), decision.scheduled_at
    sold = terms_of(bought.price) if bought.price else ()
    term = next((one for one in sold if _is_of(one, numbers)), None)
    if term is None:
        return
    advised = int(numbers["units"])
    units = min(advised, most)
    bounded = f"; asked for: {units_text(units)} of them, sizing.max_units_per_purchase is {most}"
    year, week, _ = now.isocalendar()
    name = term.commitment.value.replace("_", "-")
    yield Request(
        id=f"{decision.target}-{name}-{year}w{week:02}",
        target=decision.target,
        model_id=bought.model_id,
        units=units,
        term=term.commitment,
        usd_per_hour=_covering(usd(Decimal(str(term.usd_per_hour)) * units), units),
        evidence=reason.message + (bounded if units < advised else ""),
        asked_at=now,
        expires_at=now + TERM_ANSWER,
    )


def _is_of(term: Term, numbers: dict[str, float]) -> bool:
    """Whether the advised price is that of the term for all its hours."""
    whole = numbers["units"] * numbers["usd_per_hour"] * term.hours
    same_price = isclose(numbers["usd_per_hour"], term.usd_per_hour, rel_tol=_HOURS_AGREE)
    return same_price and isclose(numbers["term_usd"], whole, rel_tol=_HOURS_AGREE)


def _covering(whole: Decimal, units: int) -> Decimal:
    """USD per unit and hour, to a millionth, at which so many units reach their whole price.

    Rounded up: whoever agrees to what is asked agrees to the purchase.
    """
    return (whole / units).quantize(_MILLIONTH, rounding=ROUND_CEILING)


def _for_change(reason: Reason, decision: Decision, model_id: str) -> Request:
    numbers, now = dict(reason.numbers), decision.scheduled_at
    units = int(numbers["units"])
    return Request(
        id=f"{decision.target}-{units}-units-{now:%Y%m%d}",
        target=decision.target,
        model_id=model_id,
        units=units,
        term=Commitment.NONE,
        usd_per_hour=_covering(usd(numbers["usd_per_hour"]), units),
        evidence=reason.message,
        asked_at=now,
        expires_at=now + CHANGE_ANSWER,
    )
