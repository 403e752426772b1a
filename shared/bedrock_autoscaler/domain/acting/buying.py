"""More units: restored while they are still paid for, else bought within pace and guard rails."""

from bedrock_autoscaler.domain.acting.budget import over_budget
from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.growth import allow_growth
from bedrock_autoscaler.domain.decision import Purchase, Restore, Situation
from bedrock_autoscaler.domain.economics.facts import purchase_facts
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput, Status
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.units import usd, usd_text


def grow(situation: Situation, wanted: int, grounds: Grounds) -> Outcome:
    """Restore what is still paid for, else buy; blocked by any unknown fact."""
    restored = _restorable(situation, wanted)
    if restored is not None:
        reason = Reason(
            code=ReasonCode.RESTORE,
            message=f"{restored.arn} is draining but needed again: it goes back into the table",
        )
        action = Restore(arn=restored.arn, model_units=restored.model_units)
        return Outcome(action=action, reasons=(reason,))
    return buy(situation, wanted, grounds)


def buy(situation: Situation, wanted: int, grounds: Grounds) -> Outcome:
    """Buy so many units, or as many as pace and guard rails let through."""
    bought = situation.target.provisioned
    if grounds.blockers or bought is None or bought.price is None:
        return Outcome(action=None, reasons=())
    unknown = purchase_facts(situation.target, situation.observation)
    if unknown:
        return Outcome(action=None, reasons=unknown)
    growth = allow_growth(
        min(wanted, situation.target.thresholds.sizing.max_units_per_purchase),
        target=situation.target,
        fleet=situation.fleet,
        observation=situation.observation,
        now=situation.scheduled_at,
    )
    if growth.units < 1:
        return Outcome(action=None, reasons=growth.reasons)
    price = usd(bought.price.usd_per_hour * growth.units)
    reason = Reason(
        code=ReasonCode.PURCHASE,
        message=f"buy {growth.units} of {wanted} wanted units of {bought.model_id} without "
        f"commitment for {usd_text(price)} USD per hour",
        numbers=(("units", float(growth.units)), ("usd_per_hour", float(price))),
    )
    purchase = Purchase(model_id=bought.model_id, model_units=growth.units, usd_per_hour=price)
    return Outcome(action=purchase, reasons=(*growth.reasons, reason))


def _restorable(situation: Situation, wanted: int) -> ProvisionedThroughput | None:
    """The largest draining PT of at most `wanted` units whose next period the caps pay for."""
    target, fleet, now = situation.target, situation.fleet, situation.scheduled_at
    fits = [
        pt
        for pt in fleet.owned
        if pt.draining
        and pt.status is Status.IN_SERVICE
        and pt.model_units <= wanted
        and pt.arn not in over_budget(target, fleet, now, returning=pt)
    ]
    return max(fits, key=lambda pt: (pt.model_units, pt.arn), default=None)
