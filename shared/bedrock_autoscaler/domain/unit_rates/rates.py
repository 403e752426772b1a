"""Measured unit rates as values: what the target's own units showed, and what a decision used."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bedrock_autoscaler.domain.target import UnitRate


class RateKind(StrEnum):
    """What a measurement says: the rate within an interval, or that it is at least so much."""

    MEASURED = "measured"
    LOWER_BOUND = "lower_bound"


class Proportions(StrEnum):
    """How a measurement knows what output weighs against input.

    `stated`: as the operator's rate has it. `measured`: from minutes of different mixes.
    `observed_mix`: the mixes did not differ enough; the rate holds for the mix that was seen.
    """

    STATED = "stated"
    MEASURED = "measured"
    OBSERVED_MIX = "observed_mix"


class RateBasis(StrEnum):
    """Where the unit rate of a decision comes from."""

    STATED = "stated"
    MEASURED = "measured"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateMeasurement:
    """What the target's own provisioned throughputs say about the unit rate.

    Attributes:
        model_id: that they were bought for.
        rate: the likeliest rate, or the bound.
        low, high: ends of the 5% to 95% interval as multiples of `rate`; `high` is None of a
            bound, which says nothing of how much more a unit may serve.
        saturated_minutes: minutes with refusals that it rests on.
        measured_at: end of the minutes that it rests on.
    """

    kind: RateKind
    model_id: str
    rate: UnitRate
    low: float
    high: float | None
    proportions: Proportions
    saturated_minutes: int
    measured_at: datetime

    @property
    def lowest(self) -> UnitRate:
        """The lower end, which sizing works with."""
        return scaled(self.rate, self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInUse:
    """The unit rate of a decision, and what is known beside it.

    Attributes:
        rate: None while it is unknown.
        measurement: None while the target's own units told nothing.
    """

    basis: RateBasis
    rate: UnitRate | None
    measurement: RateMeasurement | None


def scaled(rate: UnitRate, factor: float) -> UnitRate:
    """The rate with both of its limits multiplied."""
    output = rate.output_tokens_per_minute
    return replace(
        rate,
        input_tokens_per_minute=rate.input_tokens_per_minute * factor,
        output_tokens_per_minute=None if output is None else output * factor,
    )
