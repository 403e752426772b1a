"""By how much the worth of a unit must clear its price, given the money and the changes left.

Source: docs/model.md, sections "Gate" and "Loss budget".
"""

from dataclasses import dataclass
from datetime import datetime

from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.fleet.holdings import Fleet, minutes_left_paid
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.thresholds import Sizing

_RELEASES_IN_RESERVE = 2
_PURCHASES_IN_RESERVE = 6
_MOST_SHORT = 50
"""Releases short that count; with the largest factor nothing is worth a purchase by far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Multiples of a unit's price.

    Attributes:
        first: the worth that the first further unit must reach for anything to be bought.
        grow: the worth up to which units are then bought with it.
        purchase: what all of them must together be worth above `grow`, where throttling alone
            justifies the first.
        keep: the worth below which units are released at the end of their paid period.
        is_spent: whether units may lose no more, by all that they saved or by what they saved
            lately: then nothing that is not worth keeping stays for a few busy minutes.
    """

    first: float
    grow: float
    keep: float
    purchase: float = 0.0
    is_spent: bool = False
    reasons: tuple[Reason, ...] = ()


def margins_of(
    target: Target,
    fleet: Fleet,
    balance: Balance,
    *,
    economics: Economics,
    now: datetime,
    is_cost_known: bool = True,
) -> Margins:
    """The settings' margins, raised by losses and by changes that run short.

    Each purchase will need a release later: where those of a day run short, the first unit must
    be worth more, and a unit is released only when it is clearly idle. Where purchases do, one that
    throttling alone justifies must be worth more, and then has units for later demand too.

    Args:
        target: its settings.
        fleet: what it holds, and what changed lately.
        balance: what its units saved and lost.
        economics: prices.
        now: the moment of the decision.
        is_cost_known: whether the balance knows all that the traffic on record has cost; otherwise
            it releases nothing.
    """
    sizing, rails = target.thresholds.sizing, target.guard_rails
    unit_usd = economics.unit_usd
    left = releases_left(target, fleet)
    short = min(max(_RELEASES_IN_RESERVE - left, 0), _MOST_SHORT)
    scarce = sizing.scarcity_factor**short
    used_up = min(fleet.releases_last_day / max(rails.max_releases_per_day, 1), 1.0)
    allowed = balance.allowed_loss_usd(unit_usd, sizing)
    at_risk = at_risk_usd(fleet, unit_usd, sizing, now)
    sure = balance.saved_usd - at_risk
    is_losing = sure < -allowed
    is_losing_lately = balance.day_spare_usd(unit_usd, sizing) < at_risk
    raised = sizing.loss_factor if is_losing else 1.0
    keep = sizing.keep_margin * (raised if is_cost_known else 1.0)
    return Margins(
        first=sizing.grow_margin * raised * scarce,
        grow=sizing.grow_margin * raised,
        keep=max(keep - sizing.patience * used_up, 0.0),
        purchase=_purchase_worth(target, fleet, economics),
        is_spent=is_cost_known and (is_losing or is_losing_lately),
        reasons=(_losing(sure, allowed, raised),) if is_losing else (),
    )


def _purchase_worth(target: Target, fleet: Fleet, economics: Economics) -> float:
    """What a purchase is worth in unit prices as the last ones of the day are made."""
    if target.slo.assure_throttled_share is not None or economics.unit_usd <= 0:
        # A promise on throttling says itself which units it needs.
        return 0.0
    most = target.guard_rails.max_purchases_per_day
    left, reserve = most - fleet.purchases_last_day, min(_PURCHASES_IN_RESERVE, most)
    short = min(max(1.0 - left / max(reserve, 1), 0.0), 1.0)
    at_stake = max(economics.throttle_usd / economics.unit_usd - 1.0, 0.0)
    return target.thresholds.sizing.purchase_worth * short * at_stake


def releases_left(target: Target, fleet: Fleet) -> int:
    """Releases of the day that neither happened nor are needed for what is held."""
    held = sum(not pt.draining and pt.commitment is Commitment.NONE for pt in fleet.owned)
    return target.guard_rails.max_releases_per_day - fleet.releases_last_day - held


def at_risk_usd(fleet: Fleet, unit_usd: float, sizing: Sizing, now: datetime) -> float:
    """What is paid for already and has yet to earn its price: the rest of each running period."""
    billing = sizing.billing_period
    minutes = sum(
        pt.model_units * min(minutes_left_paid(pt, now, billing), sizing.billing_minutes)
        for pt in fleet.owned
        if pt.commitment is Commitment.NONE
    )
    return minutes / 60.0 * unit_usd


def _losing(sure: float, allowed: float, raised: float) -> Reason:
    return Reason(
        code=ReasonCode.LOSS_BUDGET_USED,
        message=f"units lately cost {-sure:,.2f} USD more than they saved, counting what they have "
        f"yet to earn; the budget for losses is {allowed:,.2f}: units must be worth {raised:.2f} "
        "times as much as usual",
        numbers=(("lost_usd", -sure), ("allowed_usd", allowed), ("factor", raised)),
    )
