"""When a provisioned throughput may be released: positive evidence, at the end of a paid period.

Whatever holds a release back leaves a reason. Source: docs/model.md, section "Gate".
"""

from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.acting.holding import is_cooling
from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput, minutes_left_paid
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.thresholds import Observing
from bedrock_autoscaler.domain.traffic.demand import Demand, completeness, newest_known
from bedrock_autoscaler.domain.traffic.diagnosis import WINDOW_MINUTES, Diagnosis
from bedrock_autoscaler.domain.traffic.observation import Observation
from bedrock_autoscaler.domain.units import (
    MINUTE,
    count_text,
    in_a_day,
    moment_text,
    whole_minutes,
)

_FRESH_MINUTES = 60


def may_shrink(
    target: Target,
    fleet: Fleet,
    demand: Demand,
    *,
    diagnosis: Diagnosis,
    blocked_until: datetime | None,
    now: datetime,
    regions: tuple[str, ...] = (),
    unread: int = 0,
) -> tuple[Reason, ...]:
    """Every reason against releasing anything now; empty when observation allows it.

    Args:
        target: with its thresholds.
        fleet: what it holds.
        demand: with its gaps.
        diagnosis: of the newest minutes.
        blocked_until: server errors block releases until then.
        now: the moment of the decision.
        regions: source Regions besides the target's own whose metrics are read.
        unread: days of the history that are still to be read.
    """
    found = []
    if target.uses_mantle:
        found.append(
            Reason(
                code=ReasonCode.MANTLE_UNSEEN,
                message=f"target {target.name} also uses bedrock-mantle, whose traffic AWS/Bedrock "
                "does not show: its demand is only partly seen, so nothing is released",
            )
        )
    if target.calls_from() - frozenset(regions):
        found.append(
            Reason(
                code=ReasonCode.REGION_UNSEEN,
                message=f"calls of target {target.name} are also made from other Regions, whose "
                "metrics are not read: its demand is only partly seen, so nothing is released",
            )
        )
    if not fleet.complete:
        found.append(
            Reason(
                code=ReasonCode.INVENTORY_INCOMPLETE,
                message="the list of provisioned throughputs was not read to its end",
            )
        )
    found += unread_history(unread)
    found += _history(target, demand)
    found += _freshness(demand, target.thresholds.observing, now)
    found += _unread(demand, max(WINDOW_MINUTES, target.thresholds.sizing.decision_minutes))
    found += _distress(target, diagnosis, blocked_until, now)
    return tuple(found)


def unread_history(days: int) -> tuple[Reason, ...]:
    """That so many days of the history are still to be read; nothing when there are none."""
    if not days:
        return ()
    return (
        Reason(
            code=ReasonCode.DATA_INCOMPLETE,
            message=f"still to be read: {count_text(days, 'day')} of the history; what they would "
            "show is not known, and nothing is released before",
            numbers=(("unread_days", float(days)),),
        ),
    )


def _history(target: Target, demand: Demand) -> list[Reason]:
    known = int(np.count_nonzero(~np.isnan(demand.load)))
    needed = target.thresholds.gating.min_history_minutes
    if known >= needed:
        return []
    return [
        Reason(
            code=ReasonCode.HISTORY_SHORT,
            message=f"{known} minutes of history are known, {needed} are needed to shrink",
            numbers=(("known_minutes", float(known)), ("needed_minutes", float(needed))),
        )
    ]


def _freshness(demand: Demand, rules: Observing, now: datetime) -> list[Reason]:
    """Whether enough of the newest hour was read, and lately enough."""
    found = []
    share, least = completeness(demand.load, _FRESH_MINUTES), rules.min_completeness
    if share < least:
        found.append(
            Reason(
                code=ReasonCode.DATA_INCOMPLETE,
                message=f"{share:.0%} of the newest {_FRESH_MINUTES} minutes were read, "
                f"{least:.0%} are needed to shrink",
                numbers=(("completeness", share), ("needed", least)),
            )
        )
    newest, oldest = newest_known(demand), rules.max_staleness_minutes
    age = whole_minutes(now - newest - MINUTE) if newest is not None else None
    if age is None or age > oldest:
        seen = (
            "no minute was read"
            if age is None
            else f"the newest minute is {count_text(age, 'minute')} old"
        )
        found.append(
            Reason(
                code=ReasonCode.DATA_STALE,
                message=f"{seen}, {oldest} are allowed to shrink",
                numbers=(("allowed_minutes", float(oldest)),),
            )
        )
    return found


