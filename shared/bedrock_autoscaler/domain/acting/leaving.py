"""Fewer units: at most one throughput is released, and only on positive evidence."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from bedrock_autoscaler.domain.acting.budget import over_budget
from bedrock_autoscaler.domain.acting.gate import (
    may_shrink,
    minutes_to_last_chance,
    releasable,
    shrink_pace,
)
from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.holding import hour_hold, shrink_holds, units_per_hour
from bedrock_autoscaler.domain.acting.succession import Succession, still_old
from bedrock_autoscaler.domain.acting.turns import Leaver, Pace, saved_by_waiting
from bedrock_autoscaler.domain.decision import Release, Situation
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput, minutes_left_paid
from bedrock_autoscaler.domain.forecasting.use import mean_use, one_set
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE

_OBSERVED_MINUTES = 5
"""A forecast alone releases nothing: units in full use over the newest minutes stay."""
_FULL_USE = 0.9
_SHARE_MINUTES = 60
"""For so long a Delete counts in the share that may leave within an hour."""
_OF_UNSEEN_DEMAND = frozenset({ReasonCode.MANTLE_UNSEEN, ReasonCode.REGION_UNSEEN})
"""What keeps a fleet from shrinking for good; a replaced throughput shrinks nothing."""


def shrink(
    situation: Situation,
    wish: Wish,
    grounds: Grounds,
    *,
    unpaid: Mapping[str, Reason],
    succession: Succession | None,
) -> Outcome:
    """Release at most one PT, and only on positive evidence.

    What the next period would put past a cap on spend leaves although it is worth keeping, unless
    one that nobody needs leaves now and makes room for it; and what was replaced although so many
    units are: as many remain.
    """
    target, fleet, now = situation.target, situation.fleet, situation.scheduled_at
    against = may_shrink(
        target,
        fleet,
        grounds.demand,
        diagnosis=grounds.diagnosis,
        blocked_until=grounds.blocked_until,
        now=now,
        regions=situation.observation.regions,
    )
    against += shrink_pace(target, fleet, now)
    against += shrink_holds(situation)
    candidates, waiting = releasable(target, fleet, situation.observation, now)
    replaced = tuple(pt for pt in candidates if succession and succession.is_replaced(pt))
    if replaced and any(reason.code in _OF_UNSEEN_DEMAND for reason in against):
        against = tuple(reason for reason in against if reason.code not in _OF_UNSEEN_DEMAND)
        candidates = replaced
    if against or grounds.blockers or grounds.economics is None or not candidates:
        return Outcome(action=None, reasons=(*against, *waiting))
    billing = target.thresholds.sizing.billing_minutes * MINUTE
    ordered = sorted(
        candidates,
        key=lambda pt: (pt not in replaced, -pt.model_units, pt.paid_until(now, billing), pt.arn),
    )
    leaving = partial(
        _first_to_leave, ordered, situation, wish, demand=grounds.demand, succession=succession
    )
    idle = leaving({})[0] if unpaid else None
    if idle is not None:
        unpaid = _unpaid_without(idle, situation)
    pt, reasons = leaving(unpaid)
    if pt is None:
        return Outcome(action=None, reasons=(*waiting, *reasons))
    released = _released(pt, fleet.in_service_units - pt.model_units)
    return Outcome(
        action=Release(arn=pt.arn, model_units=pt.model_units),
        reasons=(*waiting, *reasons, released),
    )


def _first_to_leave(
    candidates: Iterable[ProvisionedThroughput],
    situation: Situation,
    wish: Wish,
    unpaid: Mapping[str, Reason],
    *,
    demand: Demand,
    succession: Succession | None,
) -> tuple[ProvisionedThroughput | None, tuple[Reason, ...]]:
    """The first of the candidates that may leave, and why not those before it."""
    reasons = []
    for pt in candidates:
        objection = _objection(
            pt, situation, wish, demand=demand, unpaid=unpaid, succession=succession
        )
        if objection is not None:
            reasons.append(objection)
            continue
        held = hour_hold(pt, situation)
        if held is not None:
            # A smaller one that fits would hold it back for another hour.
            return None, (*reasons, held)
        if pt.arn in unpaid:
            reasons.append(unpaid[pt.arn])
        return pt, tuple(reasons)
    return None, tuple(reasons)


def _unpaid_without(pt: ProvisionedThroughput, situation: Situation) -> Mapping[str, Reason]:
    """What no cap pays for once this one is gone; the others need not leave for that."""
    fleet = situation.fleet
    rest = replace(fleet, throughputs=tuple(one for one in fleet.throughputs if one != pt))
    return over_budget(situation.target, rest, situation.scheduled_at)


def _objection(
    pt: ProvisionedThroughput,
    situation: Situation,
    wish: Wish,
    *,
    demand: Demand,
    unpaid: Container[str],
    succession: Succession | None,
) -> Reason | None:
    """Why the PT stays though its paid period ends; None when it may leave."""
    objection = _below_least(pt, situation)
    if objection is None and not _is_surplus(pt, unpaid, succession):
        objection = _needed(pt, situation, wish, demand=demand, succession=succession)
    if objection is None and pt.arn not in unpaid:
        objection = _after_larger(pt, situation, wish, demand=demand, succession=succession)
    return objection


def _is_surplus(
    pt: ProvisionedThroughput, unpaid: Container[str], succession: Succession | None
) -> bool:
    """Whether it leaves however much it is worth: no cap pays for it, or it was replaced."""
    return pt.arn in unpaid or (succession is not None and succession.is_replaced(pt))


def _needed(
    pt: ProvisionedThroughput,
    situation: Situation,
    wish: Wish,
    *,
    demand: Demand,
    succession: Succession | None,
) -> Reason | None:
    """Why the PT is not to leave; None when nobody needs it."""
    serving = situation.fleet.in_service_units
    if succession is not None and succession.old:
        if pt not in succession.old:
            return still_old(pt, succession)
        serving = succession.called_units
    return _worth_keeping(pt, serving, wish) or _in_use(pt, situation, serving, demand)


def _after_larger(
    pt: ProvisionedThroughput,
    situation: Situation,
    wish: Wish,
    *,
    demand: Demand,
    succession: Succession | None,
) -> Reason | None:
    """Whether what may still leave in this day or hour is wanted for larger ones.

    One that is left over when the day's releases are used up is paid for until tomorrow; a large
    one that several small ones precede in their hours is paid for in each of them. One that a cap
    pays for once this one is gone need not leave.
    """
    fleet, rails = situation.fleet, situation.target.guard_rails
    unpaid = _unpaid_without(pt, situation)
    left = rails.max_releases_per_day - fleet.releases_last_day
    seen = {evidence.arn for evidence in situation.observation.provisioned if evidence.seen}
    serving, others = fleet.in_service_units, fleet.owned
    if succession is not None and succession.old:
        serving, others = succession.called_units, succession.old
    if _is_surplus(pt, (), succession):
        # It leaves though demand is unseen, which holds all others for good.
        others = tuple(other for other in others if _is_surplus(other, (), succession))
    larger = [
        other
        for other in others
        if other.model_units > pt.model_units
        and other.is_routable
        and other.commitment is Commitment.NONE
        and other.arn in seen
        and _below_least(other, situation) is None
        and (_is_surplus(other, unpaid, succession) or not wish.keeps(serving, other.model_units))
    ]
    if len(larger) < left:
        leaving = [
            other
            for other in larger
            if _is_surplus(other, unpaid, succession)
            or _in_use(other, situation, serving, demand) is None
        ]
        return _before_its_hour(pt, leaving, situation)
    return Reason(
        code=ReasonCode.RELEASES_FOR_LARGER,
        message=f"{left} more releases are allowed today, and {len(larger)} throughputs larger "
        f"than {pt.arn} are not to stay either: they leave first",
        numbers=(("releases_left", float(left)), ("larger", float(len(larger)))),
    )


def _before_its_hour(
    pt: ProvisionedThroughput, larger: Sequence[ProvisionedThroughput], situation: Situation
) -> Reason | None:
    """Whether all are paid for longer if this one goes now and holds back larger ones."""
    held_back = [
        other for other in larger if hour_hold(other, situation, before=pt.model_units) is not None
    ]
    if not held_back:
        return None
    pace = Pace(
        units=units_per_hour(situation),
        minutes=_SHARE_MINUTES,
        period=situation.target.thresholds.sizing.billing_minutes,
    )
    others = [_leaver(other, situation) for other in larger]
    saved = saved_by_waiting(_leaver(pt, situation), others, pace)
    if saved <= 0:
        return None
    other = max(held_back, key=lambda one: (one.model_units, one.arn))
    return Reason(
        code=ReasonCode.RELEASES_FOR_LARGER,
        message=f"{other.arn} of {other.model_units} units is not to stay either, and could not "
        f"leave within an hour of {pt.arn}: that one waits, which saves {saved / 60:.1f} "
        "unit-hours",
        numbers=(
            ("larger_units", float(other.model_units)),
            ("saved_unit_hours", saved / 60),
        ),
    )


def _leaver(pt: ProvisionedThroughput, situation: Situation) -> Leaver:
    """When it could go, and when it would be gone."""
    target, now = situation.target, situation.scheduled_at
    billing = target.thresholds.sizing.billing_minutes
    chance = minutes_to_last_chance(pt, target, now)
    notice = (minutes_left_paid(pt, now, billing * MINUTE) - chance) % billing
    return Leaver(units=pt.model_units, chance=chance, notice=notice)


def _below_least(pt: ProvisionedThroughput, situation: Situation) -> Reason | None:
    """Whether too few units would serve without this PT; those on their way serve nobody yet."""
    left = situation.fleet.in_service_units - pt.model_units
    least = situation.target.guard_rails.min_units
    return min_units_reason(left, least) if left < least else None


def _worth_keeping(pt: ProvisionedThroughput, serving: int, wish: Wish) -> Reason | None:
    """Whether as many units as this PT has are together worth their next paid period.

    They are the last ones in service, whichever PT serves them; units on their way serve nobody
    yet.
    """
    if not wish.keeps(serving, pt.model_units):
        return None
    return Reason(
        code=ReasonCode.WORTH_KEEPING,
        message=f"the last {pt.model_units} of {serving} units in service, as many as {pt.arn} "
        "has, are together worth keeping",
        numbers=(("units", float(pt.model_units)), ("worth_keeping", float(wish.keep))),
    )


def _in_use(
    pt: ProvisionedThroughput, situation: Situation, serving: int, demand: Demand
) -> Reason | None:
    """Whether the last of the serving units were in full use until now; a person need not care."""
    if situation.target.controls.units_at(situation.scheduled_at) is not None:
        return None
    used = _recent_use(demand, serving)[serving - pt.model_units :].mean()
    if used < _FULL_USE:
        return None
    return Reason(
        code=ReasonCode.BUSY_LATELY,
        message=f"{used:.0%} of {pt.arn} would have been used in the newest {_OBSERVED_MINUTES} "
        "minutes: a forecast alone releases nothing",
        numbers=(("used", float(used)), ("full_use", _FULL_USE)),
    )


def busy_units(demand: Demand, serving: int) -> int:
    """How many of the serving units were in full use until now, counted from the first one up."""
    return int(np.count_nonzero(_recent_use(demand, serving) >= _FULL_USE))


def _recent_use(demand: Demand, serving: int) -> Series:
    """The share of each unit in use over the newest minutes; one that was not read is full."""
    recent = np.nan_to_num(demand.load[-_OBSERVED_MINUTES:], nan=serving)
    use: Series = mean_use(one_set(recent), serving)[0]
    return use


def _released(pt: ProvisionedThroughput, left: int) -> Reason:
    return Reason(
        code=ReasonCode.RELEASE,
        message=f"release {pt.arn} of {pt.model_units} units at the end of its paid period: "
        f"{left} units remain in service",
        numbers=(("units", float(pt.model_units)),),
    )


def min_units_reason(units: int, least: int) -> Reason:
    """That fewer units than `min_units` would be held."""
    return Reason(
        code=ReasonCode.MIN_UNITS,
        message=f"{units} units would be held, min_units is {least}",
        numbers=(("units", float(units)), ("min_units", float(least))),
    )
