"""The unit rate of a decision in one line."""

from bedrock_autoscaler.domain.target import RateCombination, UnitRate
from bedrock_autoscaler.domain.unit_rates.rates import RateInUse, RateKind, RateMeasurement


def rate_line(use: RateInUse) -> str:
    """Which rate was used, whose word it is, and what own units showed."""
    if use.rate is None:
        said = "unknown"
    else:
        said = f"{use.basis.value}, {_tokens(use.rate)} ({use.rate.source})"
    return f"unit rate: {said}; own units: {_shown(use.measurement)}"


def _shown(measurement: RateMeasurement | None) -> str:
    if measurement is None:
        return "nothing yet"
    if measurement.kind is RateKind.LOWER_BOUND:
        return f"at least {_tokens(measurement.rate)}"
    high = (measurement.high or 1.0) - 1
    return (
        f"{_tokens(measurement.rate)}, {measurement.low - 1:+.1%} to {high:+.1%}, proportions "
        f"{measurement.proportions.value.replace('_', ' ')}"
    )


def _tokens(rate: UnitRate) -> str:
    inputs = f"{rate.input_tokens_per_minute:,.0f} input"
    if rate.output_tokens_per_minute is None:
        return f"{inputs} tokens a minute"
    joined = "and" if rate.combination is RateCombination.LARGER else "or"
    return f"{inputs} {joined} {rate.output_tokens_per_minute:,.0f} output tokens a minute"
