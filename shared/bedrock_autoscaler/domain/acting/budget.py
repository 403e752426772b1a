"""The caps on booked spend, and which provisioned throughputs the next period would put past them.

Source: docs/model.md, section "Spend".
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput, Spend
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import GuardRails, Target
from bedrock_autoscaler.domain.units import MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendCap:
    """A cap on what is booked in the running UTC day or month.

    Attributes:
        code: of the reason; its text is the name of the setting.
        span: `day` or `month`.
        booked: USD so far.
        usd: the cap.
    """

    code: ReasonCode
    span: str
    booked: Decimal
    usd: Decimal

    def holds(self, moment: datetime) -> tuple[int, ...]:
        """The day or month that `moment` lies in."""
        month = (moment.year, moment.month)
        return (*month, moment.day) if self.span == "day" else month


def spend_caps(rails: GuardRails, spend: Spend) -> tuple[SpendCap, SpendCap]:
    """The caps of the day and of the month."""
    return (
        SpendCap(
            code=ReasonCode.MAX_USD_PER_DAY,
            span="day",
            booked=spend.day_usd,
            usd=rails.max_usd_per_day,
        ),
        SpendCap(
            code=ReasonCode.MAX_USD_PER_MONTH,
            span="month",
            booked=spend.month_usd,
            usd=rails.max_usd_per_month,
        ),
    )


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
    billing = sizing.billing_minutes * MINUTE
    staying = [pt for pt in fleet.owned if pt == returning or not pt.draining]
    due = sorted((pt.paid_until(now, billing), pt.arn, pt) for pt in staying)
    found: dict[str, Reason] = {}
    for cap in spend_caps(target.guard_rails, fleet.spend):
        booked = {cap.holds(now): cap.booked}
        for start, arn, pt in due:
            before = booked.get(cap.holds(start), Decimal(0))
            after = before + pt.model_units * period
            if after > cap.usd:
                found.setdefault(arn, _crossing(pt, cap, after))
            else:
                booked[cap.holds(start)] = after
    return found


def _crossing(pt: ProvisionedThroughput, cap: SpendCap, after: Decimal) -> Reason:
    return Reason(
        code=cap.code,
        message=f"the next period of {pt.arn} would bring the {cap.span} to {after} USD, "
        f"{cap.code} is {cap.usd}",
        numbers=(("usd", float(after)), ("allowed_usd", float(cap.usd))),
    )
