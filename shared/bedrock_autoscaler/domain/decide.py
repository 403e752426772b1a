"""The decision: a total, deterministic function of the situation.

Diagnose, classify, size, route, gate. Each step says when it changed the answer. Nothing here
reads a clock, calls out or raises for a valid situation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

import numpy as np

from bedrock_autoscaler.domain.classification import classify
from bedrock_autoscaler.domain.decision import (
    Action,
    Alternative,
    Classification,
    Decision,
    Memory,
    Purchase,
    Reason,
    ReasonCode,
    Release,
    Restore,
    Situation,
    Verdict,
    decision_id,
)
from bedrock_autoscaler.domain.demand import Demand, estimate_demand
from bedrock_autoscaler.domain.diagnosis import Diagnosis, diagnose
from bedrock_autoscaler.domain.economics import Economics, build_economics
from bedrock_autoscaler.domain.fleet import Ownership, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.forecast import futures
from bedrock_autoscaler.domain.gate import (
    allow_growth,
    hourly_usd,
    may_shrink,
    missing_facts,
    purchase_facts,
    releasable,
    shrink_pace,
)
from bedrock_autoscaler.domain.observation import Series, Traffic
from bedrock_autoscaler.domain.routing import choose_routes, describe_change
from bedrock_autoscaler.domain.sizing import SizePlan, plan_size, worth_of_units
from bedrock_autoscaler.domain.target import (
    Loop,
    Mode,
    OptionKind,
    Quota,
    RateCombination,
    Target,
    UnitRate,
)
from bedrock_autoscaler.domain.units import MINUTE, significant, usd

_LEVEL_BOUND = 512
_TOKENS_AS_UNIT = UnitRate(
    input_tokens_per_minute=1000.0,
    output_tokens_per_minute=1000.0,
    combination=RateCombination.SUM,
    source="1,000 tokens per minute, for classifying while no unit rate is known",
)


def decide(situation: Situation) -> Decision:
    """The decision of the situation's loop."""
    if situation.loop is Loop.ROUTING:
        return decide_routing(situation)
    return decide_capacity(situation)


