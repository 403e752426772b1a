"""Units that are paid for and idle while calls go past them: a fault of whoever routes the calls.

Source: docs/model.md, section "Routing".
"""

from collections.abc import Iterable

from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.traffic.observation import known_total
from bedrock_autoscaler.domain.units import MINUTE

QUIET_MINUTES = 10
"""So long a routed throughput shows no call before callers are taken not to follow the table."""

_FEW_CALLS = 10


def router_faults(situation: Situation) -> tuple[Reason, ...]:
    """One reason for each idle throughput that callers are sent to while others are called."""
    past = _calls_elsewhere(situation)
    if past < _FEW_CALLS:
        return ()
    return tuple(
        Reason(
            code=ReasonCode.ROUTER_FAULT,
            message=f"{pt.arn} stands in the table and takes no calls, while {past:.0f} calls in "
            f"{QUIET_MINUTES} minutes went on demand: callers do not follow the table",
            numbers=(("calls_elsewhere", past), ("model_units", float(pt.model_units))),
        )
        for pt in situation.fleet.serving
        if pt.is_routable and _is_passed_over(pt, situation)
    )


def is_called_first(arn: str, routes: Iterable[Route]) -> bool:
    """Whether a table sends calls to a throughput first; that of an override may send none."""
    return any(route.address == arn and route.weight > 0 for route in routes)


def _calls_elsewhere(situation: Situation) -> float:
    """Calls to the ways on demand in the newest minutes, refused ones among them."""
    return float(
        sum(
            known_total(traffic.invocations[-QUIET_MINUTES:])
            + known_total(traffic.throttles[-QUIET_MINUTES:])
            for _, traffic in situation.observation.by_option
        )
    )


def _is_passed_over(pt: ProvisionedThroughput, situation: Situation) -> bool:
    """Whether it was in the table for long enough to be called, and was not."""
    target = situation.target
    if not is_called_first(pt.arn, situation.routes) or pt.in_service_since is None:
        return False
    known = target.thresholds.draining.client_cache_minutes + QUIET_MINUTES
    settled = known + target.thresholds.observing.settling_minutes
    if situation.scheduled_at - pt.in_service_since < settled * MINUTE:
        return False
    evidence = next((p for p in situation.observation.provisioned if p.arn == pt.arn), None)
    return evidence is not None and (not evidence.seen or evidence.quiet_minutes >= QUIET_MINUTES)
