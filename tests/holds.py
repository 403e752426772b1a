"""Recorded holds, to decide again, and a core that would have bought."""

from datetime import datetime, timedelta
from decimal import Decimal

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decision import NO_MEMORY, Decision, Purchase, Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    build_decision,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_situation,
    build_target,
    build_traffic,
)

LAG = 3 * MINUTE
# Two full units of input a minute; the output takes less of its own limit.
DEMAND = {"invocations": 1_000.0, "input_tokens": 2_000_000.0, "output_tokens": 60_000.0}
# At 0.33 and 2.75 USD a million: 0.66 + 0.165 = 0.825 USD a minute, 49.50 an hour on demand.
ON_DEMAND_USD_PER_HOUR = 49.5


def ticks(
    hours: float,
    target: Target,
    fleet: Fleet | None = None,
    *,
    every: timedelta = 5 * MINUTE,
    start: datetime = NOW,
) -> list[RecordedDecision]:
    """Recorded holds of a target, one each five minutes; the fleet stays what it was."""
    end = start + timedelta(hours=hours)
    whole = build_traffic(24 * 60 + int(hours * 60), end=end, **DEMAND)
    recorded = []
    moment = start
    while moment <= end:
        situation = build_situation(
            target=target,
            scheduled_at=moment,
            fleet=fleet or build_fleet(),
            observation=build_observation(traffic=until(whole, moment - LAG)),
        )
        recorded.append(
            RecordedDecision(
                decision=build_decision(), situation=situation, history=None, code_version="1"
            )
        )
        moment += every
    return recorded


def until(traffic: Traffic, end: datetime) -> Traffic:
    """The minutes before `end`."""
    minutes = int((end - traffic.start) / MINUTE)
    series = {
        name: getattr(traffic, name)[:minutes]
        for name in ("invocations", "input_tokens", "output_tokens")
    }
    return build_traffic(minutes, end=end, **series)


class Greedy:
    """A core that always wants the most that its settings allow; it keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Situation] = []

    def __call__(self, situation: Situation) -> Decision:
        self.seen.append(situation)
        held = situation.fleet.staying_units
        wanted = situation.target.guard_rails.max_units
        actions: tuple[Purchase, ...] = ()
        if wanted > held:
            actions = (
                Purchase(model_id=PT_MODEL, model_units=wanted - held, usd_per_hour=Decimal(60)),
            )
        return build_decision(
            scheduled_at=situation.scheduled_at,
            actions=actions,
            desired_units=wanted,
            allowed_units=wanted,
            memory=NO_MEMORY,
        )


def limited(units: int) -> Target:
    return build_target(guard_rails=build_guard_rails(max_units=units))
