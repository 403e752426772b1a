"""What holds growth or a release back besides sizing and pace; the last word before an action.

Source: docs/model.md, section "Gate".
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput, StackState
from bedrock_autoscaler.domain.fleet.spend_caps import spend_caps
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Mode, Target
from bedrock_autoscaler.domain.thresholds import CLOCK_MARGIN_MINUTES
from bedrock_autoscaler.domain.units import MINUTE, moment_text, units_text


def growth_hold(target: Target, fleet: Fleet, now: datetime) -> Reason | None:
    """What forbids any purchase, whatever sizing wants; None when nothing does."""
    if fleet.tripped_by:
        return _tripped(fleet)
    if fleet.strays:
        return Reason(
            code=ReasonCode.LEDGER_INCOMPLETE,
            message=f"{', '.join(fleet.strays)} carry this stack's tag, but the ledger knows no "
            "purchase of them: it may have been restored or lost; nothing is bought until a "
            "person adopts or removes them",
        )
    by_hand = target.controls.growth_problem(now)
    if by_hand is not None:
        return Reason(code=ReasonCode.GROWTH_PAUSED, message=f"{by_hand} for {target.name}")
    if fleet.rests_until is not None and now < fleet.rests_until:
        return Reason(
            code=ReasonCode.RESTING,
            message=f"{fleet.rests_because}; nothing is bought until "
            f"{moment_text(fleet.rests_until)}",
        )
    return None


def is_cooling(changes: Sequence[datetime], cooldown_minutes: int, now: datetime) -> bool:
    """Whether the newest change is younger than the cooldown.

    A run notes a change by its own clock, which may be later than the scheduled time of the tick
    that reads it. Where no cooldown is asked for that holds nothing; a change further ahead than
    clocks may differ does, since no time can be told by then.
    """
    wait = cooldown_minutes or -CLOCK_MARGIN_MINUTES
    return bool(changes) and now - max(changes) < wait * MINUTE


def shrink_holds(situation: Situation) -> tuple[Reason, ...]:
    """What forbids any release, whatever sizing wants."""
    return tuple(_shrink_holds(situation))


def _shrink_holds(situation: Situation) -> Iterator[Reason]:
    target, fleet = situation.target, situation.fleet
    if fleet.tripped_by:
        yield _tripped(fleet)
    by_hand = target.controls.shrink_problem(situation.scheduled_at)
    if by_hand is not None:
        yield Reason(code=ReasonCode.SHRINK_PAUSED, message=by_hand)
    if situation.observation.silent_together:
        minutes = target.thresholds.gating.mass_silence_minutes
        yield Reason(
            code=ReasonCode.MASS_SILENCE,
            message=f"all targets fell silent together within {minutes} minutes: that is taken "
            "for a fault, not for a lack of demand",
            numbers=(("minutes", float(minutes)),),
        )
    gone = fleet.released_last_hour
    if _is_beyond_the_hour(situation, 1):
        yield Reason(
            code=ReasonCode.RELEASES_PER_HOUR,
            message=f"{units_text(gone)} already released within the hour or draining, "
            f"{target.guard_rails.max_release_share_per_hour:.0%} of "
            f"{_share_base(fleet)} are allowed",
            numbers=(("released_units", float(gone)),),
        )


def hour_hold(pt: ProvisionedThroughput, situation: Situation, *, before: int = 0) -> Reason | None:
    """Whether this PT, with what left within the hour, would be more than may; one always may.

    Args:
        pt: what would go.
        situation: with what left.
        before: units that would go before it.
    """
    if not _is_beyond_the_hour(situation, pt.model_units, before):
        return None
    gone = situation.fleet.released_last_hour
    return Reason(
        code=ReasonCode.RELEASES_PER_HOUR,
        message=f"{units_text(gone)} already released within the hour or draining: with the "
        f"{pt.model_units} of {pt.arn} it would be more than "
        f"{situation.target.guard_rails.max_release_share_per_hour:.0%} of "
        f"{_share_base(situation.fleet)}",
        numbers=(("released_units", float(gone)), ("units", float(pt.model_units))),
    )


def _is_beyond_the_hour(situation: Situation, units: int, before: int = 0) -> bool:
    gone = situation.fleet.released_last_hour + before
    return gone > 0 and gone + units > units_per_hour(situation)


def units_per_hour(situation: Situation) -> int:
    """Units that may go within an hour, with what went."""
    return releasable_units(situation.target, _share_base(situation.fleet))


def _share_base(fleet: Fleet) -> int:
    """Of how many units a share may leave: of ours that serve, and that did an hour ago."""
    return sum(pt.model_units for pt in fleet.owned if pt.is_routable) + fleet.released_last_hour


def releasable_units(target: Target, serving: int) -> int:
    """Units of `serving` that may go within an hour: a share of them, at least one."""
    return max(1, int(serving * target.guard_rails.max_release_share_per_hour))


def stack_bounds(
    stack: StackState | None, price: Decimal, billing_minutes: int
) -> Iterator[tuple[ReasonCode, Decimal, str]]:
    """The caps of the stack: code, units of this price that still fit, and what it says."""
    if stack is None:
        return
    rails = stack.rails
    units = f"all targets and others hold {units_text(stack.held_units)}, the stack's max_units is "
    yield (
        ReasonCode.STACK_MAX_UNITS,
        Decimal(rails.max_units - stack.held_units),
        f"{units}{rails.max_units}",
    )
    hourly = f"they cost {stack.usd_per_hour} USD per hour, the stack's max_usd_per_hour is "
    yield (
        ReasonCode.STACK_MAX_USD_PER_HOUR,
        (rails.max_usd_per_hour - stack.usd_per_hour) // price,
        f"{hourly}{rails.max_usd_per_hour}",
    )
    period = period_usd(price, billing_minutes)
    codes = (ReasonCode.STACK_MAX_USD_PER_DAY, ReasonCode.STACK_MAX_USD_PER_MONTH)
    for code, cap in zip(codes, spend_caps(rails, stack.spend), strict=True):
        yield code, (cap.usd - cap.booked) // period, cap.told_of_stack


def nothing_follows(situation: Situation) -> Reason | None:
    """Why a decision is only recorded: its tick is late, or its place cannot be reached."""
    if situation.is_late:
        return Reason(
            code=ReasonCode.TICK_LATE,
            message="the tick came too late, or clock and schedule differ: it is recorded, and "
            "nothing follows from it",
        )
    if situation.unreachable:
        target = situation.target
        return Reason(
            code=ReasonCode.PLACE_UNREACHABLE,
            message=f"account {target.account}, {target.region} cannot be reached, so that the "
            f"target holds: {situation.unreachable}",
        )
    return None


def observed_only(decision: Decision, situation: Situation, reason: Reason) -> Decision:
    """The same decision with nothing to carry out, and why."""
    return replace(
        decision,
        mode=Mode.ADVISE,
        actions=(),
        scalings=(),
        allowed_units=situation.fleet.staying_units,
        expected_saving_usd_per_hour=0.0,
        routes=situation.routes or decision.routes,
        reasons=(reason, *decision.reasons),
    )


def _tripped(fleet: Fleet) -> Reason:
    return Reason(
        code=ReasonCode.BREAKER_TRIPPED,
        message=f"the breaker tripped ({fleet.tripped_by}): nothing is bought or released until a "
        "person resets it",
    )
