"""From observed traffic to demand in model units, with its gaps kept."""

from dataclasses import dataclass, field
from datetime import datetime
from math import isnan

import numpy as np

from bedrock_autoscaler.domain.target import RateCombination, UnitRate
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic, known_total
from bedrock_autoscaler.domain.units import MINUTE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """What callers wanted, minute by minute; NaN where nothing was read.

    Attributes:
        start: of the first minute.
        load: model units that would have been fully used, throttled demand included.
        requests: calls, throttled ones counted once.
        has_gaps: whether the load of any minute is unknown; asked so often that it is kept.
    """

    start: datetime
    load: Series
    requests: Series
    has_gaps: bool = field(init=False)

    def __post_init__(self) -> None:
        """Look for gaps: the maximum of numbers is NaN where one of them is NaN."""
        object.__setattr__(self, "has_gaps", isnan(self.load.max(initial=0.0)))

    def __len__(self) -> int:
        """The number of minutes."""
        return len(self.load)

    @property
    def end(self) -> datetime:
        """The first minute after the series."""
        return self.start + len(self) * MINUTE

    @property
    def known_minutes(self) -> int:
        """The number of minutes that were read."""
        if not self.has_gaps:
            return len(self)
        return len(self) - int(np.count_nonzero(np.isnan(self.load)))

    def newest(self, minutes: int) -> "Demand":
        """Its newest minutes; at most all of them."""
        first = max(len(self) - minutes, 0)
        return Demand(
            start=self.start + first * MINUTE,
            load=self.load[first:],
            requests=self.requests[first:],
        )


def unit_load(input_tokens: Series, output_tokens: Series, rate: UnitRate) -> Series:
    """Model units that these tokens per minute use up.

    Source: bedrock-capacity facts: separate input and output limits; a measured rate may
    instead be one limit over a weighted sum.
    """
    by_input = input_tokens / rate.input_tokens_per_minute
    if rate.output_tokens_per_minute is None:
        return by_input
    by_output = output_tokens / rate.output_tokens_per_minute
    join = np.add if rate.combination is RateCombination.SUM else np.maximum
    joined: Series = join(by_input, by_output, out=by_input)
    return joined


def estimate_demand(traffic: Traffic, rate: UnitRate, attempts_per_call: float) -> Demand:
    """Demand with refused calls added, each counted once.

    A refused call shows up to `attempts_per_call` throttles, and is taken to be as large as the
    calls served in its minute, or in the whole series where that minute served none. While nothing
    was ever served the size is unknown and counts as 0.
    """
    served = unit_load(traffic.written_tokens, traffic.output_tokens, rate)
    if not traffic.has_throttles:
        # Nothing was refused, as in most histories: what follows would give the same, slowly.
        return Demand(start=traffic.start, load=served, requests=traffic.invocations)
    refused = traffic.throttles / attempts_per_call
    total_calls = known_total(traffic.invocations)
    mean_size = known_total(served) / total_calls if total_calls > 0 else 0.0
    size = np.divide(
        served,
        traffic.invocations,
        out=np.full(len(served), mean_size),
        where=traffic.invocations > 0,
    )
    return Demand(
        start=traffic.start,
        load=served + refused * size,
        requests=traffic.invocations + refused,
    )


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
