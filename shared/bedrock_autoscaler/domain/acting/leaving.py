"""Fewer units: at most one throughput is released, and only on positive evidence."""

from collections.abc import Container, Iterable, Mapping
from functools import partial

from bedrock_autoscaler.domain.acting.gate import may_shrink, releasable, shrink_pace
from bedrock_autoscaler.domain.acting.giving_way import after_larger, unpaid_without
from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.holding import hour_hold, shrink_holds
from bedrock_autoscaler.domain.acting.staying import below_least, is_surplus, needed
from bedrock_autoscaler.domain.acting.succession import Succession
from bedrock_autoscaler.domain.decision import Release, Situation
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.units import units_text

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
        unread=len(situation.observation.unread),
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
    billing = target.thresholds.sizing.billing_period
    ordered = sorted(
        candidates,
        key=lambda pt: (pt not in replaced, -pt.model_units, pt.paid_until(now, billing), pt.arn),
    )
    leaving = partial(
        _first_to_leave, ordered, situation, wish, grounds=grounds, succession=succession
    )
    idle = leaving({})[0] if unpaid else None
    if idle is not None:
        unpaid = unpaid_without(idle, situation)
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
    grounds: Grounds,
    succession: Succession | None,
) -> tuple[ProvisionedThroughput | None, tuple[Reason, ...]]:
    """The first of the candidates that may leave, and why not those before it."""
    reasons = []
    for pt in candidates:
        objection = _objection(
            pt, situation, wish, grounds=grounds, unpaid=unpaid, succession=succession
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


def _objection(
    pt: ProvisionedThroughput,
    situation: Situation,
    wish: Wish,
    *,
    grounds: Grounds,
    unpaid: Container[str],
    succession: Succession | None,
) -> Reason | None:
    """Why the PT stays though its paid period ends; None when it may leave."""
    objection = below_least(pt, situation)
    if objection is None and not is_surplus(pt, unpaid, succession):
        objection = needed(pt, situation, wish, grounds=grounds, succession=succession)
    if objection is None and pt.arn not in unpaid:
        objection = after_larger(pt, situation, wish, grounds=grounds, succession=succession)
    return objection


def _released(pt: ProvisionedThroughput, left: int) -> Reason:
    return Reason(
        code=ReasonCode.RELEASE,
        message=f"release {pt.arn} of {units_text(pt.model_units)} at the end of its paid period: "
        f"in service remain {units_text(left)}",
        numbers=(("units", float(pt.model_units)),),
    )
