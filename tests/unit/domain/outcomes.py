"""What `act` makes of throughputs at an hour of which everything else is calm."""

from datetime import timedelta
from typing import Any

from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.steps import act
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.sizing.worth import SizePlan
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis
from tests.builders import (
    NOW,
    build_fleet,
    build_observation,
    build_pt,
    build_pt_traffic,
    build_situation,
    pt_arn,
)
from tests.unit.domain.worlds import DAY, HALF, build_demand, half_price_target

IDLE = build_demand((2 * DAY, 0.0))
CALM = Diagnosis(
    reason=Reason(code=ReasonCode.NO_PRESSURE, message="calm"),
    allows_growth=True,
    throttled_share=0.0,
    server_error_share=0.0,
)


def due(number: int = 1, units: int = 1, left: int = 20) -> ProvisionedThroughput:
    """A PT in service whose paid hour ends in so many minutes; 20 is the time to decide."""
    created_at = NOW - timedelta(minutes=120 - left)
    return build_pt(number, model_units=units, created_at=created_at)


def outcome(
    grow_to: int,
    keep: int,
    *throughputs: ProvisionedThroughput,
    demand: Demand = IDLE,
    economics: Economics = HALF,
    blockers: tuple[Reason, ...] = (),
    fleet: dict[str, Any] | None = None,
    observation: dict[str, Any] | None = None,
    unseen: frozenset[int] = frozenset(),
    plan: SizePlan | None = None,
    **target: Any,
) -> Outcome:
    never = {pt_arn(number) for number in unseen}
    evidence = tuple(build_pt_traffic(pt.arn, seen=pt.arn not in never) for pt in throughputs)
    situation = build_situation(
        target=half_price_target(**target),
        fleet=build_fleet(*throughputs, **(fleet or {})),
        observation=build_observation(provisioned=evidence, **(observation or {})),
    )
    grounds = Grounds(
        demand=demand, economics=economics, diagnosis=CALM, blockers=blockers, blocked_until=None
    )
    return act(situation, Wish(grow_to=grow_to, keep=keep, plan=plan, reasons=()), grounds)


def codes(found: Outcome) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]


BLOCKER = Reason(code=ReasonCode.PRICE_STALE, message="old")