def decide_routing(situation: Situation) -> Decision:
    """Which routes to publish; buys and releases nothing."""
    target, fleet = situation.target, situation.fleet
    routes, reasons, memory = choose_routes(
        target, fleet, situation.observation, situation.memory, situation.scheduled_at
    )
    diagnosis = _diagnosis(situation)
    units = fleet.in_service_units
    return Decision(
        id=decision_id(target.name, situation.loop, situation.scheduled_at),
        target=target.name,
        loop=situation.loop,
        scheduled_at=situation.scheduled_at,
        mode=target.mode,
        settings_version=target.settings_version,
        classification=None,
        desired_units=units,
        allowed_units=units,
        actual_units=units,
        alternatives=(),
        expected_saving_usd_per_hour=0.0,
        actions=(),
        routes=routes,
        reasons=(
            *describe_change(situation.routes, routes),
            *reasons,
            diagnosis.reason,
            *_remarks(situation),
        ),
        numbers=(
            ("throttled_share", diagnosis.throttled_share),
            ("server_error_share", diagnosis.server_error_share),
        ),
        memory=replace(memory, decided_at=situation.scheduled_at),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What sizing wants: units to have after growth, and units worth keeping."""

    grow_to: int
    keep: int
    reasons: tuple[Reason, ...]


def decide_capacity(situation: Situation) -> Decision:
    """How many units to buy, release or restore, and the routes that go with it."""
    target, fleet, now = situation.target, situation.fleet, situation.scheduled_at
    demand = _demand(situation)
    economics = build_economics(target, _newest_week(situation))
    diagnosis = _diagnosis(situation)
    memory = _remember_errors(situation, diagnosis)
    break_even = economics.break_even if economics else None
    classification, memory = classify(
        demand,
        rules=target.thresholds.classifying,
        break_even=break_even,
        memory=memory,
    )
    blockers = missing_facts(target, situation.observation, now)
    plan = _plan(situation, demand, economics, memory)
    if plan is not None:
        memory = replace(memory, experts=plan.experts)
    wish = _wish(situation, plan, classification, diagnosis)
    held = _settled_units(situation)
    actions, reasons = _act(situation, demand, economics, wish, blockers, held, memory)
    routes, route_reasons, _ = choose_routes(target, fleet, situation.observation, memory, now)
    after = held + sum(_change(action) for action in actions)
    return Decision(
        id=decision_id(target.name, situation.loop, now),
        target=target.name,
        loop=situation.loop,
        scheduled_at=now,
        mode=target.mode,
        settings_version=target.settings_version,
        classification=classification,
        desired_units=wish.grow_to if wish.grow_to > held else min(wish.keep, held),
        allowed_units=after,
        actual_units=fleet.in_service_units,
        alternatives=plan.alternatives if plan else (),
        expected_saving_usd_per_hour=_saving(plan, target, held, after),
        actions=actions,
        routes=routes,
        reasons=(
            diagnosis.reason, *blockers, *wish.reasons, *reasons, *route_reasons,
            *_remarks(situation),
        ),
        numbers=_numbers(plan, economics, diagnosis, demand),
        memory=replace(memory, decided_at=now),
    )


# -- estimate ----------------------------------------------------------------------------------


def _demand(situation: Situation) -> Demand:
    """Demand in model units; in thousands of tokens a minute while the unit rate is unknown."""
    bought = situation.target.provisioned
    rate = bought.unit_rate if bought and bought.unit_rate else _TOKENS_AS_UNIT
    attempts = situation.target.thresholds.observing.attempts_per_call
    return estimate_demand(situation.observation.traffic, rate, attempts)


def _newest_week(situation: Situation) -> Traffic:
    traffic = situation.observation.traffic
    return traffic.since(traffic.end - 7 * 1440 * MINUTE)


def _diagnosis(situation: Situation) -> Diagnosis:
    gating = situation.target.thresholds.gating
    return diagnose(
        situation.observation.traffic,
        _first_quota(situation.target),
        max_error_share=gating.max_error_share,
    )


def _first_quota(target: Target) -> Quota | None:
    on_demand = [option for option in target.options if option.kind is OptionKind.ON_DEMAND]
    return on_demand[0].quota if on_demand else None


def _remember_errors(situation: Situation, diagnosis: Diagnosis) -> Memory:
    """Server errors above the bound block shrinking for a while longer."""
    gating = situation.target.thresholds.gating
    if diagnosis.server_error_share <= gating.max_error_share:
        return situation.memory
    until = situation.scheduled_at + gating.error_memory_minutes * MINUTE
    return replace(situation.memory, blocked_until=until)


# -- size --------------------------------------------------------------------------------------


def _plan(
    situation: Situation, demand: Demand, economics: Economics | None, memory: Memory
) -> SizePlan | None:
    """The size plan; None while a price, the unit rate or any history is missing."""
    if economics is None or not len(demand):
        return None
    thresholds = situation.target.thresholds
    sizing, settling = thresholds.sizing, thresholds.observing.settling_minutes
    known = demand.load[~np.isnan(demand.load)]
    if not known.size:
        return None
    forecasts = futures(
        demand,
        situation.scheduled_at,
        lead=sizing.lead_minutes,
        horizon=sizing.billing_minutes,
    )
    recent = demand.load[-sizing.decision_minutes :]
    return plan_size(
        forecasts,
        recent=recent[~np.isnan(recent)],
        records=memory.experts,
        economics=economics,
        sizing=sizing,
        held=_settled_units(situation),
        most=min(_LEVEL_BOUND, max(ceil(float(known.max())) + 1, 1)),
        settling=settling,
    )


def _wish(
    situation: Situation,
    plan: SizePlan | None,
    classification: Classification,
    diagnosis: Diagnosis,
) -> _Wish:
    """What sizing wants, after the verdict and the diagnosis had their say."""
    held = _settled_units(situation)
    if plan is None:
        return _Wish(grow_to=held, keep=held, reasons=())
    sizing = situation.target.thresholds.sizing
    if classification.verdict is Verdict.BURSTY and not sizing.bursty_may_hold_units:
        reason = Reason(
            code=ReasonCode.BURSTY_HOLDS_NONE,
            message=f"traffic is {classification.label}, and bursty targets hold no units "
            "(sizing.bursty_may_hold_units)",
        )
        return _Wish(grow_to=0, keep=0, reasons=(reason,))
    reasons = (_worth_reason(plan, situation, held),)
    if plan.grow_to > held and not diagnosis.allows_growth:
        return _Wish(grow_to=held, keep=max(plan.keep, held), reasons=reasons)
    return _Wish(grow_to=plan.grow_to, keep=plan.keep, reasons=reasons)


def _worth_reason(plan: SizePlan, situation: Situation, held: int) -> Reason:
    """The marginal argument in one sentence."""
    price = hourly_usd(1, situation.target)
    if plan.grow_to > held:
        worth = float(plan.worth[held : plan.grow_to].min())
        return Reason(
            code=ReasonCode.UNITS_PAY_OFF,
            message=f"units {held + 1} to {plan.grow_to} each avoid at least {worth:.2f} USD per "
            f"hour and cost {price:.2f}",
            numbers=(("worth_usd_per_hour", worth), ("price_usd_per_hour", price)),
        )
    if plan.keep < held:
        worth = float(plan.worth[plan.keep]) if plan.keep < len(plan.worth) else 0.0
        return Reason(
            code=ReasonCode.UNITS_DO_NOT_PAY,
            message=f"unit {plan.keep + 1} avoids {worth:.2f} USD per hour and costs {price:.2f}: "
            f"{plan.keep} of {held} units are worth keeping",
            numbers=(("worth_usd_per_hour", worth), ("price_usd_per_hour", price)),
        )
    worth = float(plan.worth[held]) if held < len(plan.worth) else 0.0
    return Reason(
        code=ReasonCode.AT_DESIRED_SIZE,
        message=f"{held} units are right: a further one avoids {worth:.2f} USD per hour and costs "
        f"{price:.2f}",
        numbers=(("worth_usd_per_hour", worth), ("price_usd_per_hour", price)),
    )


def _settled_units(situation: Situation) -> int:
    """Owned units that stay if nothing is done: in service or on their way, not draining."""
    fleet = situation.fleet
    return fleet.in_service_units + fleet.pending_units


# -- act ---------------------------------------------------------------------------------------


def _act(
    situation: Situation,
    demand: Demand,
    economics: Economics | None,
    wish: _Wish,
    blockers: Sequence[Reason],
    held: int,
    memory: Memory,
) -> tuple[tuple[Action, ...], tuple[Reason, ...]]:
    """The one action of this tick, if any, and why it is what it is."""
    rails = situation.target.guard_rails
    wanted = max(wish.grow_to, rails.min_units)
    if wanted > held:
        if wanted > wish.grow_to:
            floor = Reason(
                code=ReasonCode.MIN_UNITS,
                message=f"{held} units are held, min_units is {rails.min_units}",
            )
            actions, reasons = _grow(situation, wanted - held, blockers)
            return actions, (floor, *reasons)
        return _grow(situation, wanted - held, blockers)
    if wish.keep < held:
        return _shrink(situation, demand, economics, wish, held, memory)
    return (), ()


def _grow(
    situation: Situation, wanted: int, blockers: Sequence[Reason]
) -> tuple[tuple[Action, ...], tuple[Reason, ...]]:
    """Restore what is still paid for, else buy; blocked by any unknown fact."""
    restored = _restorable(situation, wanted)
    if restored is not None:
        reason = Reason(
            code=ReasonCode.RESTORE,
            message=f"{restored.arn} is draining but needed again: it goes back into the table",
        )
        return (Restore(arn=restored.arn, model_units=restored.model_units),), (reason,)
    if blockers:
        return (), ()
    target = situation.target
    unknown = purchase_facts(target, situation.observation)
    if unknown:
        return (), unknown
    growth = allow_growth(
        min(wanted, target.thresholds.sizing.max_units_per_purchase),
        target=target,
        fleet=situation.fleet,
        observation=situation.observation,
        now=situation.scheduled_at,
    )
    bought = target.provisioned
    if growth.units < 1 or bought is None or bought.price is None:
        return (), growth.reasons
    price = usd(bought.price.usd_per_hour * growth.units)
    purchase = Purchase(
        model_id=bought.model_id, model_units=growth.units, usd_per_hour=price
    )
    reason = Reason(
        code=ReasonCode.PURCHASE,
        message=f"buy {growth.units} of {wanted} wanted units of {bought.model_id} without "
        f"commitment for {price} USD per hour",
        numbers=(("units", float(growth.units)), ("usd_per_hour", float(price))),
    )
    return (purchase,), (*growth.reasons, reason)


def _restorable(situation: Situation, wanted: int) -> ProvisionedThroughput | None:
    """The largest draining PT of at most `wanted` units."""
    fits = [
        pt
        for pt in situation.fleet.owned
        if pt.draining and pt.status is Status.IN_SERVICE and pt.model_units <= wanted
    ]
    return max(fits, key=lambda pt: (pt.model_units, pt.arn), default=None)


def _shrink(
    situation: Situation,
    demand: Demand,
    economics: Economics | None,
    wish: _Wish,
    held: int,
    memory: Memory,
) -> tuple[tuple[Action, ...], tuple[Reason, ...]]:
    """Release at most one PT, and only on positive evidence."""
    target, fleet, now = situation.target, situation.fleet, situation.scheduled_at
    against = may_shrink(
        target, situation.observation, fleet, demand.load,
        now=now, blocked_until=memory.blocked_until,
    )
    against += shrink_pace(target, fleet, now)
    candidates, waiting = releasable(target, fleet, situation.observation, now)
    if against or not candidates:
        return (), (*against, *waiting)
    least = max(wish.keep, target.guard_rails.min_units)
    fits = [pt for pt in candidates if held - pt.model_units >= least]
    fits = [pt for pt in fits if _idle_lately(pt, demand, economics, held, situation)]
    chosen = max(fits, key=lambda pt: (pt.model_units, pt.arn), default=None)
    if chosen is None:
        return (), waiting
    reason = Reason(
        code=ReasonCode.RELEASE,
        message=f"release {chosen.arn} of {chosen.model_units} units at the end of its paid "
        f"period: {held - chosen.model_units} units remain",
        numbers=(("units", float(chosen.model_units)),),
    )
    return (Release(arn=chosen.arn, model_units=chosen.model_units),), (*waiting, reason)


def _idle_lately(
    pt: ProvisionedThroughput,
    demand: Demand,
    economics: Economics | None,
    held: int,
    situation: Situation,
) -> bool:
    """Whether these units did not earn their price over the newest hour that was observed.

    A forecast alone never shrinks the fleet.
    """
    if economics is None:
        return False
    recent = demand.load[-situation.target.thresholds.sizing.billing_minutes :]
    filled = np.where(np.isnan(recent), float(held), recent)
    worth = worth_of_units(filled, economics, held)
    return float(worth[held - pt.model_units :].sum()) < pt.model_units * economics.unit_usd


def _change(action: Action) -> int:
    match action:
        case Purchase() | Restore():
            return action.model_units
        case Release():
            return -action.model_units


# -- describe ----------------------------------------------------------------------------------


def _saving(plan: SizePlan | None, target: Target, held: int, after: int) -> float:
    """Expected USD per hour that the actions save against doing nothing."""
    if plan is None or after == held:
        return 0.0
    by_units: dict[int, Alternative] = {entry.units: entry for entry in plan.alternatives}
    if held not in by_units or after not in by_units:
        return 0.0
    hours = target.thresholds.sizing.billing_minutes / 60.0
    return (by_units[held].total_usd - by_units[after].total_usd) / hours


def _numbers(
    plan: SizePlan | None, economics: Economics | None, diagnosis: Diagnosis, demand: Demand
) -> tuple[tuple[str, float], ...]:
    found = [
        ("throttled_share", diagnosis.throttled_share),
        ("server_error_share", diagnosis.server_error_share),
        ("known_minutes", float(np.count_nonzero(~np.isnan(demand.load)))),
        ("demand_last_hour_units", _mean(demand.load[-60:])),
        ("demand_last_day_units", _mean(demand.load[-1440:])),
    ]
    if economics is not None and np.isfinite(economics.break_even):
        found.append(("break_even_utilization", economics.break_even))
    if plan is not None:
        found += [(f"weight_{name}", weight) for name, weight in plan.weights]
        found += [
            (f"worth_of_unit_{unit + 1}_usd_per_hour", float(worth))
            for unit, worth in enumerate(plan.worth[: len(plan.alternatives)])
        ]
    return tuple((name, significant(value, 12)) for name, value in found)


def _mean(series: Series) -> float:
    known = series[~np.isnan(series)]
    return float(known.mean()) if known.size else 0.0


def _remarks(situation: Situation) -> tuple[Reason, ...]:
    """What a reader must know beside the decision itself."""
    found = []
    if situation.target.mode is Mode.ADVISE:
        found.append(
            Reason(
                code=ReasonCode.ADVISE_MODE,
                message=f"target {situation.target.name} is in mode advise: nothing is carried out",
            )
        )
    foreign = [
        pt for pt in situation.fleet.throughputs if pt.ownership is Ownership.UNMANAGED
    ]
    if foreign:
        units = sum(pt.model_units for pt in foreign)
        found.append(
            Reason(
                code=ReasonCode.UNMANAGED_PT,
                message=f"{len(foreign)} provisioned throughputs with {units} units are not ours: "
                "counted against the caps, never released",
                numbers=(("units", float(units)),),
            )
        )
    if situation.target.uses_mantle:
        found.append(
            Reason(
                code=ReasonCode.MANTLE_UNSEEN,
                message="traffic through bedrock-mantle is not in AWS/Bedrock and not in this "
                "decision",
            )
        )
    return tuple(found)
