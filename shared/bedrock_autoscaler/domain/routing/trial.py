"""New ways on trial: a small share first, all of it when it serves, none when it is refused.

CloudWatch tells a refusal (403) only as a client error, or not at all, so that a way which answers
mostly with client errors, or shows nothing while it is offered calls, counts as refused.
Source: docs/model.md, section "Routing".
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from bedrock_autoscaler.domain.decision import Memory, Situation
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.lawfulness import sight_of
from bedrock_autoscaler.domain.routing.route import Route, route_of
from bedrock_autoscaler.domain.target import InferenceOption
from bedrock_autoscaler.domain.traffic.observation import Traffic, known_total
from bedrock_autoscaler.domain.units import MINUTE, moment_text

_MOSTLY = 0.5
_ALMOST_ALL = 0.9
_FEW_CALLS = 3
_MANY_CALLS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """How calls to one way were answered lately."""

    served: float
    refused: float

    @property
    def refused_share(self) -> float:
        """Client errors among all answers; 0 without any."""
        total = self.served + self.refused
        return self.refused / total if total else 0.0


def review(situation: Situation) -> Memory:
    """The memory with what the newest minutes say: who serves, who refuses, until when.

    A way that served once is proven. An unproven one is refused when most answers are client
    errors, a proven one when almost all of many are and another one serves; for how long stands
    from then on, although the same errors show for a while.
    """
    now, memory = situation.scheduled_at, situation.memory
    answers = {name: _answers(traffic) for name, traffic in situation.observation.by_option}
    serving = [a for a, seen in answers.items() if seen.served and seen.refused_share < _MOSTLY]
    proven = tuple(sorted({*memory.proven, *serving}))
    refused = {address: until for address, until in memory.refused if now < until}
    rest = situation.target.thresholds.routing.refused_minutes * MINUTE
    for address, seen in answers.items():
        if address in refused:
            continue
        calls = seen.served + seen.refused
        is_new = address not in proven
        others = [other for other in serving if other != address]
        if (is_new and calls >= _FEW_CALLS and seen.refused_share >= _MOSTLY) or (
            others and calls >= _MANY_CALLS and seen.refused_share >= _ALMOST_ALL
        ):
            refused[address] = now + rest
    served = tuple(address for address in proven if address not in refused)
    refusing = tuple(sorted(refused.items()))
    if (served, refusing) == (memory.proven, memory.refused):
        return memory
    return replace(memory, proven=served, refused=refusing)


def without_trial(memory: Memory) -> Memory:
    """The memory while nothing is on trial."""
    return memory if memory.trial is None else replace(memory, trial=None)


def without_refused(
    options: list[InferenceOption], memory: Memory, regions: Collection[str]
) -> tuple[list[InferenceOption], tuple[Reason, ...]]:
    """The ways that are not refused now, and why the others are left out.

    The last way stays whatever it answers: a table without a route helps nobody.
    """
    refused = dict(memory.refused)
    sights = [(option, sight_of(option, regions)) for option in options]
    kept = [option for option, sight in sights if sight not in refused] or options[:1]
    reasons = tuple(
        Reason(
            code=ReasonCode.ROUTE_REFUSED,
            message=f"{sight} refuses calls; it is left out of the table until "
            f"{moment_text(refused[sight])}",
        )
        for option, sight in sights
        if option not in kept
    )
    return kept, reasons


def share_on_trial(
    options: list[InferenceOption], memory: Memory, situation: Situation
) -> tuple[list[Route], Memory, tuple[Reason, ...]]:
    """The ways when no unit is paid for, with all for the first one, once it is proven.

    Until then it gets a small share beside the first proven way. Where none is proven there is
    nothing to compare with, and the operator's order stands. A trial that shows nothing for
    `trial_minutes` while others are called has failed, and the way is left out; it runs from when
    callers are sent there.
    """
    rules, now = situation.target.thresholds.routing, situation.scheduled_at
    regions = situation.observation.regions
    sights = [sight_of(option, regions) for option in options]
    fallback = next((index for index, name in enumerate(sights) if name in memory.proven), None)
    if not fallback:  # none is proven, or the first one is
        weights = (float(index == 0) for index in range(len(options)))
        return list(map(route_of, options, weights)), without_trial(memory), ()
    first = sights[0]
    known, started = memory.trial or ("", now)
    since = started if known == first and _is_offered(options[0], situation) else now
    if now - since >= rules.trial_minutes * MINUTE and _is_called(since, situation):
        refused = dict(memory.refused) | {first: now + rules.refused_minutes * MINUTE}
        failed = replace(memory, refused=tuple(sorted(refused.items())), trial=None)
        left, reasons = without_refused(options, failed, regions)
        routes, failed, further = share_on_trial(left, failed, situation)
        return routes, failed, reasons + further
    routes = list(map(route_of, options))
    routes[0] = route_of(options[0], rules.trial_share)
    routes[fallback] = route_of(options[fallback], 1 - rules.trial_share)
    reason = Reason(
        code=ReasonCode.ROUTE_ON_TRIAL,
        message=f"{first} has not served yet: it gets {rules.trial_share:.0%} of the traffic, "
        f"{sights[fallback]} the rest",
        numbers=(("trial_share", rules.trial_share),),
    )
    return routes, replace(memory, trial=(first, since)), (reason,)


def _answers(traffic: Traffic) -> _Answers:
    return _Answers(
        served=known_total(traffic.invocations),
        refused=known_total(traffic.client_errors),
    )


def _is_offered(option: InferenceOption, situation: Situation) -> bool:
    """Whether the table in force sends callers there."""
    return any(route.place == option.place and route.weight > 0 for route in situation.routes)


def _is_called(since: datetime, situation: Situation) -> bool:
    """Whether enough calls were made for a small share of them to show.

    Callers may have kept the table before for a while.
    """
    rules = situation.target.thresholds
    followed = since + rules.draining.client_cache_minutes * MINUTE
    seen = sum(
        _answers(traffic.since(followed)).served for _, traffic in situation.observation.by_option
    )
    return seen * rules.routing.trial_share >= _FEW_CALLS
