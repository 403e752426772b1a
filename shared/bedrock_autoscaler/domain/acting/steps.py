"""From a wish to at most one action: restore or buy, or release one provisioned throughput."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.acting.budget import over_budget
from bedrock_autoscaler.domain.acting.gate import may_shrink, releasable, shrink_pace
from bedrock_autoscaler.domain.acting.growth import allow_growth
from bedrock_autoscaler.domain.acting.holding import shrink_holds
from bedrock_autoscaler.domain.decision import (
    Action,
    Purchase,
    Reason,
    ReasonCode,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.economics.facts import purchase_facts
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput, Status
from bedrock_autoscaler.domain.forecasting.use import mean_use, one_set
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis
from bedrock_autoscaler.domain.units import MINUTE, usd

_OBSERVED_MINUTES = 5
"""A forecast alone releases nothing: units in full use over the newest minutes stay."""
_FULL_USE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grounds:
    """What an action rests on besides the situation.

    Attributes:
        blockers: unknown and stale facts; any of them forbids a decision on money.
        blocked_until: server errors block releases until then.
    """

    demand: Demand
    economics: Economics | None
    diagnosis: Diagnosis
    blockers: tuple[Reason, ...]
    blocked_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """At most one action, and why it is what it is."""

    action: Action | None
    reasons: tuple[Reason, ...]


def act(situation: Situation, wish: Wish, grounds: Grounds) -> Outcome:
    """The one action of this tick, if any."""
    held, least = situation.fleet.staying_units, situation.target.guard_rails.min_units
    wanted = max(wish.grow_to, least)
    reasons: tuple[Reason, ...] = ()
    if wanted > held:
        grown = _grow(situation, wanted - held, grounds)
        if least > max(wish.grow_to, held):
            reasons = (_min_units(held, least),)
        reasons += grown.reasons
        if grown.action is not None:
            return Outcome(action=grown.action, reasons=reasons)
    unpaid = over_budget(situation.target, situation.fleet, situation.scheduled_at)
    if wish.keep < held or unpaid:
        shrunk = _shrink(situation, wish, grounds, unpaid)
        return Outcome(action=shrunk.action, reasons=(*reasons, *shrunk.reasons))
    return Outcome(action=None, reasons=reasons)


def _grow(situation: Situation, wanted: int, grounds: Grounds) -> Outcome:
    """Restore what is still paid for, else buy; blocked by any unknown fact."""
    restored = _restorable(situation, wanted)
    if restored is not None:
        reason = Reason(
            code=ReasonCode.RESTORE,
            message=f"{restored.arn} is draining but needed again: it goes back into the table",
        )
        action = Restore(arn=restored.arn, model_units=restored.model_units)
        return Outcome(action=action, reasons=(reason,))
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
        f"commitment for {price} USD per hour",
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


def _shrink(
    situation: Situation, wish: Wish, grounds: Grounds, unpaid: dict[str, Reason]
) -> Outcome:
    """Release at most one PT, and only on positive evidence.

    What the next period would put past a cap on spend leaves although it is worth keeping.
    """
    target, fleet, now = situation.target, situation.fleet, situation.scheduled_at
    against = may_shrink(
        target,
        fleet,
        grounds.demand,
        diagnosis=grounds.diagnosis,
        blocked_until=grounds.blocked_until,
        now=now,
    )
    against += shrink_pace(target, fleet, now)
    against += shrink_holds(situation)
    candidates, waiting = releasable(target, fleet, situation.observation, now)
    economics = grounds.economics
    if against or grounds.blockers or economics is None or not candidates:
        return Outcome(action=None, reasons=(*against, *waiting))
    reasons = list(waiting)
    billing = target.thresholds.sizing.billing_minutes * MINUTE
    for pt in sorted(
        candidates, key=lambda pt: (-pt.model_units, pt.paid_until(now, billing), pt.arn)
    ):
        is_unpaid = pt.arn in unpaid
        objection = _below_least(pt, situation)
        if objection is None and not is_unpaid:
            objection = _worth_keeping(pt, situation, wish)
        if objection is None and not is_unpaid and target.controls.units_at(now) is None:
            objection = _busy(pt, situation, grounds.demand)
        if objection is not None:
            reasons.append(objection)
            continue
        if pt.arn in unpaid:
            reasons.append(unpaid[pt.arn])
        reasons.append(_released(pt, fleet.in_service_units - pt.model_units))
        release = Release(arn=pt.arn, model_units=pt.model_units)
        return Outcome(action=release, reasons=tuple(reasons))
    return Outcome(action=None, reasons=tuple(reasons))


def _below_least(pt: ProvisionedThroughput, situation: Situation) -> Reason | None:
    """Whether too few units would serve without this PT; those on their way serve nobody yet."""
    left = situation.fleet.in_service_units - pt.model_units
    least = situation.target.guard_rails.min_units
    return _min_units(left, least) if left < least else None


def _worth_keeping(pt: ProvisionedThroughput, situation: Situation, wish: Wish) -> Reason | None:
    """Whether as many units as this PT has are together worth their next paid period.

    They are the last ones in service, whichever PT serves them; units on their way serve nobody
    yet.
    """
    serving = situation.fleet.in_service_units
    if not wish.keeps(serving, pt.model_units):
        return None
    return Reason(
        code=ReasonCode.WORTH_KEEPING,
        message=f"the last {pt.model_units} of {serving} units in service, as many as {pt.arn} "
        "has, are together worth keeping",
        numbers=(("units", float(pt.model_units)), ("worth_keeping", float(wish.keep))),
    )


def _busy(pt: ProvisionedThroughput, situation: Situation, demand: Demand) -> Reason | None:
    """Whether the last of the serving units were in full use until now.

    A minute that was not read counts as full use.
    """
    serving = situation.fleet.in_service_units
    recent = np.nan_to_num(demand.load[-_OBSERVED_MINUTES:], nan=serving)
    used = mean_use(one_set(recent), serving)[0, serving - pt.model_units :].mean()
    if used < _FULL_USE:
        return None
    return Reason(
        code=ReasonCode.BUSY_LATELY,
        message=f"{used:.0%} of {pt.arn} would have been used in the newest {_OBSERVED_MINUTES} "
        "minutes: a forecast alone releases nothing",
        numbers=(("used", float(used)), ("full_use", _FULL_USE)),
    )


def _released(pt: ProvisionedThroughput, left: int) -> Reason:
    return Reason(
        code=ReasonCode.RELEASE,
        message=f"release {pt.arn} of {pt.model_units} units at the end of its paid period: "
        f"{left} units remain in service",
        numbers=(("units", float(pt.model_units)),),
    )


def _min_units(units: int, least: int) -> Reason:
    return Reason(
        code=ReasonCode.MIN_UNITS,
        message=f"{units} units would be held, min_units is {least}",
        numbers=(("units", float(units)), ("min_units", float(least))),
    )


def change(actions: Sequence[Action]) -> int:
    """Units that these actions add, less those that they take away."""
    return sum(
        -action.model_units if isinstance(action, Release) else action.model_units
        for action in actions
    )
