"""How many instances a Marketplace endpoint should run, within the bounds that a person set.

Source: docs/model.md, section "Instances".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from bedrock_autoscaler.domain.decision import Scaling, Situation
from bedrock_autoscaler.domain.option import InferenceOption, InstanceRails
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.lawfulness import usable_options
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import EndpointState, Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE, count_text, in_a_day

ROOM = 0.8
"""Share of its calls that an instance is planned for: calls come unevenly within a minute."""
GROW_MINUTES = 5
"""Newest minutes that growing looks at, of which the second highest counts: one peak is over."""
SHRINK_MINUTES = 30
"""Newest minutes, all of them read, of which the highest counts for shrinking."""
GROW_REST_MINUTES = 15
SHRINK_REST_MINUTES = 60
"""Least minutes since the endpoint last changed; a change takes minutes, and an hour is paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalings:
    """The changes of instances that are wanted, and what is to be said of every endpoint."""

    changes: tuple[Scaling, ...]
    reasons: tuple[Reason, ...]


def scale_endpoints(situation: Situation) -> Scalings:
    """At most one change for each endpoint whose bounds are stated."""
    states = {state.address: state for state in situation.observation.endpoints}
    traffic = dict(situation.observation.by_option)
    changes, reasons = [], []
    for option in usable_options(situation.target):
        if option.instances is None:
            continue
        state, seen = states.get(option.address), traffic.get(option.series)
        change, reason = _scale(option, option.instances, (state, seen), situation)
        reasons.append(reason)
        if change is not None:
            changes.append(change)
    return Scalings(changes=tuple(changes), reasons=tuple(reasons))


def _scale(
    option: InferenceOption,
    rails: InstanceRails,
    seen: tuple[EndpointState | None, Traffic | None],
    situation: Situation,
) -> tuple[Scaling | None, Reason]:
    state, traffic = seen
    if state is None or traffic is None:
        return None, _held(option, "its instances or its calls could not be read")
    if not state.is_settled:
        return None, _held(option, f"it is changing to {state.instances} instances")
    attempts = situation.target.thresholds.observing.attempts_per_call
    wanted = traffic.invocations + traffic.throttles / attempts
    needed = _needed(wanted, rails, state.instances)
    # Fewer one by one, also where a bound was lowered.
    bounded = max(_bounded(needed, rails, situation.target), state.instances - 1)
    problem = next(_problems(bounded, state, rails, situation), None)
    if bounded == state.instances or problem:
        trimmed = "" if bounded == needed else f", {needed} would be needed"
        said = problem or f"{state.instances} instances are right{trimmed}"
        return None, _held(option, said, instances=float(state.instances), needed=float(needed))
    change = Scaling(address=option.address, from_instances=state.instances, to_instances=bounded)
    usd = float(rails.usd_per_instance_hour) * (bounded - state.instances)
    reason = Reason(
        code=ReasonCode.ENDPOINT_SCALED,
        message=f"{option.address} goes from {state.instances} to {bounded} instances "
        f"({needed} needed), {usd:+.2f} USD an hour",
        numbers=(
            ("from_instances", float(state.instances)),
            ("to_instances", float(bounded)),
            ("needed", float(needed)),
            ("usd_per_hour", usd),
        ),
    )
    return change, reason


def _needed(wanted: Series, rails: InstanceRails, running: int) -> int:
    """The number that the calls ask for: fewer only on a full record."""
    each = ROOM * rails.calls_per_minute
    newest = np.sort(wanted[-GROW_MINUTES:])
    known = newest[~np.isnan(newest)]
    now = ceil(float(known[-2]) / each) if len(known) > 1 else 0
    if now > running:
        return now
    record = wanted[-SHRINK_MINUTES:]
    if len(record) < SHRINK_MINUTES or bool(np.isnan(record).any()):
        return running
    return min(ceil(float(record.max()) / each), running)


def _bounded(needed: int, rails: InstanceRails, target: Target) -> int:
    """Within the endpoint's bounds and the target's dollars an hour, but never below the least."""
    affordable = int(target.guard_rails.max_usd_per_hour / rails.usd_per_instance_hour)
    return max(rails.min_instances, min(needed, rails.max_instances, affordable))


def _problems(
    wanted: int, state: EndpointState, rails: InstanceRails, situation: Situation
) -> Iterator[str]:
    """What speaks against the change now."""
    made, most = state.changes_last_day, rails.max_changes_per_day
    if wanted != state.instances and made >= most:
        yield f"{in_a_day(made, most, 'change')}; {count_text(wanted, 'instance')} wanted"
    now, controls = situation.scheduled_at, situation.target.controls
    grows = wanted > state.instances
    rest = GROW_REST_MINUTES if grows else SHRINK_REST_MINUTES
    if wanted != state.instances and now - state.changed_at < rest * MINUTE:
        yield f"it changed less than {rest} minutes ago; {wanted} instances are wanted"
    by_hand = controls.growth_problem(now) if grows else controls.shrink_problem(now)
    if wanted != state.instances and by_hand:
        yield f"{by_hand}; {wanted} instances are wanted"


def _held(option: InferenceOption, why: str, **numbers: float) -> Reason:
    return Reason(
        code=ReasonCode.ENDPOINT_HELD,
        message=f"{option.address} keeps its instances: {why}",
        numbers=tuple(numbers.items()),
    )
