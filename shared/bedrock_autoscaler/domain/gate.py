"""From a wanted size to allowed actions: what blocks, what trims, and each reason for it.

The order is fixed: facts that must be known, then observation, then pace, and the guard rails
last. Whatever changes the answer leaves a reason.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bedrock_autoscaler.domain.decision import Reason, ReasonCode
from bedrock_autoscaler.domain.demand import completeness
from bedrock_autoscaler.domain.economics import is_stale
from bedrock_autoscaler.domain.fleet import Fleet, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.observation import Observation, Series
from bedrock_autoscaler.domain.target import Commitment, Draining, Target, TokenPrice, UnitPrice
from bedrock_autoscaler.domain.units import MINUTE, usd, whole_minutes

_TICK_SLACK_MINUTES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How many units may be bought now, and why not more."""

    units: int
    reasons: tuple[Reason, ...]


def missing_facts(target: Target, observation: Observation, now: datetime) -> tuple[Reason, ...]:
    """Every unknown or stale fact that forbids a money decision."""
    bought = target.provisioned
    if bought is None:
        return (
            Reason(
                code=ReasonCode.PROVISIONED_NOT_ALLOWED,
                message=f"target {target.name} has no `provisioned` section: it may hold no units",
            ),
        )
    found = []
    if bought.unit_rate is None:
        found.append(
            Reason(
                code=ReasonCode.UNIT_RATE_UNKNOWN,
                message=f"tokens per minute of one unit of {bought.model_id} are not known; set "
                "provisioned.unit_rate from your account team or a load test",
            )
        )
    found += _price_reasons(target, now)
    found += [
        Reason(
            code=ReasonCode.QUOTA_UNKNOWN,
            message=f"the quota of {option.address} is not known; set its `quota`",
        )
        for option in target.options
        if option.quota is None
    ]
    return tuple(found)


def _price_reasons(target: Target, now: datetime) -> list[Reason]:
    bought = target.provisioned
    if bought is None:
        return []
    limit = target.thresholds.gating.max_price_age_days
    named: list[tuple[str, UnitPrice | TokenPrice | None]] = [(bought.model_id, bought.price)]
    named += [(option.address, option.price) for option in target.options]
    found = []
    for address, price in named:
        if price is None:
            found.append(
                Reason(
                    code=ReasonCode.PRICE_UNKNOWN,
                    message=f"no price is known for {address}; set it in the target's document",
                )
            )
        elif is_stale(price.as_of, now.date(), limit):
            age = (now.date() - price.as_of).days
            found.append(
                Reason(
                    code=ReasonCode.PRICE_STALE,
                    message=f"the price of {address} is {age} days old, allowed are {limit}",
                    numbers=(("age_days", float(age)), ("max_age_days", float(limit))),
                )
            )
    return found


def purchase_facts(target: Target, observation: Observation) -> tuple[Reason, ...]:
    """What must be known of the account and the model before units are bought."""
    if target.provisioned is None:
        return ()
    model_id = target.provisioned.model_id
    found = []
    if observation.model_is_active is None:
        found.append(
            Reason(
                code=ReasonCode.MODEL_STATUS_UNKNOWN,
                message=f"the life cycle of {model_id} could not be read",
            )
        )
    elif not observation.model_is_active:
        found.append(
            Reason(
                code=ReasonCode.MODEL_NOT_ACTIVE,
                message=f"{model_id} is not ACTIVE with provisioned inference: Bedrock refuses "
                "new purchases of it",
            )
        )
    if observation.model_unit_quota is None or observation.model_units_used is None:
        found.append(
            Reason(
                code=ReasonCode.QUOTA_UNKNOWN,
                message=f"the model-unit quota for {model_id} could not be read",
            )
        )
    return tuple(found)


def may_shrink(
    target: Target, observation: Observation, fleet: Fleet, load: Series, *,
    now: datetime, blocked_until: datetime | None,
) -> tuple[Reason, ...]:
    """Every reason against releasing anything now; empty when observation allows it."""
    rules = target.thresholds.observing
    found = []
    if target.uses_mantle:
        found.append(
            Reason(
                code=ReasonCode.MANTLE_UNSEEN,
                message=f"target {target.name} also uses bedrock-mantle, whose traffic AWS/Bedrock "
                "does not show: its demand is only partly seen, so nothing is released",
            )
        )
    if not fleet.complete:
        found.append(
            Reason(
                code=ReasonCode.INVENTORY_INCOMPLETE,
                message="the list of provisioned throughputs was not read to its end",
            )
        )
    known = int(np.count_nonzero(~np.isnan(load)))
    needed = target.thresholds.classifying.min_history_hours * 60
    if known < needed:
        found.append(
            Reason(
                code=ReasonCode.HISTORY_SHORT,
                message=f"{known} minutes of history are known, {needed} are needed to shrink",
                numbers=(("known_minutes", float(known)), ("needed_minutes", float(needed))),
            )
        )
    found += _freshness(load, observation, rules.min_completeness, rules.max_staleness_minutes, now)
    if blocked_until is not None and now < blocked_until:
        found.append(
            Reason(
                code=ReasonCode.SERVER_ERRORS,
                message=f"Bedrock answered with server errors; nothing is released until "
                f"{blocked_until:%H:%M} UTC",
            )
        )
    return tuple(found)


