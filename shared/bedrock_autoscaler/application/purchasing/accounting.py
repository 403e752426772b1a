"""Booked money and counted calls, from the intents of the ledger alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import Spend
from bedrock_autoscaler.domain.fleet.intent import (
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.fleet.lifecycle import RUN_LASTS, Refusal, refusal_of
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import MINUTE, usd, whole_minutes

UNBILLED = frozenset({PurchaseState.REFUSED, PurchaseState.ABANDONED})
"""States of a purchase that never cost anything."""

_ENDED = frozenset({PurchaseState.RELEASED, PurchaseState.LOST})
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_WAITED_FOR_PERIODS = 3
_INSTANT = timedelta(microseconds=1)
_TAKES_EFFECT_WITHIN = RUN_LASTS + timedelta(minutes=10)
"""After it was recorded: so late a purchase is sent, and a request that was sent takes effect."""


def booked_spend(purchases: Iterable[PurchaseIntent], now: datetime, billing: timedelta) -> Spend:
    """Price of the billing periods that started in the UTC day and month of `now`.

    A started period is paid whole. A purchase without an answer counts as billed from when it
    was recorded: it may have taken effect, and where a day or month began soon after, it may have
    done so on either side. One that a run with a faster clock recorded, for which that moment is
    still to come, counts as begun just now.
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    known = tuple(purchases)
    return Spend(
        day_usd=_started_usd(known, day, now, billing),
        month_usd=_started_usd(known, day.replace(day=1), now, billing),
    )


def purchases_since(purchases: Iterable[PurchaseIntent], now: datetime) -> int:
    """Purchases recorded in the last 24 hours, whatever came of them."""
    return sum(now - intent.recorded_at < _DAY for intent in purchases)


def releases_since(releases: Iterable[ReleaseIntent], now: datetime) -> int:
    """Releases open or ended in the last 24 hours, without the cancelled: nothing left by them.

    One that waits for its window for longer counts on the day on which its Delete goes out.
    """
    return sum(
        now - (intent.ended_at or now) < _DAY
        for intent in releases
        if intent.state is not ReleaseState.CANCELLED
    )


def has_never_served(purchase: PurchaseIntent | None) -> bool:
    """Whether nobody can ever have been sent to what it brought: there is nothing to drain."""
    if purchase is None or purchase.in_service_since is not None:
        return False
    return purchase.state in {PurchaseState.FAILED, PurchaseState.RELEASED}


def units_released_since(
    releases: Iterable[ReleaseIntent],
    purchases: Iterable[PurchaseIntent],
    now: datetime,
    billing: timedelta,
    *,
    leaves_at: datetime | None = None,
) -> int:
    """Units that left within the hour, or drain, before what is released now.

    An hour lies between two withdrawals, and between two Deletes. What drains is paid for and
    serves nobody: what else left would keep it for an hour more. It counts for three of its
    periods, so that what cannot leave keeps no other back for ever. What never served took
    nothing away.

    Args:
        releases: those that count.
        purchases: all intents of the target.
        now: when the next one would be withdrawn.
        billing: the paid period.
        leaves_at: when its Delete would go out at the earliest; None: now.
    """
    idle = {intent.arn for intent in purchases if has_never_served(intent)}
    return sum(
        intent.model_units
        for intent in releases
        if intent.state is not ReleaseState.CANCELLED
        and intent.arn not in idle
        and _leaves_within_the_hour(intent, now, billing, leaves_at or now)
    )


def _leaves_within_the_hour(
    intent: ReleaseIntent, now: datetime, billing: timedelta, leaves_at: datetime
) -> bool:
    since = now - intent.recorded_at
    if intent.state is ReleaseState.WITHDRAWN:
        return since < max(_HOUR, _WAITED_FOR_PERIODS * billing)
    left_at = intent.ended_at or intent.delete_sent_at or intent.recorded_at
    return since < _HOUR or leaves_at - left_at < _HOUR


def rest_of(purchases: Iterable[PurchaseIntent], target: Target) -> tuple[datetime, str] | None:
    """Until when nothing is bought, and why: a refusal, a PT that never served, or a loss.

    A stop of our own is no refusal.
    """
    gating = target.thresholds.gating
    found = []
    for intent in purchases:
        if intent.ended_at is None:
            continue
        minutes, what = gating.refusal_rest_minutes, _ended(intent)
        if intent.state is PurchaseState.LOST and intent.in_service_since is not None:
            minutes, what = gating.loss_rest_minutes, f"{intent.arn} was deleted, and not by us"
        elif not _has_failed(intent):
            continue
        found.append((intent.ended_at + minutes * MINUTE, what))
    return max(found, default=None)


def _has_failed(intent: PurchaseIntent) -> bool:
    """Whether Bedrock said no, or what it sold never came into service."""
    if intent.state is PurchaseState.REFUSED:
        return refusal_of(intent.detail) is not Refusal.NOT_SENT
    return intent.in_service_since is None and intent.state in _ENDED


def _ended(intent: PurchaseIntent) -> str:
    return f"{intent.decision_id} ended as {intent.state.value} ({intent.detail})"


def cost_so_far(intent: PurchaseIntent, now: datetime, billing: timedelta) -> Decimal:
    """Price of all billing periods of a purchase that have started."""
    return _started_usd((intent,), _begun(intent, now), now, billing)


def _started_usd(
    purchases: tuple[PurchaseIntent, ...], start: datetime, now: datetime, billing: timedelta
) -> Decimal:
    total = Decimal(0)
    for intent in purchases:
        if intent.state in UNBILLED:
            continue
        begun = _begun(intent, now)
        if intent.billed_from is None and begun < start <= begun + _TAKES_EFFECT_WITHIN:
            begun = start
        end = min(intent.ended_at or now + _INSTANT, now + _INSTANT)
        if end <= start:
            continue
        periods = _starts_before(begun, end, billing) - _starts_before(begun, start, billing)
        total += max(periods, 0) * period_usd(intent.usd_per_hour, whole_minutes(billing))
    return usd(total)


def _begun(intent: PurchaseIntent, now: datetime) -> datetime:
    """When its first billing period started: now at the latest, whatever clock noted it."""
    return min(intent.billed_from or intent.recorded_at, now)


def _starts_before(begun: datetime, moment: datetime, billing: timedelta) -> int:
    """How many billing periods started before `moment`."""
    if moment <= begun:
        return 0
    return -(-(moment - begun) // billing)
