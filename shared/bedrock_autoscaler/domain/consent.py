"""Consents: what a person allows to be committed; nothing else can express a commitment."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.target import Commitment


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One commitment that may be bought once.

    Attributes:
        units: model units, bought together or not at all.
        term: `ONE_MONTH` or `SIX_MONTHS`.
        max_usd_per_hour: highest price of one unit and hour that is agreed to.
        valid_from, valid_until: when it may be used; None: no limit on that side.
    """

    units: int
    term: Commitment
    max_usd_per_hour: Decimal
    valid_from: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedConsent:
    """A person's word for one commitment, as it stands in the consents table.

    Attributes:
        id: chosen by the person; a purchase names it.
        model_id: what is bought, as a purchase names it.
        units: model units, bought together or not at all.
        max_usd_per_hour: highest price of one unit and hour that is agreed to.
        given_by: who gave it.
        valid_until: last moment at which it may be used.
        used_by: the decision that used it up; None while none did.
    """

    id: str
    target: str
    model_id: str
    units: int
    term: Commitment
    max_usd_per_hour: Decimal
    given_by: str
    valid_until: datetime
    used_by: str | None = None
    used_at: datetime | None = None


def consent_problem(
    consent: RecordedConsent | None, wanted: Purchase, target: str, now: datetime
) -> str | None:
    """Why this consent does not cover this very purchase; None when it does."""
    if consent is None:
        return f"there is no consent {wanted.consent_id!r}"
    subject = f"consent {consent.id} of {consent.given_by}"
    if consent.used_by is not None:
        return f"{subject} was used by {consent.used_by}"
    if now > consent.valid_until:
        return f"{subject} was valid until {consent.valid_until.isoformat()}"
    agreed = (consent.target, consent.model_id, consent.units, consent.term)
    asked = (target, wanted.model_id, wanted.model_units, wanted.commitment)
    if agreed != asked:
        return f"{subject} is for {_terms(*agreed)}, the decision asks for {_terms(*asked)}"
    price = wanted.usd_per_hour / wanted.model_units
    if price > consent.max_usd_per_hour:
        return (
            f"{subject} admits {consent.max_usd_per_hour} USD per unit-hour, the price is {price}"
        )
    return None


def _terms(target: str, model_id: str, units: int, term: Commitment) -> str:
    return f"{units} units of {model_id} for {target} under {term.value}"