def _freshness(
    load: Series, observation: Observation, least: float, oldest: int, now: datetime
) -> list[Reason]:
    found = []
    share = completeness(load, 60)
    if share < least:
        found.append(
            Reason(
                code=ReasonCode.DATA_INCOMPLETE,
                message=f"{share:.0%} of the newest 60 minutes were read, {least:.0%} are needed "
                "to shrink",
                numbers=(("completeness", share), ("needed", least)),
            )
        )
    known = np.flatnonzero(~np.isnan(load))
    newest = observation.traffic.start + (int(known[-1]) + 1) * MINUTE if known.size else None
    age = whole_minutes(now - newest) if newest is not None else None
    if age is None or age > oldest:
        seen = "no minute was read" if age is None else f"the newest minute is {age} minutes old"
        found.append(
            Reason(
                code=ReasonCode.DATA_STALE,
                message=f"{seen}, {oldest} are allowed to shrink",
                numbers=(("allowed_minutes", float(oldest)),),
            )
        )
    return found


def allow_growth(
    wanted: int, *, target: Target, fleet: Fleet, observation: Observation, now: datetime
) -> Growth:
    """How many of `wanted` further units pace and guard rails let through."""
    stops = _pace(target, fleet, now)
    if stops:
        return Growth(units=0, reasons=stops)
    bounds = _bounds(target, fleet, observation, now)
    allowed = min([wanted, *(max(room, 0) for _, room, _ in bounds)])
    reasons = tuple(
        Reason(
            code=code,
            message=message,
            numbers=(("wanted_units", float(wanted)), ("room_units", float(room))),
        )
        for code, room, message in bounds
        if room < wanted
    )
    return Growth(units=allowed, reasons=reasons)


def _pace(target: Target, fleet: Fleet, now: datetime) -> tuple[Reason, ...]:
    rules = target.thresholds.gating
    if fleet.open_purchase_units:
        return (
            Reason(
                code=ReasonCode.PURCHASE_OPEN,
                message=f"a purchase of {fleet.open_purchase_units} units has no answer yet",
            ),
        )
    if fleet.purchases_last_day >= target.guard_rails.max_purchases_per_day:
        return (
            Reason(
                code=ReasonCode.PURCHASES_PER_DAY,
                message=f"{fleet.purchases_last_day} purchases in 24 hours, allowed are "
                f"{target.guard_rails.max_purchases_per_day}",
            ),
        )
    cooldown = timedelta(minutes=rules.grow_cooldown_minutes)
    if fleet.last_grow_at is not None and now - fleet.last_grow_at < cooldown:
        passed = max(whole_minutes(now - fleet.last_grow_at), 0)
        return (
            Reason(
                code=ReasonCode.GROW_COOLDOWN,
                message=f"the last purchase is {passed} minutes old, the cooldown is "
                f"{rules.grow_cooldown_minutes}",
            ),
        )
    return ()


