"""Which provisioned throughputs the next period would put past a cap on booked spend.

Source: docs/model.md, section "Spend".
"""

from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput
from bedrock_autoscaler.domain.fleet.spend_caps import SpendCap, spend_caps
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Target

_CODES = {"day": ReasonCode.MAX_USD_PER_DAY, "month": ReasonCode.MAX_USD_PER_MONTH}


def cap_code(cap: SpendCap) -> ReasonCode:
    """The reason that names a cap of a target."""
    return _CODES[cap.span]


def over_budget(
    target: Target,
    fleet: Fleet,
    now: datetime,
    *,
    returning: ProvisionedThroughput | None = None,
) -> dict[str, Reason]:
    """By ARN, each PT whose next billing period would cross a cap, and the cap.

    Periods are booked when they start, so a cap holds only if a unit leaves before a period that
    it does not admit.

    Args:
        target: with the price of a unit and the caps.
        fleet: what is held; what drains starts no further period.
        now: the moment of the decision.
        returning: a draining PT that would stay after all.
    """
    bought = target.provisioned
    if bought is None or bought.price is None:
        return {}
    sizing = target.thresholds.sizing
    period = period_usd(bought.price.usd_per_hour, sizing.billing_minutes)
    billing = sizing.billing_period
    staying = [pt for pt in fleet.owned if pt == returning or not pt.draining]
    due = sorted((pt.paid_until(now, billing), pt.arn, pt) for pt in staying)
    found: dict[str, Reason] = {}
    for cap in spend_caps(target.guard_rails, fleet.spend):
        booked = {cap.holds(now): cap.booked}
        for start, arn, pt in due:
            span = cap.holds(start)
            after = booked.get(span, Decimal(0)) + pt.model_units * period
            if after > cap.usd:
                found.setdefault(arn, _crossing(pt, cap, after))
            else:
                booked[span] = after
    return found


def _crossing(pt: ProvisionedThroughput, cap: SpendCap, after: Decimal) -> Reason:
    return Reason(
        code=cap_code(cap),
        message=f"the next period of {pt.arn} would bring the {cap.span} to {after} USD, "
        f"{cap.setting} is {cap.usd}",
        numbers=(("usd", float(after)), ("allowed_usd", float(cap.usd))),
    )
