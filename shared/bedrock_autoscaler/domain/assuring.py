"""The promise on throttling in a size plan: units that it needs are bought and kept.

Source: docs/model.md, section "Assurance".
"""

from dataclasses import dataclass, replace
from math import ceil

from bedrock_autoscaler.domain.assurance import Assurance
from bedrock_autoscaler.domain.decision import Memory, Reason, ReasonCode
from bedrock_autoscaler.domain.economics import Economics
from bedrock_autoscaler.domain.forecast import Forecast
from bedrock_autoscaler.domain.sizing import SizePlan
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.use import MOST_UNITS, Curves


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A promised throttled share, and what was learned about keeping it."""

    share: float
    assurance: Assurance
    economics: Economics

    def units_needed(self, expected: Curves) -> int:
        """Units that the promise needs under this forecast."""
        return self.assurance.units_needed(expected, self.economics)


def promise_of(target: Target, memory: Memory, economics: Economics) -> Promise | None:
    """The target's promise; None where its settings make none."""
    share = target.slo.assure_throttled_share
    if share is None:
        return None
    return Promise(share=share, assurance=memory.assurance, economics=economics)


def assured(
    plan: SizePlan, promise: Promise | None, forecast: Forecast, *, held: int, peak: float
) -> SizePlan:
    """The plan with at least the units that the promise needs.

    Growth goes at most one unit beyond `peak`, the highest demand on record, as all growth does.
    """
    if promise is None:
        return plan
    needed = min(promise.units_needed(forecast.order), ceil(min(peak, MOST_UNITS)) + 1)
    kept = promise.units_needed(forecast.keep)
    grow_to = max(plan.grow_to, needed) if needed > held else plan.grow_to
    found = replace(plan, grow_to=grow_to, assured=kept)
    if grow_to == plan.grow_to and min(found.keep, held) == min(plan.keep, held):
        return found
    because = _because(promise, needed=max(needed, kept), worth=plan.keep)
    return replace(found, assured_because=because)


def _because(promise: Promise, *, needed: int, worth: int) -> Reason:
    least = promise.assurance.least_use
    return Reason(
        code=ReasonCode.UNITS_ASSURED,
        message=f"at most {promise.share:.2%} throttled is promised: {needed} units each avoid "
        f"throttling for at least {least:.1%} of their capacity, {worth} are worth their price",
        numbers=(
            ("promised_share", promise.share),
            ("least_use", least),
            ("units_needed", float(needed)),
            ("units_worth_their_price", float(worth)),
        ),
    )