def _bounds(
    target: Target, fleet: Fleet, observation: Observation, now: datetime
) -> list[tuple[ReasonCode, int, str]]:
    """(reason, units that still fit, sentence) for each guard rail on growth."""
    rails = target.guard_rails
    bought = target.provisioned
    if bought is None or bought.price is None:
        return [(ReasonCode.PRICE_UNKNOWN, 0, "no unit price is known")]
    price = bought.price.usd_per_hour
    hourly = fleet.held_units * price
    hours_today = _hours_left_today(now)
    found = [
        (
            ReasonCode.MAX_UNITS,
            rails.max_units - fleet.held_units,
            f"{fleet.held_units} units are held, max_units is {rails.max_units}",
        ),
        (
            ReasonCode.MAX_USD_PER_HOUR,
            int((rails.max_usd_per_hour - hourly) // price),
            f"the fleet costs {hourly} USD per hour, max_usd_per_hour is {rails.max_usd_per_hour}",
        ),
        (
            ReasonCode.MAX_USD_PER_DAY,
            int((rails.max_usd_per_day - fleet.spend.day_usd) // price),
            f"{fleet.spend.day_usd} USD are booked today with {hours_today} hours to come, "
            f"max_usd_per_day is {rails.max_usd_per_day}",
        ),
        (
            ReasonCode.MAX_USD_PER_MONTH,
            int((rails.max_usd_per_month - fleet.spend.month_usd) // price),
            f"{fleet.spend.month_usd} USD are booked this month, "
            f"max_usd_per_month is {rails.max_usd_per_month}",
        ),
    ]
    if observation.model_unit_quota is not None and observation.model_units_used is not None:
        room = observation.model_unit_quota - observation.model_units_used
        found.append(
            (
                ReasonCode.MODEL_UNIT_QUOTA,
                room,
                f"{observation.model_units_used} of {observation.model_unit_quota} model units of "
                "the account's quota are used",
            )
        )
    return found


def _hours_left_today(now: datetime) -> int:
    return 24 - now.hour


def release_notice(draining: Draining, settling_minutes: int) -> int:
    """Minutes before the end of a paid period at which a release must be decided.

    Callers keep an old table, calls still run, then silence must be seen in settled minutes;
    the actors' ticks take a few more.
    """
    waited = draining.client_cache_minutes + draining.longest_request_minutes
    silent = draining.client_cache_minutes + draining.quiet_minutes + settling_minutes
    needed = max(waited, silent)
    return needed + _TICK_SLACK_MINUTES if needed else 0


def releasable(
    target: Target, fleet: Fleet, observation: Observation, now: datetime
) -> tuple[tuple[ProvisionedThroughput, ...], tuple[Reason, ...]]:
    """The PTs whose paid period is about to end in the window for a decision, and why not others.

    A PT is decided upon once per paid period: at the last tick of the capacity loop that still
    leaves time to drain it.
    """
    thresholds = target.thresholds
    notice = release_notice(thresholds.draining, thresholds.observing.settling_minutes)
    window = (notice, notice + thresholds.sizing.decision_minutes)
    billing = thresholds.sizing.billing_minutes * MINUTE
    seen = {evidence.arn for evidence in observation.provisioned if evidence.seen}
    found, reasons = [], []
    for pt in fleet.owned:
        if pt.status is not Status.IN_SERVICE or pt.draining:
            continue
        left = (pt.paid_until(now, billing) - now) / MINUTE
        if pt.commitment is not Commitment.NONE:
            reasons.append(_about(pt, ReasonCode.COMMITTED, "is under a term", left))
        elif pt.arn not in seen:
            reasons.append(
                _about(
                    pt, ReasonCode.PT_UNSEEN, "never showed in metrics: unknown, not idle", left
                )
            )
        elif not window[0] <= left < window[1]:
            reasons.append(
                _about(pt, ReasonCode.PAID_PERIOD_RUNS, f"is paid for {left:.0f} minutes", left)
            )
        else:
            found.append(pt)
    return tuple(found), tuple(reasons)


def _about(pt: ProvisionedThroughput, code: ReasonCode, what: str, left: float) -> Reason:
    return Reason(
        code=code, message=f"{pt.arn} {what}", numbers=(("paid_minutes_left", float(left)),)
    )


def shrink_pace(target: Target, fleet: Fleet, now: datetime) -> tuple[Reason, ...]:
    """Cooldown and bound on releases."""
    rails, rules = target.guard_rails, target.thresholds.gating
    if fleet.releases_last_day >= rails.max_releases_per_day:
        return (
            Reason(
                code=ReasonCode.RELEASES_PER_DAY,
                message=f"{fleet.releases_last_day} releases in 24 hours, allowed are "
                f"{rails.max_releases_per_day}",
            ),
        )
    cooldown = timedelta(minutes=rules.shrink_cooldown_minutes)
    changes = [at for at in (fleet.last_grow_at, fleet.last_release_at) if at is not None]
    if changes and now - max(changes) < cooldown:
        passed = max(whole_minutes(now - max(changes)), 0)
        return (
            Reason(
                code=ReasonCode.SHRINK_COOLDOWN,
                message=f"the last change is {passed} minutes old, the cooldown is "
                f"{rules.shrink_cooldown_minutes}",
            ),
        )
    return ()


def hourly_usd(units: int, target: Target) -> float:
    """Price of `units` for an hour; 0 when no price is known."""
    bought = target.provisioned
    if bought is None or bought.price is None:
        return 0.0
    return float(usd(bought.price.usd_per_hour) * units)
