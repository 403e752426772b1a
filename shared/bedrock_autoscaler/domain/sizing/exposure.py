"""How many units may be bought that could not leave again on the same day.

A burst looks like lasting demand while it is under way, and a unit for which no release of the day
is left outlives it by hours. Such units are bought only with what may be lost. Source:
docs/model.md, section "Loss budget".
"""

from datetime import datetime

from bedrock_autoscaler.domain.decision import Reason, ReasonCode
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.sizing.margins import at_risk_usd, releases_left
from bedrock_autoscaler.domain.target import Target

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

    All of them while a release is left for the purchase. Otherwise each risks the price of a day,
    and all together at most what units have saved so far and the budget for losses, less what is
    paid for and not earned yet.
    """
    left = releases_left(target, fleet)
    if left > 0 or unit_usd <= 0:
        return wanted, ()
    sizing = target.thresholds.sizing
    spare = balance.saved_usd + balance.allowed_loss_usd(unit_usd, sizing)
    spare -= at_risk_usd(fleet, unit_usd, sizing, now)
    room = max(int(spare / (unit_usd * _DAY_HOURS)), 0)
    if room >= wanted:
        return wanted, ()
    reason = Reason(
        code=ReasonCode.RELEASES_SHORT,
        message=f"no release of the day is left for a further purchase, so that each unit risks "
        f"{unit_usd * _DAY_HOURS:,.2f} USD, and {max(spare, 0.0):,.2f} may be lost: {room} of "
        f"{wanted} further units",
        numbers=(("may_be_lost_usd", spare), ("units", float(room))),
    )
    return room, (reason,)
