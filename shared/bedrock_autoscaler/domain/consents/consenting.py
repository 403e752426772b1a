"""What a person's consent does to a decision: a term is bought, a large purchase goes ahead.

Without a consent nothing here changes anything, save that a purchase above the limit that a
person set for approvals is held. Source: docs/model.md, section "Commitments".
"""

from dataclasses import replace
from datetime import datetime

from bedrock_autoscaler.domain.acting.growth import allow_growth
from bedrock_autoscaler.domain.acting.steps import change
from bedrock_autoscaler.domain.commitments.terms import Term, terms_of
from bedrock_autoscaler.domain.consents.agreeing import consent_problem, needs_consent
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.economics.facts import missing_facts, purchase_facts
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Loop
from bedrock_autoscaler.domain.traffic.observation import Observation
from bedrock_autoscaler.domain.units import iso, moment_text, units_text, usd, usd_text


def consented(decision: Decision, situation: Situation) -> Decision:
    """The decision with what persons agreed to, and without what they would have to.

    A term is bought in place of a purchase or of a hold; a release or a restoration goes first.
    """
    if situation.loop is not Loop.CAPACITY:
        return decision
    return _with_approval(_with_term(decision, situation), situation)


def _with_approval(decision: Decision, situation: Situation) -> Decision:
    """Hold a purchase above the limit until a consent to that very purchase is there."""
    wanted = next((one for one in decision.actions if isinstance(one, Purchase)), None)
    target, now = situation.target, situation.scheduled_at
    if wanted is None or wanted.consent_id is not None or not needs_consent(wanted, target):
        return decision
    for consent in situation.consents:
        named = replace(wanted, consent_id=consent.id)
        if consent_problem(consent, named, target.name, now) is None:
            return _buying(decision, situation, named, _agreed(consent, named))
    reason = Reason(
        code=ReasonCode.APPROVAL_NEEDED,
        message=f"{units_text(wanted.model_units)} would cost {usd_text(wanted.usd_per_hour)} "
        "USD per hour, above controls.approval_above_usd_per_hour "
        f"{target.controls.approval_above_usd_per_hour}: bought only when a person approves",
        numbers=(
            ("units", float(wanted.model_units)),
            ("usd_per_hour", float(wanted.usd_per_hour)),
        ),
    )
    others = tuple(one for one in decision.actions if one is not wanted)
    return _doing(decision, situation, others, reason)


def _with_term(decision: Decision, situation: Situation) -> Decision:
    """Buy the first term that was agreed to and that nothing stands against."""
    for consent in situation.consents:
        if consent.term is Commitment.NONE:
            continue
        wanted, obstacle = _term_purchase(consent, situation)
        if wanted is not None and obstacle is None:
            obstacle = _busy(decision)
        if wanted is not None and obstacle is None:
            return _buying(decision, situation, wanted, _agreed(consent, wanted))
        reason = Reason(
            code=ReasonCode.CONSENT_WAITS,
            message=f"consent {consent.id} of {consent.given_by} is not used now: {obstacle}",
        )
        decision = replace(decision, reasons=(*decision.reasons, reason))
    return decision


def _term_purchase(
    consent: RecordedConsent, situation: Situation
) -> tuple[Purchase | None, str | None]:
    """The purchase that a consent asks for, and what stands against it now."""
    target, now = situation.target, situation.scheduled_at
    bought = target.provisioned
    price = bought.price if bought else None
    hourly = price.under(consent.term) if price else None
    if bought is None or price is None or hourly is None:
        return None, f"no price of {consent.model_id} under {consent.term.value} is known"
    term = next(one for one in terms_of(price) if one.commitment is consent.term)
    wanted = Purchase(
        model_id=bought.model_id,
        model_units=consent.units,
        usd_per_hour=usd(hourly * consent.units),
        commitment=consent.term,
        consent_id=consent.id,
    )
    problem = consent_problem(consent, wanted, target.name, now)
    problem = problem or _bought_since(consent, situation.fleet)
    return wanted, problem or _against(wanted, term, situation)


def _bought_since(consent: RecordedConsent, fleet: Fleet) -> str | None:
    """Which term of the same length was bought after this one was asked for.

    The evidence of the request did not know of it, and may be for the very same units.
    """
    if consent.asked_at is None:
        return None
    for pt in fleet.owned:
        if pt.commitment is consent.term and pt.created_at >= consent.asked_at:
            return (
                f"it was asked for on {moment_text(consent.asked_at)}, before {pt.arn} was bought "
                "under the same term"
            )
    return None


def _against(wanted: Purchase, term: Term, situation: Situation) -> str | None:
    """The first fact, bound or date that forbids the term."""
    target, now = situation.target, situation.scheduled_at
    most = target.thresholds.sizing.max_units_per_purchase
    if wanted.model_units > most:
        return f"{units_text(wanted.model_units)} are above sizing.max_units_per_purchase {most}"
    past_end = _past_end(term, situation.observation, now)
    if past_end is not None:
        return past_end
    observation = situation.observation.under(wanted.commitment)
    facts = (*missing_facts(target, now), *purchase_facts(target, observation))
    if facts:
        return facts[0].message
    growth = allow_growth(
        wanted.model_units,
        target=target,
        fleet=situation.fleet,
        observation=observation,
        now=now,
        each=wanted.usd_per_hour / wanted.model_units,
    )
    if growth.units < wanted.model_units:
        return growth.reasons[0].message
    return None


def _past_end(term: Term, observation: Observation, now: datetime) -> str | None:
    """Why the model may end before the term does; an end that was not read may be any."""
    facts, study = observation.term_facts, observation.commitment
    if facts is None or facts.model_end is None:
        return "the end of the model's life could not be read, and the term may outlast it"
    told = (facts.model_end.at, study.model_ends_at if study else None)
    end = min((one for one in told if one is not None), default=None)
    if end is not None and now + term.length > end:
        return f"the model ends on {iso(end)}, before the term would"
    return None


def _busy(decision: Decision) -> str | None:
    """Whether the decision gives something back or takes it back: one change at a time."""
    if any(isinstance(action, Release | Restore) for action in decision.actions):
        return "this tick's decision releases or restores units"
    return None


def _agreed(consent: RecordedConsent, wanted: Purchase) -> Reason:
    term = "" if wanted.commitment is Commitment.NONE else f" under {wanted.commitment.value}"
    return Reason(
        code=ReasonCode.CONSENTED,
        message=f"{consent.given_by} agreed ({consent.id}) to buy "
        f"{units_text(wanted.model_units)} of "
        f"{wanted.model_id}{term} for {usd_text(wanted.usd_per_hour)} USD per hour",
        numbers=(
            ("units", float(wanted.model_units)),
            ("usd_per_hour", float(wanted.usd_per_hour)),
        ),
    )


def _buying(decision: Decision, situation: Situation, wanted: Purchase, reason: Reason) -> Decision:
    others = tuple(one for one in decision.actions if not isinstance(one, Purchase))
    return _doing(decision, situation, (*others, wanted), reason)


def _doing(
    decision: Decision, situation: Situation, actions: tuple[Action, ...], reason: Reason
) -> Decision:
    """The decision with other actions; what it was expected to save no longer holds."""
    return replace(
        decision,
        actions=actions,
        allowed_units=situation.fleet.staying_units + change(actions),
        expected_saving_usd_per_hour=0.0,
        reasons=(*decision.reasons, reason),
    )
