"""Whether a throughput that may leave lets larger ones go first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bedrock_autoscaler.domain.acting.budget import over_budget
from bedrock_autoscaler.domain.acting.gate import minutes_to_last_chance
from bedrock_autoscaler.domain.acting.grounds import Grounds
from bedrock_autoscaler.domain.acting.holding import hour_hold, units_per_hour
from bedrock_autoscaler.domain.acting.staying import below_least, in_use, is_surplus
from bedrock_autoscaler.domain.acting.succession import Succession
from bedrock_autoscaler.domain.acting.turns import Leaver, Pace, saved_by_waiting
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput, minutes_left_paid
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE, count_text, units_text

_SHARE_MINUTES = 60
"""For so long a Delete counts in the share that may leave within an hour."""


def after_larger(
    pt: ProvisionedThroughput,
    situation: Situation,
    wish: Wish,
    *,
    grounds: Grounds,
    succession: Succession | None,
) -> Reason | None:
    """Why this one waits for larger ones that are to leave too; None when it need not.

    Releases are scarce by the day: whichever is left when they are used up is paid for until
    tomorrow, so the larger ones go first. Units are scarce by the hour: if small ones go first, a
    large one may have no room in hour after hour, and is paid for in each. Larger ones that only a
    cap on spend sends away do not count if the caps pay for them once this one is gone. A minute
    that was not read counts as no demand for the larger ones, so that no gap lets this one go.
    """
    fleet, rails = situation.fleet, situation.target.guard_rails
    unpaid = unpaid_without(pt, situation)
    left = rails.max_releases_per_day - fleet.releases_last_day
    seen = {evidence.arn for evidence in situation.observation.provisioned if evidence.seen}
    serving, others = fleet.in_service_units, fleet.owned
    if succession is not None and succession.old:
        serving, others = succession.called_units, succession.old
    if is_surplus(pt, (), succession):
        # It leaves though demand is unseen, which holds all others for good.
        others = tuple(other for other in others if is_surplus(other, (), succession))
    larger = [
        other
        for other in others
        if other.model_units > pt.model_units
        and other.is_routable
        and other.commitment is Commitment.NONE
        and other.arn in seen
        and below_least(other, situation) is None
        and (
            is_surplus(other, unpaid, succession)
            or not wish.is_sure_to_keep(serving, other.model_units)
        )
    ]
    if len(larger) < left:
        leaving = [
            other
            for other in larger
            if is_surplus(other, unpaid, succession)
            or in_use(other, situation, serving, wish, grounds=grounds) is None
        ]
        return _before_its_hour(pt, leaving, situation)
    return Reason(
        code=ReasonCode.RELEASES_FOR_LARGER,
        message=f"{pt.arn} waits, with {count_text(left, 'release')} left today, for "
        f"{count_text(len(larger), 'larger throughput')} not to stay either",
        numbers=(("releases_left", float(left)), ("larger", float(len(larger)))),
    )


def unpaid_without(pt: ProvisionedThroughput, situation: Situation) -> Mapping[str, Reason]:
    """What no cap pays for once this one is gone; the others need not leave for that."""
    fleet = situation.fleet
    rest = replace(fleet, throughputs=tuple(one for one in fleet.throughputs if one != pt))
    return over_budget(situation.target, rest, situation.scheduled_at)


def _before_its_hour(
    pt: ProvisionedThroughput, larger: Sequence[ProvisionedThroughput], situation: Situation
) -> Reason | None:
    """Whether all are paid for longer if this one goes now and holds back larger ones."""
    held_back = [
        other for other in larger if hour_hold(other, situation, before=pt.model_units) is not None
    ]
    if not held_back:
        return None
    pace = Pace(
        units=units_per_hour(situation),
        minutes=_SHARE_MINUTES,
        period=situation.target.thresholds.sizing.billing_minutes,
    )
    others = [_leaver(other, situation) for other in larger]
    saved = saved_by_waiting(_leaver(pt, situation), others, pace)
    if saved <= 0:
        return None
    other = max(held_back, key=lambda one: (one.model_units, one.arn))
    return Reason(
        code=ReasonCode.RELEASES_FOR_LARGER,
        message=f"{pt.arn} waits, which saves {saved / 60:.1f} unit-hours: {other.arn} of "
        f"{units_text(other.model_units)} is not to stay either, and could not leave within an "
        "hour of it",
        numbers=(
            ("larger_units", float(other.model_units)),
            ("saved_unit_hours", saved / 60),
        ),
    )


def _leaver(pt: ProvisionedThroughput, situation: Situation) -> Leaver:
    """When it could go, and when it would be gone."""
    target, now = situation.target, situation.scheduled_at
    billing = target.thresholds.sizing.billing_minutes
    chance = minutes_to_last_chance(pt, target, now)
    notice = (minutes_left_paid(pt, now, billing * MINUTE) - chance) % billing
    return Leaver(units=pt.model_units, chance=chance, notice=notice)
