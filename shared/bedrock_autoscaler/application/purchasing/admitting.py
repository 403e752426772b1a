"""What speaks against a purchase, by the settings and the ledger alone.

These bounds stand outside the decision core: whatever a decision asks for, its terms are compared
with the settings in force, and calls and dollars are counted from the ledger.
"""

from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.purchasing.accounting import (
    booked_spend,
    purchases_since,
    rest_of,
)
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.economics.costs import is_stale, period_usd
from bedrock_autoscaler.domain.economics.facts import purchase_facts
from bedrock_autoscaler.domain.fleet.holdings import NOTHING_SPENT, Spend
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.fleet.spend_caps import spend_caps
from bedrock_autoscaler.domain.target import Target, UnitPrice
from bedrock_autoscaler.domain.units import in_a_day, moment_text, units_text, usd


def terms_problem(target: Target, wanted: Purchase, now: datetime) -> str | None:
    """Why the settings in force do not allow this very purchase; None when they do."""
    bought = target.provisioned
    if bought is None:
        return f"target {target.name} may hold no provisioned throughput"
    if bought.model_id != wanted.model_id:
        return f"the decision names {wanted.model_id}, the settings {bought.model_id}"
    if bought.price is None:
        return f"the price of {bought.model_id} is not known"
    if is_stale(bought.price.as_of, now.date(), target.thresholds.gating.max_price_age_days):
        return f"the price of {bought.model_id} is of {bought.price.as_of}, which is too old"
    most = target.thresholds.sizing.max_units_per_purchase
    if not 1 <= wanted.model_units <= most:
        return (
            f"a purchase of {units_text(wanted.model_units)} is not between 1 and "
            f"max_units_per_purchase {most}"
        )
    return _price_problem(bought.price, wanted)


def facts_problem(target: Target, wanted: Purchase, asked: RecordedDecision) -> str | None:
    """Which fact was not known or forbade it when the decision was made; None when none did.

    The rules refuse likewise; whatever asks for a purchase, it is not made without them.
    """
    bought, in_use = target.provisioned, asked.decision.unit_rate
    if bought is None:
        return None
    if bought.unit_rate is None and (in_use is None or in_use.rate is None):
        return f"tokens per minute of one unit of {bought.model_id} are not known"
    observed = asked.situation.observation.under(wanted.commitment)
    unknown = purchase_facts(target, observed)
    if unknown:
        return unknown[0].message
    quota = observed.model_unit_quota or 0
    return f"the model-unit quota for {bought.model_id} is {quota}" if quota < 1 else None


def user_of(consent_id: str | None, intents: tuple[PurchaseIntent, ...]) -> str | None:
    """The decision whose purchase used the consent up; None while none did.

    A proven refusal gave it back.
    """
    users = (
        intent.decision_id
        for intent in intents
        if intent.consent_id == consent_id and intent.state is not PurchaseState.REFUSED
    )
    return None if consent_id is None else next(users, None)


def pace_problem(
    target: Target, wanted: Purchase, intents: tuple[PurchaseIntent, ...], now: datetime
) -> str | None:
    """Why not now: too many calls, a fresh failure, or a cap on spend; None when none holds."""
    by_hand = target.controls.growth_problem(now)
    if by_hand is not None:
        return by_hand
    rails = target.guard_rails
    made = purchases_since(intents, now)
    if made >= rails.max_purchases_per_day:
        return in_a_day(made, rails.max_purchases_per_day, "purchase")
    failed = [intent.arn for intent in intents if intent.state is PurchaseState.FAILED]
    if failed:
        return f"{failed[0]} failed to come into service; nothing is bought while it exists"
    rest = rest_of(intents, target)
    if rest is not None and now < rest[0]:
        return f"{rest[1]}; nothing is bought until {moment_text(rest[0])}"
    first = period_usd(wanted.usd_per_hour, target.thresholds.sizing.billing_minutes)
    return spend_problem(target, intents, now, first)


def spend_problem(
    target: Target,
    intents: tuple[PurchaseIntent, ...],
    now: datetime,
    first_usd: Decimal,
    *,
    beside: Spend = NOTHING_SPENT,
) -> str | None:
    """Which cap on what is booked would be crossed; None when it fits.

    Args:
        target: whose caps they are.
        intents: its purchases.
        now: the present moment.
        first_usd: what is paid at once.
        beside: what its endpoints have cost.
    """
    billing = target.thresholds.sizing.billing_period
    spend = booked_spend(intents, now, billing) + beside
    caps = spend_caps(target.guard_rails, spend)
    return next((cap.told for cap in caps if not cap.admits(first_usd)), None)


def room_problem(
    target: Target,
    wanted: Purchase,
    record: FleetRecord,
    unmanaged_units: int,
    *,
    beside: Decimal = Decimal(0),
) -> str | None:
    """Which cap on what is held would be crossed; None when it fits.

    The transaction that reserves the units checks the same; this gives the reason in words, also
    in mode `advise`, and prices what others hold like our own without a term: a term makes nothing
    cheaper but what is bought under it.

    Args:
        target: whose caps they are.
        wanted: the purchase.
        record: what is reserved.
        unmanaged_units: of others.
        beside: USD an hour of the target's endpoints.
    """
    rails = target.guard_rails
    units = record.reserved_units + unmanaged_units + wanted.model_units
    if units > rails.max_units:
        return f"it would make {units_text(units)}, max_units is {rails.max_units}"
    each = wanted.usd_per_hour / wanted.model_units
    bought = target.provisioned
    if bought is not None and bought.price is not None:
        each = max(each, bought.price.usd_per_hour)
    held = units_usd(record, unmanaged_units, each)
    return dollars_problem(target, held + beside + wanted.usd_per_hour)


def units_usd(record: FleetRecord, unmanaged_units: int, each: Decimal) -> Decimal:
    """What units cost an hour at the price of `each` of them.

    What is held counts at the present price where that has risen since it was bought:
    no-commitment units have no fixed price.
    """
    held = max(record.reserved_usd_per_hour, each * record.reserved_units)
    return held + each * unmanaged_units


def dollars_problem(target: Target, dollars: Decimal) -> str | None:
    """Whether so many dollars an hour are above the target's cap."""
    most = target.guard_rails.max_usd_per_hour
    if usd(dollars) > most:
        return f"it would make {usd(dollars)} USD per hour, max_usd_per_hour is {most}"
    return None


def _price_problem(known: UnitPrice, wanted: Purchase) -> str | None:
    """Why the price is not what the decision expects; a term has a price of its own."""
    hourly = known.under(wanted.commitment)
    if hourly is None:
        return f"{wanted.model_id} has no known price under {wanted.commitment.value}"
    price = usd(hourly * wanted.model_units)
    if price != wanted.usd_per_hour:
        return f"the decision expects {wanted.usd_per_hour} USD per hour, the settings say {price}"
    return None
