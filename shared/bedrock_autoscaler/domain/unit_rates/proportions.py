"""What an output token weighs against an input token, from minutes in which units were full.

Source: docs/model.md, section "Unit rate".
"""

import numpy as np

from bedrock_autoscaler.domain.target import RateCombination, UnitRate
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.unit_rates.rates import Proportions

_LEAST_MINUTES = 80
_CLEAR_DIFFERENCE = 0.05
_TRIMS = 5
_TRIM_DEVIATIONS = 3.0
_ZOOMS = 3
_CELLS = 41
_SOURCE = "proportions of measured traffic"


def measured_proportions(
    input_tokens: Series, output_tokens: Series
) -> tuple[UnitRate, Proportions] | None:
    """A rate whose unit is about as full as these minutes were; None without any token.

    Two ways compete to explain minutes of different mixes with one capacity: one limit over a
    weighted sum, and two separate limits. Where neither is clearly better, the sum of both shares
    at the mean mix is right for that mix and for no other.

    Args:
        input_tokens: per minute and model unit, of minutes with most refusals, or of any minutes
            while those are too few.
        output_tokens: of the same minutes.
    """
    known = (input_tokens + output_tokens) > 0
    inputs, outputs = input_tokens[known], output_tokens[known]
    if not inputs.size or inputs.sum() <= 0:
        return None
    if outputs.sum() <= 0:
        only = _rate(float(np.median(inputs)), None, RateCombination.SUM)
        return only, Proportions.MEASURED
    if len(inputs) >= _LEAST_MINUTES:
        weight, spread_of_sum = _weighted_sum(inputs, outputs)
        ratio, spread_of_larger = _separate_limits(inputs, outputs)
        if spread_of_sum * (1 + _CLEAR_DIFFERENCE) < spread_of_larger:
            full = float(np.median(inputs + weight * outputs))
            return _rate(full, full / weight, RateCombination.SUM), Proportions.MEASURED
        if spread_of_larger * (1 + _CLEAR_DIFFERENCE) < spread_of_sum:
            full = float(np.median(np.maximum(inputs, ratio * outputs)))
            return _rate(full, full / ratio, RateCombination.LARGER), Proportions.MEASURED
    half_each = _rate(2 * float(inputs.mean()), 2 * float(outputs.mean()), RateCombination.SUM)
    return half_each, Proportions.OBSERVED_MIX


def _weighted_sum(inputs: Series, outputs: Series) -> tuple[float, float]:
    """(weight of an output token, spread) of the best `a i + b o = 1`; infinite when a or b < 0."""
    shares = np.column_stack([inputs / inputs.mean(), outputs / outputs.mean()])
    kept = np.ones(len(inputs), dtype=np.bool_)
    parts = np.ones(2)
    for _ in range(_TRIMS):
        parts = np.linalg.lstsq(shares[kept], np.ones(int(kept.sum())), rcond=None)[0]
        apart = np.abs(shares @ parts - np.median(shares @ parts))
        kept = apart <= _TRIM_DEVIATIONS * np.median(apart)
    if parts.min() <= 0:
        return 1.0, float("inf")
    weight = float(parts[1] / outputs.mean() / (parts[0] / inputs.mean()))
    return weight, _spread(inputs + weight * outputs)


def _separate_limits(inputs: Series, outputs: Series) -> tuple[float, float]:
    """(input limit / output limit, spread) for which the fuller limit varies least."""
    centre = float(np.median(inputs) / max(float(np.median(outputs)), 1e-9))
    low, high = -np.log(30.0), np.log(30.0)
    ratio, spread = centre, float("inf")
    for _ in range(_ZOOMS):
        ratios = centre * np.exp(np.linspace(low, high, _CELLS))
        spreads = [_spread(np.maximum(inputs, one * outputs)) for one in ratios]
        best = int(np.argmin(spreads))
        ratio, spread = float(ratios[best]), spreads[best]
        middle, step = np.log(ratio / centre), (high - low) / (_CELLS - 1)
        low, high = middle - 2 * step, middle + 2 * step
    return ratio, spread


def _spread(values: Series) -> float:
    """Relative width of the middle half and of the middle four fifths together."""
    p10, p25, p50, p75, p90 = np.quantile(values, [0.1, 0.25, 0.5, 0.75, 0.9])
    return float((p75 - p25 + p90 - p10) / p50) if p50 > 0 else float("inf")


def _rate(inputs: float, outputs: float | None, combination: RateCombination) -> UnitRate:
    return UnitRate(
        input_tokens_per_minute=inputs,
        output_tokens_per_minute=outputs,
        combination=combination,
        source=_SOURCE,
    )
