"""How many further units may be bought with what may be lost.

A burst looks like lasting demand while it is under way, and units bought for it outlive it. So each
further unit risks its price until it can leave, and all together risk no more than what units have
saved and the budget for losses. Source: docs/model.md, section "Loss budget".
"""

from collections.abc import Sequence
from datetime import datetime

from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.sizing.margins import at_risk_usd, releases_left
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.units import HOUR

_DAY_HOURS = 24.0


def affordable(
    wanted: int,
    target: Target,
    fleet: Fleet,
    balance: Balance,
    *,
    unit_usd: float,
    now: datetime,
) -> tuple[int, tuple[Reason, ...]]:
    """How many of `wanted` further units may be risked, and why not more.

    A further unit risks its price until it can leave: some billing periods, or a day where no
    release of the day is left for it. What may be risked is what units have saved, plus the budget
    for losses, less two things: what is paid for and not earned yet, and what younger purchases
    already risk. A risk of less than a day must also fit what was saved lately; a whole day is not
    held against that, since a few lucky or unlucky hours say little about it.
    """
    if unit_usd <= 0:
        return wanted, ()
    sizing = target.thresholds.sizing
    can_leave = releases_left(target, fleet) > 0
    standing = [pt for pt in fleet.owned if _is_in_the_way(pt)]
    hours = _hours_to_leave(target, len(standing)) if can_leave else _DAY_HOURS
    risk_usd = unit_usd * hours
    spare = balance.spare_usd(unit_usd, sizing)
    if can_leave:
        spare = min(spare, balance.day_spare_usd(unit_usd, sizing))
    spare -= at_risk_usd(fleet, unit_usd, sizing, now)
    spare -= unit_usd * _young_unit_hours(standing, target, fleet, now)
    room = max(int(spare / risk_usd), 0)
    if room >= wanted:
        return wanted, ()
    because = "" if can_leave else "no release of the day is left for a further purchase: "
    reason = Reason(
        code=ReasonCode.LOSS_BUDGET_USED if can_leave else ReasonCode.RELEASES_SHORT,
        message=f"{because}each further unit risks {risk_usd:,.2f} USD before it can leave, and "
        f"{max(spare, 0.0):,.2f} may be lost: {room} of {wanted} further units",
        numbers=(("may_be_lost_usd", spare), ("units", float(room))),
    )
    return room, (reason,)


def _is_in_the_way(pt: ProvisionedThroughput) -> bool:
    """Whether a throughput takes a turn in leaving."""
    return not pt.draining and pt.status is not Status.FAILED and pt.commitment is Commitment.NONE


def _hours_to_leave(target: Target, held: int) -> float:
    """Hours for which a unit bought beside so many throughputs is paid if all demand ends.

    One throughput leaves in each period, and in an hour at least, or the share of the units that
    may leave within an hour; then it leaves at the end of its own.
    """
    before = min(float(held), 1.0 / target.guard_rails.max_release_share_per_hour - 1.0)
    period = target.thresholds.sizing.billing_minutes / 60.0
    return before * max(period, 1.0) + period


def _young_unit_hours(
    standing: Sequence[ProvisionedThroughput], target: Target, fleet: Fleet, now: datetime
) -> float:
    """Unit-hours that units in their first period still risk, after that period.

    They were counted when these units were bought. If they did not count now, the next decision
    could risk the same money again.
    """
    billing = target.thresholds.sizing.billing_period
    period = billing / HOUR
    allowed = target.guard_rails.max_releases_per_day - fleet.releases_last_day
    return sum(
        pt.model_units
        * ((_hours_to_leave(target, before) if before < allowed else _DAY_HOURS) - period)
        for before, pt in enumerate(sorted(standing, key=lambda pt: (pt.created_at, pt.arn)))
        if now - pt.created_at < billing
    )
