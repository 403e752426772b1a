"""A target whose model changed, with throughputs of the old model and of the new one."""

from dataclasses import replace
from typing import Any

from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.steps import act
from bedrock_autoscaler.domain.decision import NO_MEMORY, Situation
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    build_fleet,
    build_observation,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_situation,
    pt_arn,
)
from tests.unit.domain.worlds import DAY, HALF, build_demand, half_price_target, units_traffic

OLD = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-2-lite-v1:0:256k/aaaa"
NEW = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-2-lite-v1:0:256k/bbbb"
FULL = build_demand((2 * DAY, 2.0))
"""A demand of two units: what is held is in full use."""
CALM = Diagnosis(
    reason=Reason(code=ReasonCode.NO_PRESSURE, message="calm"),
    allows_growth=True,
    throttled_share=0.0,
    server_error_share=0.0,
)


def old(number: int, units: int = 1, left: int = 20, **changed: Any) -> ProvisionedThroughput:
    """A throughput of the old model, at the tick that decides whether it leaves."""
    pt = build_pt(number, model_id=OLD, model_units=units, created_at=NOW - (120 - left) * MINUTE)
    return replace(pt, **changed)


def new(number: int, units: int = 1, **changed: Any) -> ProvisionedThroughput:
    """One of the new model, in service for a while."""
    return replace(build_pt(number, model_id=NEW, model_units=units), **changed)


def situation(
    *throughputs: ProvisionedThroughput,
    routed: tuple[int, ...] = (),
    succession: int | None = None,
    fleet: dict[str, Any] | None = None,
    **target: Any,
) -> Situation:
    """A target whose document names NEW, with these throughputs and a table of some of them."""
    aim = half_price_target(**target)
    bought = replace(aim.provisioned or build_provisioned(), model_id=NEW)
    return build_situation(
        target=replace(aim, provisioned=bought),
        fleet=build_fleet(*throughputs, **(fleet or {})),
        observation=build_observation(
            traffic=units_traffic((2 * DAY, 2.0)),
            provisioned=tuple(build_pt_traffic(pt.arn) for pt in throughputs),
        ),
        routes=tuple(
            Route(kind=OptionKind.PROVISIONED, address=pt_arn(number), weight=0.5)
            for number in routed
        ),
        memory=replace(NO_MEMORY, succession=succession),
    )


def outcome(
    given: Situation,
    grow_to: int = 2,
    keep: int = 2,
    demand: Demand = FULL,
    *,
    economics: Economics = HALF,
) -> Outcome:
    grounds = Grounds(
        demand=demand, economics=economics, diagnosis=CALM, blockers=(), blocked_until=None
    )
    return act(given, Wish(grow_to=grow_to, keep=keep, plan=None, reasons=()), grounds)


def numbers(found: Outcome, code: ReasonCode) -> dict[str, float]:
    return dict(next(reason for reason in found.reasons if reason.code is code).numbers)


def codes(found: Outcome) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]
