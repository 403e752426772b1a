"""Tokens per minute of a model unit, measured on the target's own units.

AWS publishes no such number. A rate is never guessed: the operator states it with its source, or
it is measured on provisioned throughputs that served and refused, or it is unknown.

Source: docs/model.md, section "Unit rate".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.target import ProvisionedOption, UnitRate
from bedrock_autoscaler.domain.traffic.demand import unit_load
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.unit_rates.proportions import measured_proportions
from bedrock_autoscaler.domain.unit_rates.rates import (
    Proportions,
    RateKind,
    RateMeasurement,
    scaled,
)
from bedrock_autoscaler.domain.unit_rates.saturation import (
    LEAST_SATURATED,
    Attempts,
    Served,
    fit_capacity,
    highest_clean_load,
    is_saturated,
)
from bedrock_autoscaler.domain.units import iso, significant

_WIDEST_INTERVAL = 0.08

_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitTraffic:
    """The traffic of one provisioned throughput since it was bought."""

    model_units: int
    traffic: Traffic


def measure_unit_rate(
    throughputs: Sequence[UnitTraffic],
    bought: ProvisionedOption,
    *,
    attempts: Attempts,
    at: datetime,
) -> RateMeasurement | None:
    """What served and refused traffic says; None while nothing was served.

    With a stated rate its proportion of input to output holds and one factor is measured. Without
    one the proportion is measured too, as far as the mix of tokens varies.

    Args:
        throughputs: of the model that may be bought.
        bought: that model, and the operator's rate.
        attempts: tries of a caller at a provisioned throughput.
        at: end of the traffic.
    """
    busy = [one for one in throughputs if np.nansum(one.traffic.invocations) > 0]
    shape, proportions = _shape(busy, bought.unit_rate)
    if shape is None:
        return None
    served = tuple(_served(one, shape) for one in busy)
    fit = fit_capacity(served, attempts)
    minutes = fit.saturated_minutes if fit else 0
    if fit and fit.is_sound and fit.half_width <= _WIDEST_INTERVAL:
        kind, value = RateKind.MEASURED, fit.value
        error = _mix_error(busy) if proportions is Proportions.OBSERVED_MIX else 0.0
        low = significant(fit.low / value * (1 - error), _DIGITS)
        high = significant(fit.high / value * (1 + error), _DIGITS)
        source = f"measured on {minutes} minutes with refusals until {iso(at)}"
    else:
        kind, value, low, high = RateKind.LOWER_BOUND, highest_clean_load(served), 1.0, None
        source = f"served without refusals until {iso(at)}: a lower bound"
    if value <= 0:
        return None
    return RateMeasurement(
        kind=kind,
        model_id=bought.model_id,
        rate=replace(_rounded(scaled(shape, value)), source=source),
        low=low,
        high=high,
        proportions=proportions,
        saturated_minutes=minutes,
        measured_at=at,
    )


def latest_measurement(
    before: RateMeasurement | None,
    now: RateMeasurement | None,
    throughputs: Sequence[UnitTraffic],
) -> RateMeasurement | None:
    """The one to go by, of the previous and the new one.

    Minutes with refusals leave the history in time, but the rate of a unit does not change: a
    lower bound replaces no measurement that it does not contradict. It does where the same
    minutes, told by the previous measurement's upper end, come to more than a unit: the two rates
    may weigh output differently, so that they compare at no mix but the one that was served.

    Args:
        before: what was known.
        now: what this traffic says.
        throughputs: that `now` was measured on.
    """
    if before is None or now is None:
        return now or before
    is_weaker = now.kind is RateKind.LOWER_BOUND and before.kind is RateKind.MEASURED
    if before.model_id != now.model_id or not is_weaker:
        return now
    most = highest_clean_load(tuple(_least_served(one, before) for one in throughputs))
    return now if most > 1 else before


def _shape(
    busy: Sequence[UnitTraffic], stated: UnitRate | None
) -> tuple[UnitRate | None, Proportions]:
    """Proportions of input and output, as a rate that need not be right in size."""
    if stated is not None:
        return stated, Proportions.STATED
    chosen = [(one, _telling_minutes(one.traffic)) for one in busy]
    if sum(int(minutes.sum()) for _, minutes in chosen) < LEAST_SATURATED:
        chosen = [(one, ~np.isnan(one.traffic.invocations)) for one in busy]
    inputs = [one.traffic.written_tokens[minutes] / one.model_units for one, minutes in chosen]
    outputs = [one.traffic.output_tokens[minutes] / one.model_units for one, minutes in chosen]
    if not inputs:
        return None, Proportions.OBSERVED_MIX
    found = measured_proportions(np.concatenate(inputs), np.concatenate(outputs))
    return found or (None, Proportions.OBSERVED_MIX)


def _mix_error(busy: Sequence[UnitTraffic]) -> float:
    """How far the mix of full minutes is from that of all, for one limit among the two.

    Calls that are heavy on what is short are refused more often. With unknown proportions the rate
    is right for the mix of full minutes, and off by at most half of the difference for the usual.
    """
    tokens = np.zeros((2, 2))
    for one in busy:
        full, known = _telling_minutes(one.traffic), ~np.isnan(one.traffic.invocations)
        written, output = one.traffic.written_tokens, one.traffic.output_tokens
        tokens += [
            [written[full].sum(), output[full].sum()],
            [written[known].sum(), output[known].sum()],
        ]
    if tokens.min() <= 0:
        return 0.0
    mixes = np.log(tokens[:, 1] / tokens[:, 0])
    return float(min(abs(mixes[0] - mixes[1]) / 2, 1.0))


def _telling_minutes(traffic: Traffic) -> np.typing.NDArray[np.bool_]:
    """The saturated minutes with the higher share of refusals."""
    saturated = is_saturated(traffic.invocations, traffic.throttles)
    share = traffic.throttles / np.maximum(traffic.invocations + traffic.throttles, 1.0)
    if not saturated.any():
        return saturated
    return np.asarray(saturated & (share >= np.median(share[saturated])))


def _served(one: UnitTraffic, shape: UnitRate) -> Served:
    load = unit_load(one.traffic.written_tokens, one.traffic.output_tokens, shape)
    return Served(
        load=load / one.model_units,
        calls=one.traffic.invocations,
        throttles=one.traffic.throttles,
        model_units=one.model_units,
    )


def _least_served(one: UnitTraffic, measurement: RateMeasurement) -> Served:
    """The traffic in units of the measurement's upper end.

    Proportions of an observed mix hold for that mix: a minute of another counts for less, as
    `_mix_error` has it, by at most half.
    """
    served = _served(one, scaled(measurement.rate, measurement.high or 1.0))
    output = measurement.rate.output_tokens_per_minute
    if measurement.proportions is not Proportions.OBSERVED_MIX or output is None:
        return served
    mix = output / measurement.rate.input_tokens_per_minute
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(np.log(one.traffic.output_tokens / one.traffic.written_tokens / mix)) / 2
    return replace(served, load=served.load / (1 + np.fmin(apart, 1.0)))


def _rounded(rate: UnitRate) -> UnitRate:
    """To digits on which processors agree."""
    output = rate.output_tokens_per_minute
    return replace(
        rate,
        input_tokens_per_minute=significant(rate.input_tokens_per_minute, _DIGITS),
        output_tokens_per_minute=None if output is None else significant(output, _DIGITS),
    )
