"""A small provisioned throughput for tests: a token bucket and seeded traffic by the minute."""

from functools import cache

import numpy as np

from bedrock_autoscaler.domain.target import RateCombination, UnitRate
from bedrock_autoscaler.domain.traffic.observation import Traffic
from tests.builders import build_traffic

CALLS_PER_UNIT = 30.0
"""Calls a minute that fill a model unit."""


@cache
def throttled_traffic(
    rate: UnitRate,
    *,
    load: float,
    units: int = 2,
    days: int = 4,
    seed: int = 1,
    swing: float = 0.5,
    two_kinds: bool = False,
) -> Traffic:
    """What CloudWatch shows of a throughput whose refused calls go elsewhere; made once.

    Args:
        rate: the truth.
        load: mean demand as a share of what the throughput serves.
        units: model units of the throughput.
        days: length.
        seed: of the arrivals and sizes.
        swing: how much demand swings over the day.
        two_kinds: whether the mix of input and output changes over the day.
    """
    chance = np.random.default_rng(seed)
    minutes = days * 1440
    time = np.arange(minutes)
    level = 1 + swing * np.sin(2 * np.pi * time / 1440)
    arrivals = chance.poisson(level * load * CALLS_PER_UNIT * units)
    minute = np.repeat(time, arrivals)
    at = np.sort(minute + chance.random(len(minute)))
    heavy_output = (
        chance.random(len(at)) < 0.5 + 0.45 * np.cos(2 * np.pi * at / 1440)
        if two_kinds
        else np.zeros(len(at), dtype=np.bool_)
    )
    share = np.where(heavy_output, 0.3, 0.7)
    size = chance.gamma(2.0, 0.5, len(at)) / CALLS_PER_UNIT
    is_sum = rate.combination is RateCombination.SUM
    if rate.output_tokens_per_minute is None:
        share = np.ones(len(at))
    elif not is_sum:
        # The fuller limit is what a call of this size fills.
        size /= np.maximum(share, 1 - share)
    inputs = size * share * rate.input_tokens_per_minute
    outputs = size * (1 - share) * (rate.output_tokens_per_minute or 0.0)
    series = {name: np.zeros(minutes) for name in ("calls", "throttles", "inputs", "outputs")}
    # Ten seconds' worth of each limit.
    depth, left, last = units / 6.0, [units / 6.0, units / 6.0], 0.0
    for moment, one, other in zip(at.tolist(), inputs.tolist(), outputs.tolist(), strict=True):
        grown = (moment - last) * units
        left, last = [min(depth, each + grown) for each in left], moment
        of_input = one / rate.input_tokens_per_minute
        of_output = other / (rate.output_tokens_per_minute or 1.0)
        takes = (of_input + of_output, 0.0) if is_sum else (of_input, of_output)
        index = int(moment)
        if takes[0] <= left[0] and takes[1] <= left[1]:
            left = [left[0] - takes[0], left[1] - takes[1]]
            series["calls"][index] += 1
            series["inputs"][index] += one
            series["outputs"][index] += other
        else:
            series["throttles"][index] += 1
    return build_traffic(
        minutes,
        invocations=series["calls"],
        throttles=series["throttles"],
        input_tokens=series["inputs"],
        output_tokens=series["outputs"],
    )
