"""From demand to a wish: how many units to grow to and how many to keep, and why.

Gaps count against a change: as no demand for growing, as full use for shrinking.
"""

from dataclasses import dataclass, replace

import numpy as np

from bedrock_autoscaler.domain.decision import Classification, Memory, Situation, Verdict
from bedrock_autoscaler.domain.economics.costs import Economics, unit_hour_usd
from bedrock_autoscaler.domain.forecasting.distribution import mixture, quantiles
from bedrock_autoscaler.domain.forecasting.forecast import Forecaster
from bedrock_autoscaler.domain.forecasting.use import full_use
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.assuring import Promise, assured, promise_of
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE
from bedrock_autoscaler.domain.sizing.exposure import affordable
from bedrock_autoscaler.domain.sizing.margins import Margins, margins_of
from bedrock_autoscaler.domain.sizing.worth import EXTRA_UNITS, SizePlan, plan_size, wanted_units
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import units_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What sizing wants before the gate and the guard rails.

    Attributes:
        grow_to: units to have after growth.
        keep: units that are each worth keeping.
        plan: what the units are worth; None where `keep` alone counts.
    """

    grow_to: int
    keep: int
    plan: SizePlan | None
    reasons: tuple[Reason, ...]

    def units(self, held: int) -> int:
        """The size wanted by a target that holds this many."""
        return self.grow_to if self.grow_to > held else min(self.keep, held)

    @property
    def is_spent(self) -> bool:
        """Whether units may lose no more than they did, so that nothing is held in doubt."""
        return self.plan is not None and self.plan.is_spent

    def keeps(self, held: int, units: int) -> bool:
        """Whether the last `units` of those held are worth keeping."""
        if self.plan is None or self.keep == 0:
            return held - units < self.keep
        return self.plan.is_worth_keeping(held, units)

    def is_sure_to_keep(self, held: int, units: int) -> bool:
        """The same, with minutes that were not read as no demand."""
        if self.plan is None or self.keep == 0:
            return held - units < self.keep
        return self.plan.is_sure_to_stay(held, units)


def make_plan(
    situation: Situation, demand: Demand, economics: Economics | None, memory: Memory
) -> SizePlan | None:
    """The size plan; None while a price, the unit rate or any history is missing."""
    if economics is None:
        return None
    held, asked = situation.fleet.staying_units, _asked_for(situation)
    forecaster = Forecaster(
        demand=demand,
        now=situation.scheduled_at,
        learned=memory.learned,
        economics=economics,
        units=max(held, asked) + EXTRA_UNITS,
    )
    forecast = forecaster.forecast()
    if forecast is None:
        return None
    margins = margins_of(
        situation.target,
        situation.fleet,
        memory.balance,
        economics=economics,
        now=situation.scheduled_at,
        is_cost_known=not demand.has_gaps or situation.memory.balance != NO_BALANCE,
    )
    promise = promise_of(situation.target, memory, economics)
    promised = 0 if promise is None else promise.units_needed(forecast.order)
    peak = float(np.fmax.reduce(demand.load))
    plan = plan_size(
        forecast,
        margins=margins,
        economics=economics,
        sizing=situation.target.thresholds.sizing,
        held=held,
        peak=peak,
        promised=promised,
        asked=asked,
        quantiles=quantiles(mixture(forecast.windows, forecast.weights), memory.calibration),
    )
    if economics.carries(peak):
        plan = _affordable(plan, situation, memory, economics, promised=promised)
    if promise is not None:
        plan = assured(plan, promise, forecast, held)
    return _cautious(plan, forecaster, margins, held=held, promise=promise)


def _asked_for(situation: Situation) -> int:
    """Units that a person asks for, whatever they are worth: what they cost is to be told."""
    override = situation.target.controls.units_at(situation.scheduled_at)
    return max(situation.target.guard_rails.min_units, override.units if override else 0)


def _affordable(
    plan: SizePlan,
    situation: Situation,
    memory: Memory,
    economics: Economics,
    *,
    promised: int,
) -> SizePlan:
    """The plan with no more growth than may be risked, beyond what is promised.

    It is for traffic that other ways carry whole: there the units only save money.
    """
    held = situation.fleet.staying_units
    least = min(max(promised, held), plan.grow_to)
    if plan.grow_to <= least:
        return plan
    units, reasons = affordable(
        plan.grow_to - held,
        situation.target,
        situation.fleet,
        memory.balance,
        unit_usd=economics.unit_usd,
        now=situation.scheduled_at,
    )
    grow_to = max(held + units, least)
    return replace(plan, grow_to=grow_to, remarks=(*plan.remarks, *reasons))


def _cautious(
    plan: SizePlan, forecaster: Forecaster, margins: Margins, *, held: int, promise: Promise | None
) -> SizePlan:
    """The plan with gaps counted against growing and, by themselves, against shrinking."""
    economics = forecaster.economics
    has_gaps = forecaster.demand.has_gaps
    least = forecaster.forecast(gaps_as=0.0) if has_gaps else None
    most = forecaster.forecast(gaps_as=full_use(economics, held)) if has_gaps else None
    if least is None or most is None:
        return plan
    sure, _ = wanted_units(least.order, margins, economics, held)
    # Units that would be bought if the gaps hid full use are not released either.
    grows = wanted_units(most.order, margins, economics, held)[0] > held
    floor = held if grows else plan.floor
    if promise is not None:
        sure = max(sure, promise.units_needed(least.order))
        floor = max(floor, promise.floor(most, held))
    grow_to = max(min(sure, plan.grow_to), min(plan.grow_to, held))
    sure_floor = held if grow_to > held else 0
    if promise is not None:
        sure_floor = max(sure_floor, promise.floor(least, held))
    width = min(len(plan.keep_worth), len(most.keep.worth))
    careful = replace(
        plan,
        grow_to=grow_to,
        keep_worth=np.maximum(plan.keep_worth[:width], most.keep.worth[:width]),
        floor=floor,
        sure_worth=least.keep.worth,
        sure_floor=sure_floor,
    )
    load = forecaster.demand.load
    remarks = (
        *plan.remarks,
        *_caution(load, "no demand", "grow to", before=plan.grow_to, after=grow_to),
        *_caution(
            load, "full use", "keep", before=min(plan.keep, held), after=min(careful.keep, held)
        ),
    )
    return replace(careful, remarks=remarks)


def _caution(
    load: Series, meaning: str, what: str, *, before: int, after: int
) -> tuple[Reason, ...]:
    if before == after:
        return ()
    unread = int(np.isnan(load).sum())
    reason = Reason(
        code=ReasonCode.DATA_INCOMPLETE,
        message=f"{unread:,} of the newest {len(load):,} minutes were not read and count as "
        f"{meaning}: {what} {units_text(after)}, not {before}",
        numbers=(
            ("unread_minutes", float(unread)),
            ("units_without_gaps", float(before)),
            ("units", float(after)),
        ),
    )
    return (reason,)


def make_wish(
    situation: Situation,
    plan: SizePlan | None,
    classification: Classification,
    diagnosis: Diagnosis,
) -> Wish:
    """What sizing wants, after the verdict and the diagnosis had their say."""
    held = situation.fleet.staying_units
    if plan is None:
        return Wish(grow_to=held, keep=held, plan=None, reasons=_no_plan_reasons(situation))
    sizing = situation.target.thresholds.sizing
    if classification.verdict is Verdict.BURSTY and not sizing.bursty_may_hold_units:
        reason = Reason(
            code=ReasonCode.BURSTY_HOLDS_NONE,
            message=f"traffic is {classification.label}, and bursty targets hold no units "
            "(sizing.bursty_may_hold_units)",
        )
        return Wish(grow_to=0, keep=0, plan=plan, reasons=(reason,))
    because = plan.promise or _worth_reason(plan, situation, held)
    reasons = (because, *plan.remarks)
    if plan.grow_to > held and not diagnosis.allows_growth:
        return Wish(grow_to=held, keep=plan.keep, plan=plan, reasons=reasons)
    return Wish(grow_to=plan.grow_to, keep=plan.keep, plan=plan, reasons=reasons)


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
        joined = ", the last of them for what may follow" if worth < plan.grow_usd else ""
        return Reason(
            code=ReasonCode.UNITS_PAY_OFF,
            message=f"{_units(held, plan.grow_to)} at least {worth:.2f} USD per hour and cost"
            f"{'s' if plan.grow_to == held + 1 else ''} {price:.2f}{joined}",
            numbers=(("worth_usd_per_hour", worth), ("price_usd_per_hour", price)),
        )
    if plan.keep < held:
        worth = float(plan.keep_worth[plan.keep])
        return Reason(
            code=ReasonCode.UNITS_DO_NOT_PAY,
            message=f"unit {plan.keep + 1} avoids {worth:.2f} USD per hour, costs {price:.2f} and "
            f"is kept from {plan.keep_usd:.2f}; worth keeping of {units_text(held)}: {plan.keep}",
            numbers=(
                ("worth_usd_per_hour", worth),
                ("price_usd_per_hour", price),
                ("kept_from_usd_per_hour", plan.keep_usd),
            ),
        )
    worth = float(plan.worth[held])
    is_enough = worth < plan.first_usd
    is_right = is_enough and all(
        remark.code is not ReasonCode.DATA_INCOMPLETE for remark in plan.remarks
    )
    return Reason(
        code=ReasonCode.AT_DESIRED_SIZE,
        message=f"{units_text(held)} held, {'which is right' if is_right else 'for now'}: a "
        f"further one avoids {worth:.2f} USD per hour, costs {price:.2f} and is bought from "
        f"{plan.first_usd:.2f}{'' if is_enough else ', if nothing else holds it back'}",
        numbers=(
            ("worth_usd_per_hour", worth),
            ("price_usd_per_hour", price),
            ("bought_from_usd_per_hour", plan.first_usd),
        ),
    )


def _units(held: int, grow_to: int) -> str:
    """The units after those held, as the subject of what they avoid."""
    if grow_to == held + 1:
        return f"unit {grow_to} avoids"
    return f"units {held + 1} to {grow_to} each avoid"
