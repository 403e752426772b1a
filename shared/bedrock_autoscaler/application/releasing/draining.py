"""What stands in the way of a Delete: time, evidence, ownership, terms, bounds, the switch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bedrock_autoscaler.application.observing.measuring import bare_id, quiet_minutes, total
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.application.purchasing.accounting import (
    has_never_served,
    releases_since,
    units_released_since,
)
from bedrock_autoscaler.domain.acting.holding import releasable_units
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.holdings import PtTraffic, Status
from bedrock_autoscaler.domain.fleet.intent import (
    OPEN_RELEASES,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
)
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, in_a_day, units_text

RELEASABLE = frozenset({PurchaseState.IN_SERVICE, PurchaseState.FAILED})


def drain_problem(intent: ReleaseIntent, target: Target, now: datetime) -> str | None:
    """Why callers may still send to the PT, by the clock; None when none can any more."""
    if intent.withdrawn_at is None:
        return "it is not yet left out of the published table"
    if now < intent.withdrawn_at + target.thresholds.draining.drain_minutes * MINUTE:
        return "callers may still hold an older table, or have calls running"
    return None


def window_problem(purchase: PurchaseIntent, target: Target, now: datetime) -> str | None:
    """Why a Delete would give paid time away; None in the last minutes of a paid period."""
    return "its paid period runs" if earliest_delete(purchase, target, now) > now else None


def earliest_delete(purchase: PurchaseIntent, target: Target, now: datetime) -> datetime:
    """When the next minutes begin in which a Delete gives no paid time away; now, in such ones."""
    begun = purchase.billed_from or purchase.recorded_at
    elapsed = max(now - begun, timedelta(0)) % target.thresholds.sizing.billing_period
    return now + max(closed_for(target) - elapsed, timedelta(0))


def closed_for(target: Target) -> timedelta:
    """How long no Delete goes out after a paid period has begun."""
    thresholds = target.thresholds
    minutes = thresholds.sizing.billing_minutes - thresholds.draining.release_window_minutes
    return minutes * MINUTE


def leaving_of(releases: Iterable[ReleaseIntent]) -> frozenset[str]:
    """PTs with an open release."""
    return frozenset(release.arn for release in releases if release.state in OPEN_RELEASES)


def bound_problem(
    arn: str, target: Target, purchases: tuple[PurchaseIntent, ...], leaving: frozenset[str]
) -> str | None:
    """Why the fleet needs the PT for its least size; None when the rest is enough.

    One that does not serve adds nothing to it, and is not kept for it.

    Args:
        arn: the PT that would go.
        target: whose `min_units` must remain.
        purchases: all intents of the target.
        leaving: PTs with an open release.
    """
    serving = [intent for intent in purchases if intent.state is PurchaseState.IN_SERVICE]
    if all(intent.arn != arn for intent in serving):
        return None
    least = target.guard_rails.min_units
    rest = sum(intent.model_units for intent in serving if intent.arn not in leaving | {arn})
    return f"{units_text(rest)} would remain, min_units is {least}" if rest < least else None


def day_problem(target: Target, releases: tuple[ReleaseIntent, ...], now: datetime) -> str | None:
    """Why no further release fits into these 24 hours; None when one does.

    Args:
        target: with the bound of its settings.
        releases: those that count, without the one that asks.
        now: the present moment.
    """
    made, most = releases_since(releases, now), target.guard_rails.max_releases_per_day
    return in_a_day(made, most, "release") if made >= most else None


def hour_problem(
    target: Target,
    purchases: tuple[PurchaseIntent, ...],
    releases: tuple[ReleaseIntent, ...],
    now: datetime,
    *,
    wanted: ReleaseIntent | Release,
) -> str | None:
    """Why the units of one PT may not leave within this hour, too; None when they may.

    A share of the units that serve may go, but one PT always, whatever its size. One that never
    served is no part of them.

    Args:
        target: with the share.
        purchases: all intents of the target.
        releases: those that count, without the one that asks.
        now: the present moment.
        wanted: what would go.
    """
    purchase = purchase_of(wanted.arn, purchases)
    if has_never_served(purchase):
        return None
    billing = target.thresholds.sizing.billing_period
    leaves_at = earliest_delete(purchase, target, now) if purchase else now
    gone = units_released_since(releases, purchases, now, billing, leaves_at=leaves_at)
    units = wanted.model_units
    leaving = leaving_of(releases)
    serving = sum(
        intent.model_units
        for intent in purchases
        if intent.state is PurchaseState.IN_SERVICE and intent.arn not in leaving
    )
    most = releasable_units(target, serving + gone)
    if not gone or gone + units <= most:
        return None
    return (
        f"of {units_text(gone + serving)} {gone} left within the hour or drain: with {units} more "
        f"it would be above the {most} that may leave"
    )


def tick_problem(releases: tuple[ReleaseIntent, ...], since: datetime) -> str | None:
    """Why this tick has had its Delete; None when it has not.

    A tick may come more than once, late, and while it runs already.

    Args:
        releases: those that count; the one that asks, too, unless it has just been written.
        since: the beginning of the tick.
    """
    if any(r.delete_sent_at is not None and r.delete_sent_at >= since for r in releases):
        return "a Delete went out in this tick"
    return None


def identity_problem(
    pt: ListedThroughput, purchase: PurchaseIntent | None, target: Target, deployment: str
) -> str | None:
    """Why the PT is not ours to delete: tag and ledger must agree. None when it is."""
    if purchase is None or purchase.state not in RELEASABLE:
        return f"the ledger holds no purchase of {pt.arn}"
    if (pt.deployment, pt.target) != (deployment, target.name):
        return f"{pt.arn} carries the tags of {pt.deployment!r} and {pt.target!r}, not ours"
    return None


def purchase_of(arn: str, purchases: tuple[PurchaseIntent, ...]) -> PurchaseIntent | None:
    """The purchase that brought this PT; None when it is not ours."""
    return next((intent for intent in purchases if intent.arn == arn), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Evidence that nobody uses a PT."""

    metrics: Metrics
    tables: RoutingTables

    def problem(
        self,
        pt: ListedThroughput,
        intent: ReleaseIntent,
        target: Target,
        latest: RecordedDecision | None,
        *,
        purchase: PurchaseIntent | None,
        now: datetime,
    ) -> str | None:
        """Why the PT may be in use; None on positive evidence of silence.

        Raises:
            ObservationError: the table or the metrics could not be read.
        """
        table = self.tables.current(target.name)
        if table is not None and any(route.address == pt.arn for route in table.routes):
            return "the table in force names it"
        if has_never_served(purchase):
            return None
        if table is None:
            return "there is no table in force"
        if table.version != intent.withdrawn_version:
            return f"its withdrawal is not noted for version {table.version}, which is in force"
        return self._use_problem(pt, target, latest, now)

    def _use_problem(
        self,
        pt: ListedThroughput,
        target: Target,
        latest: RecordedDecision | None,
        now: datetime,
    ) -> str | None:
        """Why callers may use it though no table names it.

        A PT that failed serves no call. One that never showed in the metrics is not idle but
        unknown.
        """
        if pt.status is Status.FAILED:
            return None
        if pt.status is not Status.IN_SERVICE:
            return f"it is {pt.status.value}"
        known = latest.situation.observation.provisioned if latest else ()
        evidence = next((each for each in known if each.arn == pt.arn and each.seen), None)
        if evidence is None:
            return "it never showed in the metrics: unknown, not idle"
        needed = target.thresholds.draining.quiet_minutes
        if self._quiet_minutes(evidence, target, needed, now) < needed:
            return f"it was not seen silent for {needed} minutes"
        return None

    def _quiet_minutes(
        self, evidence: PtTraffic, target: Target, needed: int, now: datetime
    ) -> int:
        """Under every `ModelId` that was seen to carry its calls, or may."""
        end = floor_minute(now) - target.thresholds.observing.settling_minutes * MINUTE
        start = end - needed * MINUTE
        ids = sorted({evidence.arn, bare_id(evidence.arn), *evidence.also_under})
        reading = self.metrics.read(ids, start, end)
        if any(model_id not in reading.traffic for model_id in ids):
            return 0
        return quiet_minutes(total((reading.traffic[model_id] for model_id in ids), start, end))
