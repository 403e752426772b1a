"""The oracles of endpoints: each change has its outcome in time, and a day sees few of them."""

from collections.abc import Iterator

from bedrock_autoscaler.application.reviewing.findings import Finding, notice, violation
from bedrock_autoscaler.application.reviewing.inspecting import EndpointFacts, Facts, TargetFacts
from bedrock_autoscaler.application.scaling.rescaling import GRACE
from bedrock_autoscaler.domain.fleet.scalings import KEPT, ScalingIntent
from bedrock_autoscaler.domain.option import InstanceRails
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import MINUTE, in_a_day, usd

_TICKS = 3 * MINUTE


def endpoint_findings(facts: Facts, one: TargetFacts, *, is_admitted: bool) -> Iterator[Finding]:
    """What the ledger's records of a target's endpoints show.

    Args:
        facts: the stack at one moment.
        one: the target.
        is_admitted: the newest decision knew the settings in force, so that more than they allow
            is a breach.
    """
    options = one.target.options if one.target else ()
    bounds = {option.address: option.instances for option in options}
    if one.target is not None:
        yield from _afforded(facts, one, one.target)
    for endpoint in one.endpoints:
        rails = bounds.get(endpoint.record.address)
        yield from _settled(facts, endpoint, rails)
        if rails is not None:
            yield from _paced(facts, endpoint, rails, is_admitted=is_admitted)


def _afforded(facts: Facts, one: TargetFacts, target: Target) -> Iterator[Finding]:
    """Units and instances together; somebody may have changed an endpoint by hand."""
    costs = facts.costs.of_target(one.name)
    most = target.guard_rails.max_usd_per_hour
    dollars = usd(one.state.record.reserved_usd_per_hour + costs.usd_per_hour)
    if costs.each and dollars > most:
        text = f"units and instances cost {dollars} USD per hour together, max_usd_per_hour is"
        yield notice("O2", one.name, f"{text} {most}")


def _settled(
    facts: Facts, endpoint: EndpointFacts, rails: InstanceRails | None
) -> Iterator[Finding]:
    """An open change is looked up by the actor's next runs, for as long as Bedrock is at it."""
    intent = endpoint.record.open
    if intent is None:
        return
    age, target = facts.now - intent.recorded_at, endpoint.record.target
    text = f"{_told(endpoint, intent)} has had no outcome for {age // MINUTE} minutes"
    if rails is None:
        why = "no option of the settings names its instances any more, so that nobody looks it up"
        yield notice("O10", target, f"{text}; {why}")
    elif age <= GRACE + _TICKS:
        yield notice("O10", target, f"{text}; it is being looked up")
    elif endpoint.seen is None:
        yield notice("O10", target, f"{text}; Bedrock does not show the endpoint")
    elif not endpoint.seen.is_settled:
        yield notice("O10", target, f"{text}; Bedrock is still at it")
    else:
        runs = f"it stands at {endpoint.seen.instances} instances"
        yield violation("O10", target, f"{text}; {runs}, and scale_endpoint has not said so")


def _told(endpoint: EndpointFacts, intent: ScalingIntent) -> str:
    return (
        f"{intent.decision_id}, {endpoint.record.address} from {intent.from_instances} to "
        f"{intent.to_instances} instances,"
    )


def _paced(
    facts: Facts, endpoint: EndpointFacts, rails: InstanceRails, *, is_admitted: bool
) -> Iterator[Finding]:
    made = endpoint.record.made_since(facts.now - KEPT)
    if made > rails.max_changes_per_day:
        finding = violation if is_admitted else notice
        text = in_a_day(made, rails.max_changes_per_day, "change")
        yield finding("O13", endpoint.record.target, f"{endpoint.record.address}: {text}")
