"""From demand to a wish: how many units to grow to and how many to keep, and why.

Gaps count against a change: as no demand for growing, as full use for shrinking.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bedrock_autoscaler.domain.decision import (
    Classification,
    Memory,
    Reason,
    ReasonCode,
    Situation,
    Verdict,
)
from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.diagnosis import Diagnosis
from bedrock_autoscaler.domain.economics import Economics, unit_hour_usd
from bedrock_autoscaler.domain.forecast import Future, futures
from bedrock_autoscaler.domain.judging import Track
from bedrock_autoscaler.domain.sizing import (
    SizePlan,
    count_worth,
    full_use,
    mixed_worth,
    plan_size,
)
from bedrock_autoscaler.domain.target import Sizing


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What sizing wants before the gate and the guard rails.

    Attributes:
        grow_to: units to have after growth.
        keep: units worth keeping at the end of a paid period; never below `grow_to`.
    """

    grow_to: int
    keep: int
    reasons: tuple[Reason, ...]

    def units(self, held: int) -> int:
        """The size wanted by a target that holds this many."""
        return self.grow_to if self.grow_to > held else min(self.keep, held)


def make_plan(
    situation: Situation, demand: Demand, economics: Economics | None, memory: Memory
) -> SizePlan | None:
    """The size plan; None while a price, the unit rate or any history is missing."""
    known = demand.load[~np.isnan(demand.load)]
    if economics is None or not known.size:
        return None
    thresholds = situation.target.thresholds
    sizing, now = thresholds.sizing, situation.scheduled_at
    held = situation.fleet.staying_units
    forecast = partial(
        futures, demand, now, lead=sizing.lead_minutes, horizon=sizing.billing_minutes
    )
    recent = demand.load[-sizing.decision_minutes :]
    plan = plan_size(
        forecast(),
        track=Track(
            records=memory.experts,
            recent=recent[~np.isnan(recent)],
            settling=thresholds.observing.settling_minutes,
            is_judged=memory.decided_at == now,
        ),
        economics=economics,
        sizing=sizing,
        held=held,
        peak=float(known.max()),
    )
    return (
        plan
        if known.size == len(demand)
        else _cautious(plan, forecast, economics, sizing, held=held)
    )


def _cautious(
    plan: SizePlan,
    forecast: Callable[..., tuple[Future, ...]],
    economics: Economics,
    sizing: Sizing,
    *,
    held: int,
) -> SizePlan:
    """The plan with gaps counted against the change that it wants."""
    if plan.grow_to > held:
        sure = mixed_worth(forecast(gaps_as=0.0), plan.trust, economics, plan.grow_to)
        grow_to = max(count_worth(sure, sizing.grow_margin * economics.unit_usd), held)
        caution = _caution("no demand", "grow to", plan.grow_to, grow_to)
        return replace(plan, grow_to=grow_to, caution=caution)
    if plan.keep < held:
        used = full_use(economics, held)
        sure = mixed_worth(forecast(gaps_as=used), plan.trust, economics, held)
        keep = max(count_worth(sure, sizing.keep_margin * economics.unit_usd), plan.keep)
        return replace(plan, keep=keep, caution=_caution("full use", "keep", plan.keep, keep))
    return plan


def _caution(meaning: str, what: str, before: int, after: int) -> Reason | None:
    if before == after:
        return None
    return Reason(
        code=ReasonCode.DATA_INCOMPLETE,
        message=f"minutes that were not read count as {meaning}: {what} {after} units, not "
        f"{before}",
        numbers=(("units_without_gaps", float(before)), ("units", float(after))),
    )


def make_wish(
    situation: Situation,
    plan: SizePlan | None,
    classification: Classification,
    diagnosis: Diagnosis,
) -> Wish:
    """What sizing wants, after the verdict and the diagnosis had their say."""
    held = situation.fleet.staying_units
    if plan is None:
        return Wish(grow_to=held, keep=held, reasons=_no_plan_reasons(situation))
    sizing = situation.target.thresholds.sizing
    if classification.verdict is Verdict.BURSTY and not sizing.bursty_may_hold_units:
        reason = Reason(
            code=ReasonCode.BURSTY_HOLDS_NONE,
            message=f"traffic is {classification.label}, and bursty targets hold no units "
            "(sizing.bursty_may_hold_units)",
        )
        return Wish(grow_to=0, keep=0, reasons=(reason,))
    reasons: tuple[Reason, ...] = (_worth_reason(plan, situation, held),)
    if plan.caution is not None:
        reasons = (*reasons, plan.caution)
    if plan.grow_to > held and not diagnosis.allows_growth:
        return Wish(grow_to=held, keep=plan.keep, reasons=reasons)
    return Wish(grow_to=plan.grow_to, keep=plan.keep, reasons=reasons)


def _no_plan_reasons(situation: Situation) -> tuple[Reason, ...]:
    """Why nothing was sized, where no unknown fact says so already."""
    bought = situation.target.provisioned
    if bought is None or bought.price is None or bought.unit_rate is None:
        return ()
    return (
        Reason(
            code=ReasonCode.HISTORY_SHORT,
            message="no minute of demand is known yet: nothing is sized",
            numbers=(("known_minutes", 0.0),),
        ),
    )


def _worth_reason(plan: SizePlan, situation: Situation, held: int) -> Reason:
    """The marginal argument in one sentence."""
    price = unit_hour_usd(situation.target)
    if plan.grow_to > held:
        worth = float(plan.worth[held : plan.grow_to].min())
        return Reason(
            code=ReasonCode.UNITS_PAY_OFF,
            message=f"units {held + 1} to {plan.grow_to} each avoid at least {worth:.2f} USD per "
            f"hour and cost {price:.2f}",
            numbers=(("worth_usd_per_hour", worth), ("price_usd_per_hour", price)),
        )
    if plan.keep < held:
        worth = float(plan.worth[plan.keep])
        return Reason(
            code=ReasonCode.UNITS_DO_NOT_PAY,
            message=f"unit {plan.keep + 1} avoids {worth:.2f} USD per hour and costs {price:.2f}: "
            f"{plan.keep} of {held} units are worth keeping",
            numbers=(("worth_usd_per_hour", worth), ("price_usd_per_hour", price)),
        )
    worth = float(plan.worth[held])
    return Reason(
        code=ReasonCode.AT_DESIRED_SIZE,
        message=f"{held} units are right: a further one avoids {worth:.2f} USD per hour and costs "
        f"{price:.2f}",
        numbers=(("worth_usd_per_hour", worth), ("price_usd_per_hour", price)),
    )
