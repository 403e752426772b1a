"""What follows when the first of the ways on demand throttles: another order, or a spread load.

Source: docs/model.md, section "Routing".
"""

from dataclasses import replace

from bedrock_autoscaler.domain.decision import Memory, Situation
from bedrock_autoscaler.domain.option import InferenceOption, OptionKind
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.lawfulness import sight_of
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.spreading import (
    Load,
    carries_all,
    is_unread,
    pressed,
    recent_load,
    spread,
    without_spread,
)
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import Traffic, known_total
from bedrock_autoscaler.domain.units import count_text

_PAIR = 2


def under_pressure(
    options: list[InferenceOption], situation: Situation, *, behind_units: bool
) -> tuple[list[InferenceOption], Memory, tuple[Reason, ...]]:
    """The ways in the order that the pressure on the first one asks for, and why.

    With a single quota there is nothing to choose. Behind units nothing is spread, and no quota is
    asked: what the units cannot take goes down the order, and how much that is nobody knows.
    """
    if len({option.pool for option in options}) < _PAIR:
        return options, _relaxed(without_spread(situation.memory)), ()
    memory, share = _pressure(options, situation)
    reasons: tuple[Reason, ...] = ()
    if behind_units:
        memory = without_spread(memory)
    else:
        throttles = share > situation.target.thresholds.routing.pressure_share
        memory, reasons = spread(options, situation, memory, throttles=throttles)
    if memory.pressure_until is None or memory.spread:
        return options, memory, reasons
    load = None if behind_units else recent_load(situation)
    relieved = _relieved(options, load, situation.routes)
    if relieved is None:
        return options, memory, reasons
    return relieved, memory, (*reasons, _reordered(relieved, situation.target, share))


def throttled_share(traffic: Traffic, minutes: int) -> float:
    """Throttled attempts among all attempts of the newest minutes, 0 to 1."""
    throttles = known_total(traffic.throttles[-minutes:])
    attempts = throttles + known_total(traffic.invocations[-minutes:])
    return throttles / attempts if attempts > 0 else 0.0


def _pressure(options: list[InferenceOption], situation: Situation) -> tuple[Memory, float]:
    """The memory of pressure on the first of several ways, and its throttled share now.

    Pressure on a way that is no longer the first one says nothing of its successor. Minutes that
    were not read are no calm ones.
    """
    rules, memory = situation.target.thresholds.routing, situation.memory
    first = sight_of(options[0], situation.observation.regions)
    recent = dict(situation.observation.by_option).get(first)
    share = throttled_share(recent, rules.pressure_minutes) if recent is not None else 0.0
    if share > rules.pressure_share:
        return pressed(memory, options[0], situation), share
    if memory.pressure_until is None or memory.pressed not in {"", first}:
        return _relaxed(memory), share
    is_read = recent is None or not is_unread(recent, rules.pressure_minutes)
    if situation.scheduled_at >= memory.pressure_until and is_read:
        return _relaxed(memory), share
    return replace(memory, pressed=first), share


def _relaxed(memory: Memory) -> Memory:
    return replace(memory, pressure_until=None, pressed="") if memory.pressure_until else memory


def _relieved(
    options: list[InferenceOption], load: Load | None, in_force: tuple[Route, ...]
) -> list[InferenceOption] | None:
    """The next way that has a quota of its own, and carries the load, before all others.

    One that comes first already may fill its quota, so that the table does not swing. None: there
    is no such way, and whatever took the place of the first one would throttle more.
    """
    ahead = next((r.place for r in in_force if r.kind is not OptionKind.PROVISIONED), None)
    for other in options:
        if other.pool == options[0].pool:
            continue
        stays = load is None or (other.place == ahead and load.share_of(other) >= 1)
        if stays or (load is not None and carries_all(other, load)):
            return [other, *(option for option in options if option is not other)]
    return None


def _reordered(options: list[InferenceOption], target: Target, share: float) -> Reason:
    rules = target.thresholds.routing
    allowed = f"(allowed {rules.pressure_share:.1%})"
    if share <= rules.pressure_share:
        allowed = (
            f"and above the allowed {rules.pressure_share:.1%} less than "
            f"{count_text(rules.calm_minutes, 'minute')} ago"
        )
    return Reason(
        code=ReasonCode.SPILL_REORDERED,
        message=f"{options[0].title} goes before {options[1].title}, which throttled "
        f"{share:.1%} in the newest {count_text(rules.pressure_minutes, 'minute')} {allowed}",
        numbers=(("throttled_share", share), ("pressure_share", rules.pressure_share)),
    )
