"""How soon a target must be looked at again: each minute while anything moves, seldom when quiet.

Looking costs money, so a quiet target is left alone for up to a quarter of an hour. Whatever is
not known to be quiet is not quiet. Source: docs/scale.md, section "Cadence".
"""

from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.routing.route import content
from bedrock_autoscaler.domain.target import Loop, Mode
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic, known_total
from bedrock_autoscaler.domain.units import MINUTE

AT_ONCE = 1
WATCHFUL = 5
QUIET = 15
"""Minutes between two looks."""

_BLOCK = 5
_HOUR = 60
_MINUTE_SECONDS = 60
_RELATIVE = 0.5
_SIGMAS = 5.0


def minutes_between(situation: Situation, decision: Decision) -> int:
    """Minutes until the next look, by what this one saw and concluded: 1, 5 or 15."""
    if is_moving(situation, decision):
        return AT_ONCE
    traffic = situation.observation.traffic
    pace = _pace(span(traffic, traffic.end - _HOUR * MINUTE, traffic.end))
    # A release waits for the last minutes of a paid hour, which a quarter of an hour may miss.
    return min(pace, WATCHFUL) if situation.fleet.throughputs else pace


def is_moving(situation: Situation, decision: Decision) -> bool:
    """Whether a state is in flight, or calls were refused lately.

    Where the place cannot be reached nothing can be moved on, and asking each minute helps nobody.
    """
    if situation.unreachable:
        return False
    fleet, now, memory = situation.fleet, situation.scheduled_at, decision.memory
    if decision.actions or fleet.open_purchase_units or not fleet.complete:
        return True
    if any(pt.status is not Status.IN_SERVICE or pt.draining for pt in fleet.throughputs):
        return True
    if _waits_for_publishing(situation, decision):
        return True
    is_on_trial = memory.trial is not None and decision.mode is Mode.ACT
    if is_on_trial or (memory.pressure_until or now) > now:
        return True
    return _refusals(situation.observation.traffic) > 0


def needs_acting(situation: Situation, decision: Decision) -> bool:
    """Whether anything is held, under way, or to be bought, released or published."""
    fleet = situation.fleet
    if decision.actions or fleet.open_purchase_units or fleet.throughputs:
        return True
    return _waits_for_publishing(situation, decision)


def _waits_for_publishing(situation: Situation, decision: Decision) -> bool:
    """Whether callers are about to be told of other routes; advice is never published."""
    is_published = situation.loop is Loop.ROUTING and decision.mode is Mode.ACT
    return is_published and content(decision.routes) != content(situation.routes)


def slot_after(at: datetime, minutes: int, offset: int) -> datetime:
    """The first minute after `at` whose number is `offset` modulo `minutes`.

    Targets with different offsets come in different minutes, however they began.
    """
    minute = int(at.timestamp() // _MINUTE_SECONDS)
    return at + ((offset - minute - 1) % minutes + 1) * MINUTE


def _refusals(traffic: Traffic) -> float:
    """Calls refused in the newest quarter of an hour."""
    return known_total(traffic.throttles[-QUIET:])


def _pace(recent: Traffic) -> int:
    """15 after a calm hour without refusals, 5 after a calm quarter of an hour, else 1.

    With gaps nothing is known to be calm, and nothing is gained by asking each minute either: a
    source that fails is not asked more often.
    """
    calls = _blocks(recent.invocations + recent.throttles)
    tokens = _blocks(recent.input_tokens + recent.output_tokens)
    newest = slice(-(QUIET // _BLOCK), None)
    if np.isnan(calls[newest]).any():
        return WATCHFUL
    if not _is_calm(calls[newest], tokens[newest]):
        return AT_ONCE
    # A refusal counts as a call, and might fill the very dip that makes an hour restless.
    is_clear = not np.isnan(calls).any() and not recent.throttles.any()
    return QUIET if is_clear and _is_calm(calls, tokens) else WATCHFUL


def _is_calm(calls: Series, tokens: Series) -> bool:
    """Whether no five minutes differ much from any other, neither in calls nor in tokens.

    Much: by more than half of the most, and what chance explains, which lets so many calls differ
    as the root of their number, and the tokens that go with them.
    """
    chance = _SIGMAS * float(np.sqrt(max(_median(calls), 1.0)))
    size = float(tokens.sum() / max(calls.sum(), 1.0))
    return _spread(calls) <= chance and _spread(tokens) <= size * chance


def _median(values: Series) -> float:
    """As numpy has it, whose own takes longer than all else here."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _spread(blocks: Series) -> float:
    """How far the least is below half of the most, and then some."""
    return float(blocks.max() - blocks.min() - _RELATIVE * blocks.max())


def _blocks(values: Series) -> Series:
    """Sums of five minutes each; NaN where one of them is a gap."""
    sums: Series = values.reshape(-1, _BLOCK).sum(axis=1)
    return sums
