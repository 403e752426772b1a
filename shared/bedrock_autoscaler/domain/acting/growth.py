"""How many units may be bought: pace first, the guard rails last, each with its reason.

Source: docs/model.md, sections "Gate" and "Spend".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.acting.budget import cap_code
from bedrock_autoscaler.domain.acting.holding import growth_hold, is_cooling, stack_bounds
from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.fleet.spend_caps import spend_caps
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.table import MOST_BYTES, throughput_room
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import Observation
from bedrock_autoscaler.domain.units import count_text, in_a_day, units_text, whole_minutes

_NO_BOUND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How many units may be bought now, and why not more."""

    units: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """One guard rail: how many units still fit under it, and what it says."""

    code: ReasonCode
    room: int
    message: str


def allow_growth(
    wanted: int,
    *,
    target: Target,
    fleet: Fleet,
    observation: Observation,
    now: datetime,
    each: Decimal | None = None,
) -> Growth:
    """How many of `wanted` further units pace and guard rails let through.

    Args:
        wanted: units.
        target: whose guard rails they are.
        fleet: what is held.
        observation: quotas and what is used of them.
        now: the present moment.
        each: USD per hour of one of them; None: the price without commitment.
    """
    stop = growth_hold(target, fleet, now) or _pace(target, fleet, now)
    if stop is not None:
        return Growth(units=0, reasons=(stop,))
    bounds = (*_unit_bounds(target, fleet, observation), *_spend_bounds(target, fleet, each))
    allowed = min([wanted, *(max(bound.room, 0) for bound in bounds)])
    reasons = tuple(
        Reason(
            code=bound.code,
            message=bound.message,
            numbers=(("wanted_units", float(wanted)), ("room_units", float(bound.room))),
        )
        for bound in bounds
        if bound.room < wanted
    )
    return Growth(units=allowed, reasons=reasons)


def _pace(target: Target, fleet: Fleet, now: datetime) -> Reason | None:
    """What forbids any purchase for now."""
    if fleet.open_purchase_units:
        return Reason(
            code=ReasonCode.PURCHASE_OPEN,
            message=f"a purchase of {units_text(fleet.open_purchase_units)} has no answer yet",
        )
    if fleet.failed:
        return Reason(
            code=ReasonCode.PT_FAILED,
            message=f"{', '.join(pt.arn for pt in fleet.failed)} failed to come into service; "
            "nothing is bought while it exists",
        )
    if throughput_room(target.options, len(fleet.serving)) < 1:
        return Reason(
            code=ReasonCode.TABLE_FULL,
            message=f"callers' table has no room for one more throughput beside "
            f"{count_text(len(fleet.serving), 'throughput')} and "
            f"{count_text(len(target.options), 'option')}: it may have {MOST_BYTES:,} bytes",
        )
    allowed = target.guard_rails.max_purchases_per_day
    if fleet.purchases_last_day >= allowed:
        return Reason(
            code=ReasonCode.PURCHASES_PER_DAY,
            message=in_a_day(fleet.purchases_last_day, allowed, "purchase"),
        )
    cooldown = target.thresholds.gating.grow_cooldown_minutes
    # A release holds growth only where a cooldown is asked for.
    released_at = fleet.last_release_at if cooldown else None
    changes = [at for at in (fleet.last_grow_at, released_at) if at is not None]
    if is_cooling(changes, cooldown, now):
        passed = max(whole_minutes(now - max(changes)), 0)
        return Reason(
            code=ReasonCode.GROW_COOLDOWN,
            message=f"the last change is {count_text(passed, 'minute')} old, the cooldown is "
            f"{cooldown}",
        )
    return None


def _unit_bounds(target: Target, fleet: Fleet, observation: Observation) -> Iterable[_Bound]:
    """Bounds on the number of units."""
    most = target.guard_rails.max_units
    yield _Bound(
        code=ReasonCode.MAX_UNITS,
        room=most - fleet.held_units,
        message=f"held: {units_text(fleet.held_units)}, max_units is {most}",
    )
    quota, used = observation.model_unit_quota, observation.model_units_used
    if quota is not None and used is not None:
        yield _Bound(
            code=ReasonCode.MODEL_UNIT_QUOTA,
            room=quota - used,
            message=f"{used} of {quota} model units of the account's quota are used",
        )


def _spend_bounds(target: Target, fleet: Fleet, each: Decimal | None) -> Iterable[_Bound]:
    """Bounds on money: the price of the whole fleet, and what the day and the month may cost.

    A unit held counts at the price without commitment, under a term as well. Each will at least
    start its next period before it can leave, so that period counts as spent.
    """
    rails = target.guard_rails
    if target.provisioned is None or target.provisioned.price is None:
        yield _Bound(code=ReasonCode.PRICE_UNKNOWN, room=0, message="no unit price is known")
        return
    price = target.provisioned.price.usd_per_hour
    each = price if each is None else each
    hourly = fleet.held_units * price
    yield _Bound(
        code=ReasonCode.MAX_USD_PER_HOUR,
        room=_fitting(rails.max_usd_per_hour - hourly, each),
        message=f"the fleet costs {hourly} USD per hour, max_usd_per_hour is "
        f"{rails.max_usd_per_hour}",
    )
    for code, fitting, message in stack_bounds(
        fleet.stack, each, target.thresholds.sizing.billing_minutes
    ):
        yield _Bound(code=code, room=int(fitting), message=message)
    minutes = target.thresholds.sizing.billing_minutes
    period = period_usd(each, minutes)
    coming = fleet.held_units * period_usd(price, minutes)
    for cap in spend_caps(rails, fleet.spend):
        yield _Bound(
            code=cap_code(cap),
            room=_fitting(cap.usd - cap.booked - coming, period),
            message=f"{cap.booked} USD are booked this {cap.span}, {units_text(fleet.held_units)} "
            f"held will add {coming} with the next period, {cap.setting} is {cap.usd}",
        )


def _fitting(left: Decimal, price: Decimal) -> int:
    """Units of this price that what is left of a cap pays for; many where there is no cap."""
    return int(left // price) if left.is_finite() else _NO_BOUND
