"""The promise on throttling in a size plan: units that it needs are bought and kept.

Source: docs/model.md, section "Assurance".
"""

from dataclasses import dataclass, replace

from bedrock_autoscaler.domain.decision import Memory
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.forecasting.forecast import Forecast
from bedrock_autoscaler.domain.forecasting.use import Curves, count_worth
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.assurance import Assurance
from bedrock_autoscaler.domain.sizing.worth import SizePlan
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import units_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A promised throttled share, and what was learned about keeping it."""

    share: float
    assurance: Assurance
    economics: Economics

    def units_needed(self, expected: Curves) -> int:
        """Units that the promise needs under this forecast."""
        return self.assurance.units_needed(expected, self.economics)

    def floor(self, forecast: Forecast, held: int) -> int:
        """Units that the promise keeps: all that are held where it needs more."""
        if self.units_needed(forecast.order) > held:
            return held
        return self.units_needed(forecast.keep)


def promise_of(target: Target, memory: Memory, economics: Economics) -> Promise | None:
    """The target's promise; None where its settings make none."""
    share = target.slo.assure_throttled_share
    if share is None:
        return None
    return Promise(share=share, assurance=memory.assurance, economics=economics)


def assured(plan: SizePlan, promise: Promise, forecast: Forecast, held: int) -> SizePlan:
    """The plan with the units kept that the promise needs, and said where it changes something."""
    floor = max(plan.floor, promise.floor(forecast, held))
    found = replace(plan, floor=floor, sure_floor=floor)
    worth = count_worth(plan.worth, plan.grow_usd)
    if plan.grow_to <= max(held, worth) and min(found.keep, held) == min(plan.keep, held):
        return found
    needed = max(plan.grow_to if plan.grow_to > held else 0, found.floor)
    return replace(found, promise=_because(promise, needed=needed, worth=worth))


def _because(promise: Promise, *, needed: int, worth: int) -> Reason:
    least = promise.assurance.least_use
    return Reason(
        code=ReasonCode.UNITS_ASSURED,
        message=f"at most {promise.share:.2%} throttled is promised: {units_text(needed)} that "
        f"avoid throttling for at least {least:.1%} of the capacity each; worth their price: "
        f"{worth}",
        numbers=(
            ("promised_share", promise.share),
            ("least_use", least),
            ("units_needed", float(needed)),
            ("units_worth_their_price", float(worth)),
        ),
    )
