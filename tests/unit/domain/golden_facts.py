"""What a row of the golden table says of traffic and of the fleet."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.fleet.holdings import (
    Fleet,
    Ownership,
    ProvisionedThroughput,
    Spend,
    Status,
)
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import Observation, Series
from bedrock_autoscaler.domain.unit_rates.rates import RateKind, RateMeasurement, scaled
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    UNIT_RATE,
    build_fleet,
    build_observation,
    build_pt,
    build_pt_traffic,
    build_rate_measurement,
    build_term_facts,
    build_traffic,
    pt_arn,
)
from tests.unit.domain.terms import level
from tests.unit.domain.terms import weeks as studied
from tests.unit.domain.worlds import units_in, units_traffic


def observation_of(given: dict[str, Any], facts: dict[str, Any]) -> Observation:
    series: dict[str, Series] = {
        name: units_in(*given[name]) for name in ("throttles", "server_errors") if name in given
    }
    if given.get("target", {}).get("modality") == "embedding":
        series["output_tokens"] = units_in(*((minutes, 0.0) for minutes, _ in given["demand"]))
    traffic = units_traffic(*given["demand"], **series)
    observation = build_observation(
        traffic=traffic,
        by_option=(),
        provisioned=tuple(
            build_pt_traffic(pt_arn(number), seen=pt.get("seen", True))
            for number, pt in enumerate(held_of(given), start=1)
        ),
        **{
            name: known(facts[name])
            for name in (
                "model_is_active",
                "model_unit_quota",
                "model_units_used",
                "silent_together",
            )
            if name in facts
        },
    )
    if facts.get("model_end") == "unknown":
        observation = replace(observation, term_facts=build_term_facts(model_end=None))
    if "study" in given:
        observation = replace(observation, commitment=_study(**given["study"]))
    if "measured" in given:
        observation = replace(observation, unit_rate=_measured(**given["measured"]))
    if "spilled" in given:
        spilled = build_traffic(
            30,
            invocations=given["spilled"]["calls"],
            throttles=given["spilled"]["throttles"],
        )
        observation = replace(observation, by_option=((MODEL, spilled),))
    if "profile" in given:
        through = build_traffic(
            30,
            invocations=given["profile"]["calls"],
            client_errors=given["profile"]["refused"],
        )
        by_option = (*observation.by_option, (PROFILE, through))
        observation = replace(observation, by_option=by_option)
    return observation


def _study(weeks: int, usd: list[float], days_old: int = 0) -> CommitmentStudy:
    """So many weeks, all steady, in which each level cost the same."""
    return studied(*map(level, usd), days=7 * weeks, at=NOW - timedelta(days=days_old))


def _measured(of_stated: float, low: float = 1.0, high: float | None = None) -> RateMeasurement:
    """A measurement of the stated proportions; a lower bound without `high`."""
    return build_rate_measurement(
        kind=RateKind.LOWER_BOUND if high is None else RateKind.MEASURED,
        rate=scaled(UNIT_RATE, of_stated),
        low=low,
        high=high,
    )


def held_of(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Each throughput that is held; a row may hold one of a kind several `times`."""
    return [pt for pt in given.get("held", []) for _ in range(pt.get("times", 1))]


def fleet_of(changed: dict[str, Any], held: list[dict[str, Any]]) -> Fleet:
    overrides = dict(changed)
    spend = Spend(
        day_usd=Decimal(overrides.pop("day_usd", "0")),
        month_usd=Decimal(overrides.pop("month_usd", "0")),
    )
    overrides["strays"] = tuple(overrides.get("strays", ()))
    for name in ("last_grow_at", "last_release_at", "rests_until"):
        if name in overrides:
            overrides[name] = moment(overrides[name])
    throughputs = (_throughput(number, pt) for number, pt in enumerate(held, start=1))
    return build_fleet(*throughputs, spend=spend, **overrides)


def _throughput(number: int, given: dict[str, Any]) -> ProvisionedThroughput:
    """A PT in its second paid hour, or in its first one before it is in service."""
    status = Status(given.get("status", "InService"))
    age = (60 if status in {Status.CREATING, Status.FAILED} else 120) - given["left"]
    return build_pt(
        number,
        model_id=given.get("model", PT_MODEL),
        model_units=given.get("units", 1),
        status=status,
        ownership=Ownership(given.get("ownership", "owned")),
        commitment=Commitment(given.get("commitment", "none")),
        created_at=NOW - timedelta(minutes=age),
        draining=given.get("draining", False),
    )


def known(value: Any) -> Any:
    return None if value == "unknown" else value


def moment(text: str) -> Any:
    return NOW - int(text.split(maxsplit=1)[0]) * MINUTE
