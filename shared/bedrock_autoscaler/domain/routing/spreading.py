"""Weights where no single way carries the load: each is offered what its quota admits.

Source: docs/model.md, section "Routing".
"""

from dataclasses import dataclass, replace

from bedrock_autoscaler.domain.decision import Memory, Situation
from bedrock_autoscaler.domain.option import InferenceOption
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.traffic.observation import known_mean
from bedrock_autoscaler.domain.units import MINUTE

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


def recent_load(situation: Situation) -> Load:
    """The load of the newest minutes that are looked at for pressure."""
    rules = situation.target.thresholds
    traffic = situation.observation.traffic
    recent = traffic.since(traffic.end - rules.routing.pressure_minutes * MINUTE)
    served = known_mean(recent.invocations)
    wanted = served + known_mean(recent.throttles) / rules.observing.attempts_per_call
    factor = wanted / served if served else 1.0
    written = known_mean(recent.input_tokens) + known_mean(recent.cache_write_tokens)
    return Load(
        calls=wanted,
        input_tokens=written * factor,
        output_tokens=known_mean(recent.output_tokens) * factor,
    )


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
    return tuple(step * _STEP for step in steps)


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
    options: list[InferenceOption], situation: Situation, memory: Memory
) -> tuple[Memory, tuple[Reason, ...]]:
    """The shares to keep in force, or none where the first way carries the load alone.

    Kept shares change only by a tenth or more, and while the first way could not carry the load
    alone its pressure counts as lasting, so that the table does not swing.
    """
    if memory.pressure_until is None or len({option.pool for option in options}) == 1:
        return without_spread(memory), ()
    load = recent_load(situation)
    if ROOM * load.share_of(options[0]) >= 1:
        return without_spread(memory), ()
    weights = spread_weights(options, load)
    shares = tuple(
        ("|".join(option.place), weight)
        for option, weight in zip(options, weights, strict=True)
        if weight > 0
    )
    if not _differs(shares, memory.spread):
        shares = memory.spread
    calm = situation.target.thresholds.routing.calm_minutes * MINUTE
    until = max(memory.pressure_until, situation.scheduled_at + calm)
    return replace(memory, spread=shares, pressure_until=until), (
        _reason(options[0], load, shares),
    )


def without_spread(memory: Memory) -> Memory:
    """The memory while no load is spread."""
    return replace(memory, spread=()) if memory.spread else memory


def kept_weights(options: list[InferenceOption], memory: Memory) -> tuple[float, ...] | None:
    """The weights that the memory keeps for these options; None where it keeps none for them."""
    shares = dict(memory.spread)
    weights = tuple(shares.get("|".join(option.place), 0.0) for option in options)
    whole = sum(weights)
    return tuple(weight / whole for weight in weights) if whole > 0 else None


def _differs(new: tuple[tuple[str, float], ...], kept: tuple[tuple[str, float], ...]) -> bool:
    before, after = dict(kept), dict(new)
    changes = [abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in {*before, *after}]
    return max(changes, default=0.0) > _NOTICEABLE - _STEP / 2


def _reason(first: InferenceOption, load: Load, shares: tuple[tuple[str, float], ...]) -> Reason:
    named = ", ".join(f"{name.rstrip('|')} {weight:.0%}" for name, weight in shares)
    return Reason(
        code=ReasonCode.LOAD_SPREAD,
        message=f"{first.address} admits {load.share_of(first):.0%} of {load.calls:.0f} calls a "
        f"minute, so that the load is spread: {named}",
        numbers=(("calls_per_minute", load.calls), ("admitted_share", load.share_of(first))),
    )
