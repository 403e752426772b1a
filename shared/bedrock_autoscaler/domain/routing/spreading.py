"""Weights where no single way carries the load: each is offered what its quota admits.

Source: docs/model.md, section "Routing".
"""

from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from bedrock_autoscaler.domain.decision import Memory, Situation
from bedrock_autoscaler.domain.option import InferenceOption
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.lawfulness import sight_of
from bedrock_autoscaler.domain.traffic.observation import Traffic, known_mean
from bedrock_autoscaler.domain.units import MINUTE, end_text

ROOM = 0.9
"""Share of a quota that is offered: calls come unevenly within a minute."""

_STEPS = 20
_STEP = 1 / _STEPS
_NOTICEABLE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What callers want a minute, throttled calls included.

    Attributes:
        calls: a minute.
        input_tokens, output_tokens: a minute, as served calls have them on average.
    """

    calls: float
    input_tokens: float
    output_tokens: float

    def share_of(self, option: InferenceOption) -> float:
        """The share of this load that the option's quota admits; infinite without a bound.

        A quota that is not known is taken to admit what the others do not.
        """
        quota = option.quota
        if quota is None:
            return float("inf")
        wanted = (
            (
                quota.tokens_per_minute,
                self.input_tokens + quota.output_burndown * self.output_tokens,
            ),
            (quota.requests_per_minute, self.calls),
        )
        shares = [limit / load for limit, load in wanted if limit is not None and load > 0]
        return min(shares, default=float("inf"))


def recent_load(situation: Situation) -> Load | None:
    """The load of the newest minutes that are looked at for pressure; None: none was read."""
    rules = situation.target.thresholds
    traffic = situation.observation.traffic
    minutes = rules.routing.pressure_minutes
    if is_unread(traffic, minutes):
        return None
    recent = traffic.since(traffic.end - minutes * MINUTE)
    served = known_mean(recent.invocations)
    wanted = served + known_mean(recent.throttles) / rules.observing.attempts_per_call
    factor = wanted / served if served else 1.0
    written = known_mean(recent.input_tokens) + known_mean(recent.cache_write_tokens)
    return Load(
        calls=wanted,
        input_tokens=written * factor,
        output_tokens=known_mean(recent.output_tokens) * factor,
    )


def is_unread(traffic: Traffic, minutes: int) -> bool:
    """Whether none of the newest minutes was read."""
    return bool(np.isnan(traffic.invocations[-minutes:]).all())


def spread_weights(options: list[InferenceOption], load: Load) -> tuple[float, ...]:
    """Each way's share of the load: in order as much as its quota admits, the rest by quotas.

    Ways that share a quota share what it admits; the first of them gets it. The shares are whole
    twentieths and add to 1. The first way has it all where no quota admits anything.
    """
    left, found = 1.0, []
    pools = set[tuple[str, str, str]]()
    for option in options:
        share = 0.0 if option.pool in pools else min(left, ROOM * load.share_of(option))
        pools.add(option.pool)
        found.append(share)
        left -= share
    whole = sum(found)
    if not whole:
        return (1.0, *(0.0 for _ in options[1:]))
    steps = _apportioned([share / whole * _STEPS for share in found])
    return tuple(step / _STEPS for step in steps)


def _apportioned(exact: list[float]) -> list[int]:
    """Whole steps for these exact ones, each less than one step off, as many in all.

    What is left of the whole parts goes to the largest remainders, of equal ones to the first.
    """
    steps = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: steps[place] - exact[place])
    for place in by_remainder[: _STEPS - sum(steps)]:
        steps[place] += 1
    return steps


def spread(
    options: list[InferenceOption], situation: Situation, memory: Memory, *, throttles: bool
) -> tuple[Memory, tuple[Reason, ...]]:
    """The shares to keep in force, or none where the first way carries the load alone.

    Kept shares change only by a tenth or more. They stay while the first way could not carry the
    load alone, or what is wanted was not read, and then until it has been calm, so that the table
    does not swing. A way that throttles what its quota admits is no way to keep a share for.
    """
    if memory.pressure_until is None and not memory.spread:
        return memory, ()
    load = recent_load(situation)
    if load is not None and not carries_all(options[0], load):
        memory = pressed(_spread_anew(options, load, memory), options[0], situation)
        return memory, (_told(options, load, memory),)
    is_calm = memory.pressure_until is None or throttles
    if kept_weights(options, memory) is None or (load is not None and is_calm):
        return without_spread(memory), ()
    if load is None:
        memory = pressed(memory, options[0], situation)
    return memory, (_told(options, load, memory),)


def pressed(memory: Memory, first: InferenceOption, situation: Situation) -> Memory:
    """The memory with pressure on the first way until it has been calm for long enough."""
    calm = situation.target.thresholds.routing.calm_minutes * MINUTE
    return replace(
        memory,
        pressed=sight_of(first, situation.observation.regions),
        pressure_until=situation.scheduled_at + calm,
    )


def carries_all(option: InferenceOption, load: Load) -> bool:
    """Whether all of the load can be offered there, but for a part that no share could take."""
    return ROOM * load.share_of(option) >= 1 - _STEP / 2


def _spread_anew(options: list[InferenceOption], load: Load, memory: Memory) -> Memory:
    shares = tuple(
        ("|".join(option.place), weight)
        for option, weight in zip(options, spread_weights(options, load), strict=True)
        if weight > 0
    )
    return replace(memory, spread=shares) if _differs(shares, memory.spread) else memory


def without_spread(memory: Memory) -> Memory:
    """The memory while no load is spread."""
    return replace(memory, spread=()) if memory.spread else memory


def kept_weights(options: list[InferenceOption], memory: Memory) -> tuple[float, ...] | None:
    """The weights that the memory keeps for these options; None where it keeps none for them."""
    shares = dict(memory.spread)
    weights = tuple(shares.get("|".join(option.place), 0.0) for option in options)
    whole = fsum(weights)
    return tuple(weight / whole for weight in weights) if whole > 0 else None


def _differs(new: tuple[tuple[str, float], ...], kept: tuple[tuple[str, float], ...]) -> bool:
    before, after = dict(kept), dict(new)
    changes = [abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in {*before, *after}]
    return max(changes, default=0.0) > _NOTICEABLE - _STEP / 2


def _told(options: list[InferenceOption], load: Load | None, memory: Memory) -> Reason:
    """How the load is spread, and why it is or still is."""
    weights = kept_weights(options, memory) or ()
    shares = zip(options, weights, strict=True)
    named = ", ".join(f"{option.title} {weight:.0%}" for option, weight in shares if weight)
    if load is None:
        return Reason(
            code=ReasonCode.LOAD_SPREAD,
            message=f"what is wanted was not read lately, and the load stays spread: {named}",
        )
    calls = ("calls_per_minute", load.calls)
    if carries_all(options[0], load):
        return Reason(
            code=ReasonCode.LOAD_SPREAD,
            message=f"{options[0].title} can be offered all of {load.calls:.0f} calls a minute "
            f"again, and the load stays spread until {end_text(memory.pressure_until)}: {named}",
            numbers=(calls,),
        )
    first, admitted = options[0], load.share_of(options[0])
    return Reason(
        code=ReasonCode.LOAD_SPREAD,
        message=f"{first.title} can be offered {ROOM * admitted:.0%} of {load.calls:.0f} calls "
        f"a minute, so that the load is spread: {named}",
        numbers=(calls, ("admitted_share", admitted)),
    )