def _unread(demand: Demand, minutes: int) -> list[Reason]:
    """Errors and throttles may hide in any gap of the minutes that a diagnosis looks at."""
    gaps = int(np.count_nonzero(np.isnan(demand.load[-minutes:])))
    if not gaps:
        return []
    return [
        Reason(
            code=ReasonCode.DATA_INCOMPLETE,
            message=f"{gaps} of the newest {minutes} minutes were not read: errors, throttles or "
            "demand may hide there, so nothing is released",
            numbers=(("gaps", float(gaps)), ("minutes", float(minutes))),
        )
    ]


def _distress(
    target: Target, diagnosis: Diagnosis, blocked_until: datetime | None, now: datetime
) -> list[Reason]:
    """Errors and throttles: traffic that falls because it is refused is no lack of demand."""
    found = []
    until = blocked_until if blocked_until is not None and now < blocked_until else None
    if until or diagnosis.server_error_share > target.thresholds.gating.max_error_share:
        found.append(
            Reason(
                code=ReasonCode.SERVER_ERRORS,
                message="Bedrock answered with server errors; nothing is released "
                f"{f'until {moment_text(until)}' if until else 'meanwhile'}",
            )
        )
    share, allowed = diagnosis.throttled_share, target.slo.max_throttled_share
    if share > allowed:
        found.append(
            Reason(
                code=ReasonCode.THROTTLED_LATELY,
                message=f"{share:.1%} of attempts were throttled in the newest {WINDOW_MINUTES} "
                f"minutes, slo.max_throttled_share is {allowed:.1%}: nothing is released",
                numbers=(("throttled_share", share), ("allowed_share", allowed)),
            )
        )
    return found


def shrink_pace(target: Target, fleet: Fleet, now: datetime) -> tuple[Reason, ...]:
    """Cooldown and bound on releases."""
    allowed = target.guard_rails.max_releases_per_day
    if fleet.releases_last_day >= allowed:
        return (
            Reason(
                code=ReasonCode.RELEASES_PER_DAY,
                message=in_a_day(fleet.releases_last_day, allowed, "release"),
            ),
        )
    cooldown = target.thresholds.gating.shrink_cooldown_minutes
    changes = [at for at in (fleet.last_grow_at, fleet.last_release_at) if at is not None]
    if is_cooling(changes, cooldown, now):
        passed = max(whole_minutes(now - max(changes)), 0)
        return (
            Reason(
                code=ReasonCode.SHRINK_COOLDOWN,
                message=f"the last change is {count_text(passed, 'minute')} old, the cooldown is "
                f"{cooldown}",
            ),
        )
    return ()


def releasable(
    target: Target, fleet: Fleet, observation: Observation, now: datetime
) -> tuple[tuple[ProvisionedThroughput, ...], tuple[Reason, ...]]:
    """The PTs that may be decided upon at this tick, and why the others may not.

    A PT is decided upon once per paid period: at the last tick of the capacity loop that still
    leaves time to drain it.
    """
    billing = target.thresholds.sizing.billing_period
    seen = {evidence.arn for evidence in observation.provisioned if evidence.seen}
    found, reasons = [], []
    for pt in fleet.owned:
        if not pt.is_routable:
            continue
        left = minutes_left_paid(pt, now, billing)
        if pt.commitment is not Commitment.NONE:
            reasons.append(_about(pt, ReasonCode.COMMITTED, "is under a term", left))
        elif pt.arn not in seen:
            what = "never showed in metrics: unknown, not idle"
            reasons.append(_about(pt, ReasonCode.PT_UNSEEN, what, left))
        elif minutes_to_last_chance(pt, target, now) >= target.thresholds.sizing.decision_minutes:
            what = f"is paid for {left:.0f} minutes"
            reasons.append(_about(pt, ReasonCode.PAID_PERIOD_RUNS, what, left))
        else:
            found.append(pt)
    return tuple(found), tuple(reasons)


def minutes_to_last_chance(pt: ProvisionedThroughput, target: Target, now: datetime) -> float:
    """Minutes until a release of the PT must be decided to be drained before a period ends.

    Where draining takes longer than what a period has left, the end of a later one is meant.
    """
    thresholds = target.thresholds
    notice = thresholds.draining.notice_minutes(thresholds.observing.settling_minutes)
    billing = thresholds.sizing.billing_minutes
    return (minutes_left_paid(pt, now, billing * MINUTE) - max(notice, 1)) % billing


def _about(pt: ProvisionedThroughput, code: ReasonCode, what: str, left: float) -> Reason:
    return Reason(
        code=code, message=f"{pt.arn} {what}", numbers=(("paid_minutes_left", float(left)),)
    )
