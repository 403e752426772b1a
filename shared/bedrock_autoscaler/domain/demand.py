"""From observed traffic to demand in model units, with its gaps kept."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.observation import Series, Traffic
from bedrock_autoscaler.domain.target import RateCombination, UnitRate
from bedrock_autoscaler.domain.units import MINUTE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """What callers wanted, minute by minute; NaN where nothing was read.

    Attributes:
        start: of the first minute.
        load: model units that would have been fully used, throttled demand included.
        requests: calls, throttled ones counted once.
    """

    start: datetime
    load: Series
    requests: Series

    def __len__(self) -> int:
        """The number of minutes."""
        return len(self.load)

    @property
    def end(self) -> datetime:
        """The first minute after the series."""
        return self.start + len(self) * MINUTE


def unit_load(input_tokens: Series, output_tokens: Series, rate: UnitRate) -> Series:
    """Model units that these tokens per minute use up.

    Source: bedrock-capacity facts: separate input and output limits; a measured rate may
    instead be one limit over a weighted sum.
    """
    by_input = input_tokens / rate.input_tokens_per_minute
    if rate.output_tokens_per_minute is None:
        return by_input
    by_output = output_tokens / rate.output_tokens_per_minute
    if rate.combination is RateCombination.SUM:
        return by_input + by_output
    return np.maximum(by_input, by_output)


def censoring(traffic: Traffic, attempts_per_call: float) -> Series:
    """Factor from served to wanted requests, per minute; 1 without throttles.

    Each call that was refused shows up to `attempts_per_call` throttles. A minute in which
    nothing was served has no factor (NaN there): its demand is known by requests alone.
    """
    wanted = traffic.invocations + traffic.throttles / attempts_per_call
    return np.divide(
        wanted,
        traffic.invocations,
        out=np.where(wanted > 0, np.nan, 1.0),
        where=traffic.invocations > 0,
    )


def estimate_demand(traffic: Traffic, rate: UnitRate, attempts_per_call: float) -> Demand:
    """Demand with throttled calls added at the size of the served ones.

    In a minute where nothing was served the calls get the mean size over the series; while
    nothing was ever served their size is unknown and counts as 0.
    """
    written = traffic.input_tokens + traffic.cache_write_tokens
    served = unit_load(written, traffic.output_tokens, rate)
    if not np.fmax.reduce(traffic.throttles, initial=0.0):
        # Nothing was refused, as in most histories: what follows would give the same, slowly.
        return Demand(start=traffic.start, load=served, requests=traffic.invocations)
    requests = traffic.invocations + traffic.throttles / attempts_per_call
    factor = censoring(traffic, attempts_per_call)
    total_requests = float(np.nansum(traffic.invocations))
    mean_size = float(np.nansum(served)) / total_requests if total_requests > 0 else 0.0
    all_refused = np.isnan(factor) & ~np.isnan(requests)
    load = np.where(all_refused, served + requests * mean_size, served * factor)
    return Demand(start=traffic.start, load=load, requests=requests)


def completeness(series: Series, minutes: int) -> float:
    """Share of the newest `minutes` that were read; minutes before the series count as missing."""
    if minutes <= 0:
        return 1.0
    newest = series[-minutes:]
    return float(np.count_nonzero(~np.isnan(newest))) / minutes


def newest_known(demand: Demand) -> datetime | None:
    """Start of the newest minute that was read; None when none was."""
    known = np.flatnonzero(~np.isnan(demand.load))
    if known.size == 0:
        return None
    return demand.start + int(known[-1]) * MINUTE
