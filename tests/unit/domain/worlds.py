"""Worlds with round numbers, in which decisions can be worked out by hand.

A full model unit serves 1,000,000 input and 300,000 output tokens a minute; served on demand
that is 60 x (1,000 x 0.00033 + 300 x 0.00275) = 69.30 USD an hour. A unit costs 34.65 USD an hour
here, so that it pays from half use on.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from bedrock_autoscaler.domain.decision import NO_MEMORY, Decision, Memory, Situation
from bedrock_autoscaler.domain.economics.costs import Economics, Tier
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED
from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    UNIT_PRICE,
    build_observation,
    build_provisioned,
    build_situation,
    build_target,
    build_traffic,
)

ON_DEMAND_USD = 69.30
UNIT_USD = 34.65
CALLS_PER_UNIT = 100.0
DAY = 1440
END = NOW - 3 * MINUTE
"""End of the settled minutes at NOW."""

HALF = Economics(
    unit_usd=UNIT_USD,
    tiers=(Tier(address=MODEL, capacity_units=float("inf"), usd_per_unit_hour=ON_DEMAND_USD),),
    throttle_usd=10 * ON_DEMAND_USD,
)
"""The prices of this world: break-even at half use, on demand without a quota."""


def units_in(*pieces: tuple[int, float]) -> Series:
    """Demand in units by minute: (minutes, units) one after the other."""
    return np.concatenate([np.full(minutes, units) for minutes, units in pieces])


def build_demand(*pieces: tuple[int, float]) -> Demand:
    """Demand of these pieces up to END."""
    load = units_in(*pieces)
    return Demand(start=END - len(load) * MINUTE, load=load, requests=load * CALLS_PER_UNIT)


def trusting(**weights: float) -> Memory:
    """A memory that trusts these look-back windows so far, and no other, for orders and renewals.

    Nothing else is remembered: the next learning starts from the prior trust again.
    """
    trust = tuple(weights.pop(name, 0.0) for name in WINDOWS)
    if weights:
        raise ValueError(f"no look-back windows: {sorted(weights)}")
    learned = replace(NOTHING_LEARNED, order_weights=trust, keep_weights=trust)
    return replace(NO_MEMORY, learned=learned)


def units_traffic(*pieces: tuple[int, float], **series: Any) -> Traffic:
    """Traffic whose demand is these pieces up to END, 100 calls for a unit's minute."""
    load = units_in(*pieces)
    tokens = {
        "invocations": load * CALLS_PER_UNIT,
        "input_tokens": load * 1_000_000,
        "output_tokens": load * 300_000,
    }
    return build_traffic(len(load), **(tokens | series))


def half_price_target(**overrides: Any) -> Target:
    """A target of this world."""
    price = replace(UNIT_PRICE, usd_per_hour=Decimal(str(UNIT_USD)))
    return build_target(provisioned=build_provisioned(price=price), **overrides)


def situation(*pieces: tuple[int, float], **overrides: Any) -> Situation:
    """A capacity tick of the half-price target after this demand."""
    series = overrides.pop("series", {})
    observation = build_observation(traffic=units_traffic(*pieces, **series), by_option=())
    changed = {"target": half_price_target(), "observation": observation} | overrides
    return build_situation(**changed)


def codes(decision: Decision) -> list[ReasonCode]:
    return [reason.code for reason in decision.reasons]
