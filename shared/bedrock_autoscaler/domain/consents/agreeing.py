"""Whether a purchase needs a person's consent, and whether a consent covers it.

The decision and the actor that buys ask the same; the actor loads nothing else of the core.
"""

from datetime import datetime

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.units import moment_text, units_text


def consent_problem(
    consent: RecordedConsent | None, wanted: Purchase, target: str, now: datetime
) -> str | None:
    """Why this consent does not cover this very purchase; None when it does."""
    if consent is None and wanted.consent_id is None:
        return "it needs a person's consent, and the decision names none"
    if consent is None:
        return f"there is no consent {wanted.consent_id!r}"
    subject = f"consent {consent.id} of {consent.given_by}"
    if consent.rejected_by is not None:
        return f"{subject} was rejected by {consent.rejected_by}"
    if consent.used_by is not None:
        return f"{subject} was used by {consent.used_by}"
    if now > consent.valid_until:
        return f"{subject} was valid until {moment_text(consent.valid_until)}"
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


def needs_consent(wanted: Purchase, target: Target) -> bool:
    """Whether nobody may make this purchase before a person has agreed to it."""
    limit = target.controls.approval_above_usd_per_hour
    is_large = limit is not None and wanted.usd_per_hour > limit
    return wanted.commitment is not Commitment.NONE or is_large


def _terms(target: str, model_id: str, units: int, term: Commitment) -> str:
    return f"{units_text(units)} of {model_id} for {target} under {term.value}"
