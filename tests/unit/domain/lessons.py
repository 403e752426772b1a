"""Demand to learn from, and what was learned of it."""

from dataclasses import replace

import numpy as np

from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED, Learned, learn
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, THRESHOLDS
from tests.unit.domain.worlds import DAY, HALF, build_demand

SIZING = THRESHOLDS.sizing


def demand_of(load: Series) -> Demand:
    """This demand up to the end of the settled minutes at NOW."""
    return replace(build_demand((len(load), 0.0)), load=load)


def taught(demand: Demand, *, before: Learned = NOTHING_LEARNED, ago: int = 0) -> Learned:
    """What is learned of the demand as it was so many minutes ago."""
    then = replace(
        demand,
        load=demand.load[: len(demand) - ago],
        requests=demand.requests[: len(demand) - ago],
    )
    return learn(before, then, NOW - ago * MINUTE, economics=HALF, sizing=SIZING)


def long_stays(random: np.random.Generator, days: int = 14) -> Series:
    """Levels of 0 to 2 units that stay for 7 hours on average, at no time of day in particular."""
    stays = random.integers(300, 541, 5 * days)
    return np.repeat(random.random(5 * days) * 2, stays)[: days * DAY]
