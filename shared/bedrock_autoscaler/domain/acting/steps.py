"""From a wish to at most one action: restore or buy, or release one provisioned throughput."""

from collections.abc import Sequence

from bedrock_autoscaler.domain.acting.budget import over_budget
from bedrock_autoscaler.domain.acting.buying import buy, grow
from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.growth import allow_growth
from bedrock_autoscaler.domain.acting.leaving import shrink
from bedrock_autoscaler.domain.acting.staying import busy_units, min_units_reason
from bedrock_autoscaler.domain.acting.succession import (
    Succession,
    held_back,
    succession_of,
    succession_reason,
)
from bedrock_autoscaler.domain.decision import Action, Release, Situation
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.sizing.planning import Wish


def act(situation: Situation, wish: Wish, grounds: Grounds) -> Outcome:
    """The one action of this tick, if any."""
    held, least = situation.fleet.staying_units, situation.target.guard_rails.min_units
    wanted = max(wish.grow_to, least)
    reasons = tuple[Reason, ...]()
    if wanted > held:
        grown = grow(situation, wanted - held, grounds)
        if least > max(wish.grow_to, held):
            reasons = (min_units_reason(held, least),)
        reasons += grown.reasons
        if grown.action is not None:
            return Outcome(action=grown.action, reasons=reasons)
    succession = succession_of(situation)
    if succession is not None:
        remaining = max(min(succession.size, _needed(situation, wish, grounds)), least)
        begun = _succeed(situation, succession, remaining, grounds)
        reasons += begun.reasons
        if begun.action is not None:
            return Outcome(action=begun.action, reasons=reasons)
    unpaid = over_budget(situation.target, situation.fleet, situation.scheduled_at)
    if wish.keep < held or unpaid or (succession is not None and succession.old):
        shrunk = shrink(situation, wish, grounds, unpaid=unpaid, succession=succession)
        return Outcome(action=shrunk.action, reasons=(*reasons, *shrunk.reasons))
    return Outcome(action=None, reasons=reasons)


def _needed(situation: Situation, wish: Wish, grounds: Grounds) -> int:
    """Units worth keeping or in full use that pays, as a release sees them."""
    staying = situation.fleet.staying_units
    return max(wish.keep, busy_units(situation, staying, wish, grounds=grounds))


def _succeed(
    situation: Situation, succession: Succession, wanted: int, grounds: Grounds
) -> Outcome:
    """Buy units of the new model beside the old ones, where the caps have room for both.

    Args:
        situation: with the old ones.
        succession: how far the change has come.
        wanted: units to have once the old ones are gone.
        grounds: what a purchase rests on.
    """
    told, missing = succession_reason(succession), succession.missing(wanted)
    if missing < 1 or not succession.old:
        return Outcome(action=None, reasons=(told,))
    room = allow_growth(
        missing,
        target=situation.target,
        fleet=situation.fleet,
        observation=situation.observation,
        now=situation.scheduled_at,
    )
    least = succession.least_step(wanted)
    bought = Outcome(action=None, reasons=())
    if room.units >= least:
        bought = buy(situation, room.units, grounds)
    if bought.action is None:
        held = held_back(succession, missing=missing, least=least, room=room.units)
        bought = Outcome(action=None, reasons=(*bought.reasons, held))
    return Outcome(action=bought.action, reasons=(told, *room.reasons, *bought.reasons))


def change(actions: Sequence[Action]) -> int:
    """Units that these actions add, less those that they take away."""
    return sum(
        -action.model_units if isinstance(action, Release) else action.model_units
        for action in actions
    )
